"""The comparison with the field's libraries counts what it compares, and sees what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from interpviz.data import dictionaries
from tests import interop

BY_RULE = interop.PACKAGES["numpy"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the fixtures that need no library, in place of all."""
    shutil.copytree(interop.DATA / BY_RULE.folder, tmp_path / "data" / BY_RULE.folder)
    monkeypatch.setattr(interop, "DATA", tmp_path / "data")
    return tmp_path / "data"


def test_what_is_made_anew_is_what_is_stored_and_is_read_right(data: Path) -> None:
    rows = list(interop.compared("numpy", BY_RULE))
    assert [(row.count, row.near) for row in rows] == [(7, True), (7, True)]


def test_an_output_that_changed_is_seen(data: Path) -> None:
    output = next(data.rglob(interop.EXPECTED))
    expected = load_file(output)
    save_file(expected | {"features": expected["features"] + np.float32(0.001)}, output)
    stored, read = interop.compared("numpy", BY_RULE)
    assert (stored.near, read.near) == (False, True)
    assert stored.difference == pytest.approx(0.001, rel=1e-3)


def test_nothing_compared_is_no_agreement(data: Path) -> None:
    for output in data.rglob(interop.EXPECTED):
        output.unlink()
    assert not next(interop.compared("numpy", BY_RULE)).near


def test_what_a_layout_has_a_place_for_is_written_with_its_outputs(data: Path, tmp_path: Path) -> None:
    written = list(interop.write_all(tmp_path / "ours", "saelens"))
    assert len(written) == 7
    for folder in written:
        assert dictionaries.facts(folder).layout == "SAELens"
        assert json.loads((folder / "cfg.json").read_text("utf-8"))["d_in"] == 6
        found = load_file(folder.with_name(f"{folder.name}.{interop.EXPECTED}"))
        assert found.keys() == {"x", "features", "decoded"}


def test_arrays_of_other_shapes_differ_without_end() -> None:
    assert interop.largest({"x": np.zeros(2)}, {"x": np.zeros(3)}) == np.inf
    assert interop.largest({"x": np.zeros(2)}, {"y": np.zeros(2)}) == np.inf
