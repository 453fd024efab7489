"""`export` and the calls beside it: an index with its notes for Neuronpedia, and other programs' labels as notes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from interpviz import api
from interpviz.api.asking import ask
from interpviz.core.feature_requests import ExportFeatures
from interpviz.core.paths import resource
from tests.cli.conftest import Command
from tests.data.explanation_files import DELPHI, make_delphi
from tests.data.neuronpedia_schema import TABLES, problems
from tests.data.sae_files import random_sae

pytestmark = pytest.mark.slow
HOOK = "blocks.1.hook_resid_post"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> api.FeatureIndex:
    """Seventy-two features of no meaning, looked up in the demo's cache."""
    folder = tmp_path_factory.mktemp("index") / "some"
    random_sae(folder, d_in=192, features=72, metadata={"hook_name": HOOK, "model_name": "demo"})
    return api.features(folder, api.load("demo"), resource("demo/demo.acts"))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_an_index_and_its_notes_are_exported(interpviz: Command, index: api.FeatureIndex, tmp_path: Path) -> None:
    api.write_notes(index, api.Notes(labels=((5, "my own"),)))
    ended = interpviz("export", index.facts.source, "--out", tmp_path / "out", "--json")
    assert ended.status == 0, ended.err
    folder = tmp_path / "out" / "demo" / "1-some"
    assert (ended.json["folder"], ended.json["features"]) == (str(folder), 72)
    for kind in ("features", "activations", "explanations"):
        found = rows(folder / kind / "batch-0.jsonl.gz")
        assert len(found) == ended.json[kind]
        assert [problems(kind, row) for row in found] == [[]] * len(found)
        assert kind in TABLES
    own = [row["description"] for row in rows(folder / "explanations" / "batch-0.jsonl.gz") if row["typeName"] is None]
    assert own == ["my own"]
    page = index.page(5)
    features = rows(folder / "features" / "batch-0.jsonl.gz")
    assert (features[5]["maxActApprox"], features[5]["frac_nonzero"]) == (page.maximum, page.density)


def test_the_window_gets_the_folder_of_its_export(index: api.FeatureIndex, tmp_path: Path) -> None:
    folder = ask(ExportFeatures(index.facts, str(tmp_path)))
    assert (folder, Path(folder).is_dir()) == (str(tmp_path / "demo" / "1-some"), True)


def test_a_second_export_to_the_same_place_is_a_mistake(
    interpviz: Command, index: api.FeatureIndex, tmp_path: Path
) -> None:
    assert interpviz("export", index.facts.source, "--out", tmp_path).out.startswith("72 features, ")
    again = interpviz("export", index.facts.source, "--out", tmp_path)
    assert (again.status, again.out) == (2, "")
    assert "already. Move it away" in again.err


def test_what_is_no_index_is_a_mistake(interpviz: Command, tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"nothing")
    for path in (tmp_path / "a.h5", tmp_path / "gone.h5"):
        ended = interpviz("export", path, "--out", tmp_path / "out")
        assert ended.status == 2
        assert "Traceback" not in ended.err


def test_labels_of_another_program_become_notes_and_leave_my_own(index: api.FeatureIndex, tmp_path: Path) -> None:
    make_delphi(tmp_path / "run")
    found = api.explanations(tmp_path / "run")
    kept = api.write_notes(index, api.with_explanations(api.Notes(labels=((3, "my own"),)), found))
    assert kept.labels == ((3, "my own"), (70, " ".join(DELPHI[70].split())))
    assert api.notes(index) == kept
    assert api.notes(Path(index.facts.source.removesuffix(".features.h5"))) == kept
