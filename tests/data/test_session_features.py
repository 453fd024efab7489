"""Dictionaries, indices and what is shown of them, through a session file and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interpviz.core.document import Document, ModelFacts
from interpviz.core.features import DictionaryFacts, FeaturesView, IndexFacts
from interpviz.data import sessions
from interpviz.data.sessions import BadSession

MODEL = ModelFacts("demo", "demo", "a" * 64, 4, 6, 6, 192, 512, 4096, 128)
SKIP = DictionaryFacts(
    "skip", "/data/skip", "c" * 64, "transcoder", "blocks.1.mlp.hook_in", 192, 16, "blocks.1.hook_mlp_out", 192, True,
    "circuit-tracer",
)  # fmt: skip
INDEX = IndexFacts(
    "i.features.h5", "/data/i.features.h5", "d" * 64, "skip", "c" * 64, "a" * 64, "c", "b" * 64, 16, 2**33
)
VIEW = FeaturesView("skip", 9, "density < 1%", "label", False, 3, "a dog", "direct", "pets")
DOCUMENT = Document(model=MODEL, dictionaries=(SKIP,), indices=(INDEX,), features=VIEW)


def test_all_of_it_comes_back(tmp_path: Path) -> None:
    sessions.save(DOCUMENT, tmp_path / "s.json")
    assert sessions.load(tmp_path / "s.json") == DOCUMENT


def test_an_index_below_the_session_moves_with_it(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    placed = replace(DOCUMENT, indices=(replace(INDEX, source=str(here / "i.features.h5")),))
    sessions.save(placed, here / "s.json")
    here.rename(there)
    (index,) = sessions.load(there / "s.json").indices
    assert index.source == str(there / "i.features.h5")
    assert str(there / "i.features.h5") in sessions.missing(replace(DOCUMENT, indices=(index,)))


def test_a_session_of_before_knows_no_more_of_a_dictionary_than_it_said(tmp_path: Path) -> None:
    known = ("name", "source", "sha256", "architecture", "hook", "d_in", "features")
    opened = sessions.load(
        written(tmp_path, dictionaries=[{name: getattr(SKIP, name) for name in known}], indices=None, features=None)
    )
    assert opened.dictionaries == (replace(SKIP, hook_out="", d_out=0, writes_ahead=False, layout="SAELens"),)
    assert (opened.indices, opened.features) == ((), FeaturesView())


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"feature": 16}, "a feature that its dictionary has not"),
        ({"feature": -1}, "features.feature"),
        ({"dictionary": "gone", "feature": 99}, "a feature that its dictionary has not"),
        ({"column": "size"}, "features.column"),
        ({"tried": "a" * 20_001}, "features.tried"),
        ({"filter": 3}, "features.filter"),
    ],
)
def test_what_it_may_not_say_is_named(tmp_path: Path, features: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSession, match=said):
        sessions.load(written(tmp_path, features=features))


def written(folder: Path, **changes: Any) -> Path:
    """The session's file with these parts changed, or left out where they are None."""
    file = folder / "s.json"
    sessions.save(DOCUMENT, file)
    content = {key: value for key, value in (json.loads(file.read_bytes()) | changes).items() if value is not None}
    content.pop("crc32")
    file.write_text(json.dumps({**content, "crc32": sessions.checksum(content)}))
    return file
