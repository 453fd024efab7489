"""A Neuronpedia export is what that site's importer takes, and says of each feature what the index says."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.feature_results import Example, ExampleGroup, FeaturePage, Notes, Related, TopTokens
from interpviz.core.features import IndexFacts
from interpviz.core.labels import Label, Predicate
from interpviz.data.neuronpedia import export
from tests.data.neuronpedia_schema import problems

NOTES = Notes(texts=((1, "saw it myself"), (2, "a note alone")), labels=((1, "dogs"),))
PLACE = "demo-model/3-my-sae-1k"


def tokens(*texts: str) -> TopTokens:
    return TopTokens(np.arange(len(texts), dtype=np.int32), texts, np.linspace(2, 1, len(texts), dtype=np.float32))


def example(value: float) -> Example:
    return Example(
        row=40,
        at=2,
        ids=np.array([0, 5, 2, 9], np.int32),
        texts=("<s>", " a", " dog\ud800", "\x00"),
        values=np.array([0, 0.25, value, 0], np.float32),
        document=7,
        position=2,
    )


def page(feature: int, **changes: Any) -> FeaturePage:
    whole = FeaturePage(
        feature=feature,
        density=0.125,
        active=1000,
        maximum=4.0,
        mean=1.5,
        edges=np.array([0, 2, 4], np.float32),
        counts=np.array([900, 100], np.int32),
        quantiles=np.linspace(0, 4, 101, dtype=np.float32),
        groups=(
            ExampleGroup("Strongest", 3.5, 4.0, (example(4.0), example(3.5))),
            ExampleGroup("50% to 100%", 2.0, 3.5, (example(3.0),)),
            ExampleGroup("0% to 50%", 0.5, 2.0, (example(1.0),)),
        ),
        promoted=tokens(" dog", " cat"),
        suppressed=tokens("!"),
        neighbours=Related(np.array([9, 4], np.int32), np.array([0.5, 0.25], np.float32)),
        together=Related(np.array([3], np.int32), np.array([0.1], np.float32)),
        label=Label(Predicate("at", (2,)), '" dog" at the token', 0.96),
    )
    return dataclasses.replace(whole, **changes)


NOTHING = TopTokens(np.zeros(0, np.int32), (), np.zeros(0, np.float32))
DEAD: dict[str, Any] = {
    "density": 0.0,
    "active": 0,
    "maximum": 0.0,
    "mean": float("nan"),
    "edges": np.array([0, np.nan, np.inf], np.float32),
    "groups": (),
    "promoted": NOTHING,
    "suppressed": NOTHING,
    "label": None,
}


class Index:
    """An index of pages made by hand; all but feature 1 were never active."""

    def __init__(self, features: int, hook: str = "blocks.3.hook_resid_post") -> None:
        self.facts = IndexFacts(
            "i", "/i", "a" * 64, "My sae/1k", "b" * 64, "c" * 64, "some.acts", "d" * 64, features, 99
        )
        self.about = SimpleNamespace(model="Demo Model", hook=hook, dictionary="My sae/1k")

    def page(self, feature: int) -> FeaturePage:
        return page(feature) if feature == 1 else page(feature, **DEAD)


def exported(out: Path, features: int = 3, notes: Notes = NOTES) -> Any:
    return export(Index(features), notes, out)  # type: ignore[arg-type]  # it has all of an index that is asked for


def rows(path: Path) -> list[dict[str, Any]]:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line, parse_constant=refuse) for line in raw.decode("ascii").splitlines()]


def test_every_row_is_what_the_importer_takes(tmp_path: Path) -> None:
    made = exported(tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert [str(path.relative_to(tmp_path)) for path in files] == [
        "config/explanation_type.jsonl",
        *(f"{PLACE}/{kind}/batch-0.jsonl.gz" for kind in ("activations", "explanations", "features")),
        *(f"{PLACE}/{kind}.jsonl" for kind in ("model", "release", "source", "sourceset")),
    ]
    for path in files:
        table = path.parent.name if path.suffix == ".gz" else path.stem
        found = rows(path)
        assert [problems(table, row) for row in found] == [[]] * len(found)
        assert len({tuple(row) for row in found}) == 1  # the importer asks the first row for the columns of all
    assert dataclasses.astuple(made) == (str(tmp_path / PLACE), 3, 4, 3)


def test_the_rows_refer_to_each_other(tmp_path: Path) -> None:
    folder = Path(exported(tmp_path).folder)
    release, model, chosen, source = (
        rows(folder / f"{name}.jsonl")[0] for name in ("release", "model", "sourceset", "source")
    )
    assert (chosen["releaseName"], chosen["modelId"]) == (release["name"], model["id"])
    assert (source["id"], source["setName"], source["modelId"]) == (folder.name, chosen["name"], folder.parent.name)
    kinds = {row["name"] for row in rows(tmp_path / "config" / "explanation_type.jsonl")}
    for kind in ("features", "activations", "explanations"):
        for row in rows(folder / kind / "batch-0.jsonl.gz"):
            assert (row["modelId"], row["layer"], row["index"] in "012") == (model["id"], source["id"], True)
            assert row.get("typeName") in {None, *kinds}
            assert row.get("sourceSetName", chosen["name"]) == chosen["name"]


def test_a_feature_is_as_the_index_says(tmp_path: Path) -> None:
    feature = rows(Path(exported(tmp_path).folder) / "features" / "batch-0.jsonl.gz")[1]
    assert feature["index"] == "1"
    assert (feature["maxActApprox"], feature["frac_nonzero"]) == (4.0, 0.125)
    assert (feature["pos_str"], feature["pos_values"]) == ([" dog", " cat"], [2.0, 1.0])
    assert (feature["neg_str"], feature["neg_values"]) == (["!"], [2.0])
    assert (feature["freq_hist_data_bar_heights"], feature["freq_hist_data_bar_values"]) == ([900, 100], [1.0, 3.0])
    assert (feature["topkCosSimIndices"], feature["topkCosSimValues"]) == ([9, 4], [0.5, 0.25])
    assert (feature["correlated_features_indices"], feature["hasVector"]) == ([], False)  # what was not measured


def test_examples_are_activations_in_bins(tmp_path: Path) -> None:
    found = rows(Path(exported(tmp_path).folder) / "activations" / "batch-0.jsonl.gz")
    assert [(row["binMin"], row["binMax"], row["binContains"]) for row in found] == [
        (-1, 4.0, -1),
        (-1, 4.0, -1),
        (2.0, 3.5, 0.5),
        (0.5, 2.0, 0.5),
    ]
    first = found[0]
    assert (first["tokens"], first["values"]) == (["<s>", " a", " dog\ufffd", "\x00"], [0.0, 0.25, 4.0, 0.0])
    assert (first["maxValue"], first["maxValueTokenIndex"], first["minValue"]) == (4.0, 2, 0.0)
    assert first["qualifyingTokenIndex"] == 2
    assert len({row["id"] for row in found}) == 4


def test_labels_and_notes_are_explanations(tmp_path: Path) -> None:
    found = rows(Path(exported(tmp_path).folder) / "explanations" / "batch-0.jsonl.gz")
    assert [(row["index"], row["description"], row["typeName"], row["notes"]) for row in found] == [
        ("1", "dogs", None, "saw it myself"),
        ("1", '" dog" at the token', "interpviz_predicate", "balanced accuracy 0.960 on held-out positions"),
        ("2", "a note alone", None, None),
    ]


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    dead = rows(Path(exported(tmp_path).folder) / "features" / "batch-0.jsonl.gz")[0]
    assert dead["freq_hist_data_bar_values"] == [None, None]


def test_a_file_without_rows_is_left_out(tmp_path: Path) -> None:
    folder = Path(exported(tmp_path, features=1, notes=Notes()).folder)
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"features"}


def test_1024_features_fill_a_file(tmp_path: Path) -> None:
    made = exported(tmp_path, features=1025)
    files = [rows(Path(made.folder) / "features" / f"batch-{number}.jsonl.gz") for number in (0, 1)]
    assert [len(found) for found in files] == [1024, 1]
    assert files[1][0]["index"] == "1024"


def test_the_same_index_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        exported(tmp_path / name)
    for path in (tmp_path / "a").rglob("*.*l*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
        assert path.suffix != ".gz" or path.read_bytes()[4:8] == bytes(4)  # no time of writing


def test_an_export_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    exported(tmp_path)
    with pytest.raises(InterpvizError, match="There is an export at .* already"):
        exported(tmp_path)


def test_the_kinds_of_other_exports_stay(tmp_path: Path) -> None:
    kinds = tmp_path / "config" / "explanation_type.jsonl"
    kinds.parent.mkdir()
    kinds.write_text('{"name": "other"}')
    exported(tmp_path)
    first = kinds.read_bytes()
    assert [row["name"] for row in rows(kinds)] == ["other", "interpviz_predicate"]
    export(Index(1, "hook_embed"), Notes(), tmp_path)  # type: ignore[arg-type]
    assert kinds.read_bytes() == first
    assert (tmp_path / "demo-model" / "0-my-sae-1k").exists()


def test_an_export_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    def stop(fraction: float, text: str = "", partial: Any = None) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        export(Index(3), NOTES, tmp_path, stop)  # type: ignore[arg-type]
    assert list((tmp_path / "demo-model").iterdir()) == []


def test_what_a_killed_export_left_is_swept(tmp_path: Path) -> None:
    left = tmp_path / "demo-model" / ".3-my-sae-1k.0123.tmp"
    left.mkdir(parents=True)
    exported(tmp_path)
    assert not left.exists()


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InterpvizError, match="cannot be written"):
        exported(tmp_path / "file")


def test_the_importer_would_refuse_what_is_wrong() -> None:
    row = {"name": "x", "displayName": "x", "description": "x", "creatorName": "x", "creatorId": "x"}
    assert problems("explanation_type", row) == []
    assert problems("explanation_type", {**row, "more": 1}) == ["more is no column"]
    assert problems("explanation_type", {**row, "name": None}) == ["name is None, no String"]
    del row["name"]
    assert problems("explanation_type", row) == ["name is missing"]
