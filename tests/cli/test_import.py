"""`interpviz import`: what other programs cached becomes a cache, or a sentence says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from interpviz import api
from tests.cli.conftest import Command
from tests.data.foreign import makers


def test_an_import_says_what_it_made(interpviz: Command, tmp_path: Path) -> None:
    path = makers.make_batches(tmp_path)
    out = tmp_path / "ours.acts"
    ended = interpviz("import", path, "--map", "activations=L2R", "--map", "token_ids=tokens", "--out", out, "--json")
    assert ended.status == 0
    assert ended.json == {
        "path": str(out), "layout": "one HDF5 file of arrays", "sites": ["blocks.2.hook_resid_post"], "codes": [],
        "tokens": 36,
    }  # fmt: skip
    assert interpviz("check", out).status == 0
    again = interpviz("import", path, "--map", "activations=L2R", "--map", "token_ids=tokens", "--out", out)
    assert again.out.splitlines() == [
        "batches.h5: one HDF5 file of arrays",
        f"36 tokens of unknown in {out}: blocks.2.hook_resid_post",
    ]


def test_codes_are_named_where_there_are_some(interpviz: Command, tmp_path: Path) -> None:
    makers.make_delphi(tmp_path / "theirs")
    ended = interpviz("import", tmp_path / "theirs", "--out", tmp_path / "ours.acts", "--json")
    assert (ended.json["codes"], ended.json["sites"]) == (["layers.1", "layers.1.mlp"], [])


def test_what_is_left_out_is_said(interpviz: Command, tmp_path: Path) -> None:
    ended = interpviz("import", makers.make_arrays(tmp_path), "--out", tmp_path / "ours.acts")
    assert ended.out.splitlines()[1] == "left out, since nothing says what it is: labels (3 int64)"


def test_an_array_without_a_telling_name_is_asked_for(interpviz: Command, tmp_path: Path) -> None:
    ended = interpviz("import", makers.make_batches(tmp_path), "--out", tmp_path / "ours.acts")
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "activations (6 x 6 x 5 float32)" in ended.err
    assert "--map activations=L5R" in ended.err


def test_a_map_without_two_sides_is_a_sentence(interpviz: Command, tmp_path: Path) -> None:
    for text in ("activations", "=L1R", "activations="):
        ended = interpviz("import", makers.make_batches(tmp_path), "--map", text, "--out", tmp_path / "ours.acts")
        assert ended.err == f"'{text}' maps nothing. Write --map OLD=NEW, for instance --map layer_3/targets=L3M.\n"
        assert ended.status == 2
        (tmp_path / "batches.h5").unlink()


def test_open_leaves_it_to_the_window_to_ask_what_arrays_become(
    interpviz: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("interpviz.cli.window._open", opened.extend)
    path = makers.make_arrays(tmp_path)
    assert interpviz("open", path).status == 0
    assert opened == [str(path)]


def test_check_says_to_import_first(interpviz: Command, tmp_path: Path) -> None:
    chunks, delphi = tmp_path / "chunks", tmp_path / "delphi"
    makers.make_chunks(chunks)
    makers.make_delphi(delphi)
    for path in (chunks, delphi, makers.make_arrays(tmp_path), makers.make_saved(tmp_path / "saved").parent):
        ended = interpviz("check", path)
        name = path.name.split(".")[0]
        assert (ended.status, ended.out) == (2, "")
        assert ended.err == (
            f"{path.name} holds activations of another program. "
            f"Import them first: interpviz import {path} --out {name}.acts\n"
        )


def test_python_imports_by_the_same_names(tmp_path: Path) -> None:
    makers.make_chunks(tmp_path / "theirs", "float32")
    found = api.look_into(tmp_path / "theirs")
    assert [holding.proposed for holding in found.holdings][:2] == ["blocks.0.mlp.hook_in", "blocks.0.hook_mlp_out"]
    cache = api.import_(tmp_path / "theirs", tmp_path / "ours.acts", {"layer_0/targets": "L0M"})
    np.testing.assert_array_equal(cache.rows("L0M", range(9)), makers.chunk(0, 0, "targets", 9, "float32"))
