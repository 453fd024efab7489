"""Labels that other programs made come in by feature, and what is wrong with their files is one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.feature_results import Explanations
from interpviz.data import explained
from interpviz.data.explanations import read
from tests.data.explanation_files import DELPHI, make_delphi, make_openai, simulated


def shown(found: Explanations) -> list[tuple[int, str, float | None]]:
    scores = [None if np.isnan(score) else round(float(score), 4) for score in found.scores]
    return list(zip(found.features.tolist(), found.texts, scores, strict=True))


OF_DELPHI = [(3, DELPHI[3], 0.8125), (70, DELPHI[70], None)]  # the mean of (0.5 + 1) / 2 and (1 + 0.75) / 2
OF_OPENAI = [(2, "numbers", None), (11, "names of women", 0.5)]


@pytest.mark.parametrize("place", ["run", "run/explanations", "run/layers.5.mlp", "run/explanations/layers.5.mlp"])
def test_delphis_explanations_are_read_from_every_place_that_means_them(tmp_path: Path, place: str) -> None:
    make_delphi(tmp_path / "run")
    found = read(tmp_path / place)
    assert shown(found) == OF_DELPHI
    assert [found.features.dtype.name, found.scores.dtype.name] == ["int32", "float32"]
    assert found.source == str(tmp_path / place)


def test_one_file_of_delphi_explains_one_latent(tmp_path: Path) -> None:
    assert shown(read(make_delphi(tmp_path))) == OF_DELPHI[:1]


def test_one_of_several_modules_is_to_be_named(tmp_path: Path) -> None:
    make_delphi(tmp_path / "run", ("layers.5.mlp", "layers.5", "layers.15"))
    with pytest.raises(InterpvizError, match=r"several modules: layers\.15, layers\.5, layers\.5\.mlp\. Name one, as "):
        read(tmp_path / "run")
    assert shown(read(tmp_path / "run" / "layers.5")) == OF_DELPHI


def test_openais_explanations_are_read_and_the_better_one_is_kept(tmp_path: Path) -> None:
    file = make_openai(tmp_path / "all")
    assert shown(read(tmp_path / "all")) == OF_OPENAI
    assert shown(read(tmp_path / "all" / "5")) == OF_OPENAI
    assert shown(read(file)) == OF_OPENAI[1:]


def test_a_score_that_is_a_number_beats_one_that_is_none(tmp_path: Path) -> None:
    nothing = float("nan")
    for order in ((("a", nothing), ("b", -0.5)), (("b", -0.5), ("a", nothing))):
        (tmp_path / "1.json").write_text(json.dumps(simulated(1, *order)))
        assert shown(read(tmp_path / "1.json")) == [(1, "b", -0.5)]


def test_many_neurons_may_stand_in_one_file_if_they_are_of_one_layer(tmp_path: Path) -> None:
    lines = [json.dumps(simulated(number, (f"of {number}", 0.5))) for number in (3, 1)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert shown(read(tmp_path / "a.jsonl")) == [(1, "of 1", 0.5), (3, "of 3", 0.5)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, json.dumps(simulated(3, ("x", 0.1), layer=6))]))
    with pytest.raises(InterpvizError, match="of several layers: 5, 6"):
        read(tmp_path / "a.jsonl")


def test_one_of_several_layers_is_to_be_named(tmp_path: Path) -> None:
    make_openai(tmp_path)
    (tmp_path / "6").mkdir()
    (tmp_path / "6" / "0.jsonl").write_text(json.dumps(simulated(0, ("x", 0.1), layer=6)))
    with pytest.raises(InterpvizError, match="several layers: 5, 6. Name one, as "):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'["a"]', "does not hold one text"),
        (b"3", "does not hold one text"),
    ],
)
def test_what_is_no_explanation_of_delphi_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    make_delphi(tmp_path).write_bytes(content)
    with pytest.raises(InterpvizError, match=rf"explanations/layers\.5\.mlp_latent3\.txt {said}\. Mend it"):
        read(tmp_path)


@pytest.mark.parametrize("content", ["{}", "[3]", '"x"', "[", '[{"activating": 3}, 4]'])
def test_what_is_no_score_of_delphi_is_named(tmp_path: Path, content: str) -> None:
    make_delphi(tmp_path)
    (tmp_path / "scores" / "fuzz" / "layers.5.mlp_latent3.txt").write_text(content)
    with pytest.raises(InterpvizError, match=r"fuzz/layers\.5\.mlp_latent3\.txt "):
        read(tmp_path)


@pytest.mark.parametrize("content", ["[]", '[{"final_score": 0.4}]', '[{"activating": true, "prediction": true}]'])
def test_a_scorer_that_judges_otherwise_gives_no_score(tmp_path: Path, content: str) -> None:
    make_delphi(tmp_path)
    for scorer in ("fuzz", "detection"):
        (tmp_path / "scores" / scorer / "layers.5.mlp_latent3.txt").write_text(content)
    assert shown(read(tmp_path))[0][2] is None


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ([], "does not say which neuron"),
        ({"neuron_id": {"layer_index": 5, "neuron_index": -1}}, "does not say which neuron"),
        ({"neuron_id": {"layer_index": 5, "neuron_index": True}}, "does not say which neuron"),
        ({"neuron_id": {"layer_index": 5, "neuron_index": 10**30}}, "does not say which neuron"),
        ({**simulated(1), "scored_explanations": None}, "no list"),
        ({**simulated(1), "scored_explanations": [{"explanation": 3}]}, "no text"),
        (
            {"neuron_id": {"layer_index": 5, "neuron_index": 1}, "most_positive_activation_records": []},
            "holds activations and no scored_explanations",
        ),
    ],
)
def test_what_is_no_explanation_of_openai_is_named(tmp_path: Path, record: Any, said: str) -> None:
    (tmp_path / "1.jsonl").write_text(json.dumps(record))
    with pytest.raises(InterpvizError, match=said):
        read(tmp_path / "1.jsonl")


def test_texts_are_plain_and_of_bounded_length(tmp_path: Path) -> None:
    make_delphi(tmp_path).write_text(json.dumps("  a\ud800b" + "x" * 20_000))
    text = read(tmp_path).texts[0]
    assert text.startswith("a\ufffdb")
    assert len(text) < explained.LONGEST + 1


def test_what_is_not_there_and_what_explains_nothing_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "picture.png").write_bytes(b"")
    for name, said in (("gone", "There is no"), ("empty", "holds no explanations"), ("picture.png", "holds no expl")):
        with pytest.raises(InterpvizError, match=said):
            read(tmp_path / name)
    (tmp_path / "empty" / "a_latent1.txt").write_text("null")
    with pytest.raises(InterpvizError, match="explains no feature"):
        read(tmp_path / "empty")


def test_a_file_that_is_far_too_long_is_not_read(tmp_path: Path) -> None:
    with make_delphi(tmp_path).open("wb") as file:
        file.truncate(2**34)
    with pytest.raises(InterpvizError, match="is over 16 MB"):
        read(tmp_path)


def test_reading_ends_when_nobody_wants_it(tmp_path: Path) -> None:
    def stop(fraction: float, text: str = "", partial: Any = None) -> None:
        raise Cancelled

    make_delphi(tmp_path)
    with pytest.raises(Cancelled):
        read(tmp_path, stop)
