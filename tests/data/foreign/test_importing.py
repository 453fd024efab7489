"""An import can be stopped anywhere and gone on with, and what does not go together is a sentence."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.jobs import Import
from interpviz.data import manifest, recorder
from interpviz.data.activations import Cache
from interpviz.data.foreign import importing
from interpviz.data.foreign.importing import run
from interpviz.data.shard_writer import ShardWriter
from tests.data.foreign import makers
from tests.sources import ROOT

SHARDS = ("shard-00000.h5", "shard-00001.h5", "shard-00002.h5")


@pytest.mark.slow
def test_an_import_that_was_stopped_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "SHARD_TOKENS", 9)
    makers.make_chunks(tmp_path / "theirs", rows=(9, 13))
    whole = Import(str(tmp_path / "theirs"), str(tmp_path / "whole.acts"))
    run(whole)
    stopped = Import(str(tmp_path / "theirs"), str(tmp_path / "stopped.acts"))

    def stop(fraction: float, text: str = "", partial: Any = None) -> None:
        if text.startswith("Imported 9 of 22 rows"):
            raise Cancelled

    with pytest.raises(Cancelled):
        run(stopped, stop)
    assert [line.file for line in manifest.read(tmp_path / "stopped.acts").shards] == [SHARDS[0]]
    run(stopped)
    for name in SHARDS:
        assert (tmp_path / "stopped.acts" / name).read_bytes() == (tmp_path / "whole.acts" / name).read_bytes()


def test_an_import_stops_while_a_shard_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody has told the child to close the shard, so its answer never comes.
    monkeypatch.setattr(ShardWriter, "close", lambda writer, number, texts: writer.closed())

    def stop(fraction: float, text: str = "", partial: Any = None) -> None:
        if text == "Writing shard-00000.h5":
            raise Cancelled

    with pytest.raises(Cancelled):
        run(Import(str(makers.make_arrays(tmp_path)), str(tmp_path / "ours.acts")), stop)
    assert not (tmp_path / "ours.acts").exists()


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["chunks", "delphi", "saved"])
def test_an_import_that_was_killed_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    source = makers.source_of(getattr(makers, f"make_{layout}")(tmp_path / "theirs"))
    killed = Import(str(source), str(tmp_path / "killed.acts"))
    program = f"""
import os, signal
from interpviz.core.jobs import Import
from interpviz.data import recorder
from interpviz.data.foreign.importing import run
recorder.SHARD_TOKENS = 6
def report(fraction, text="", partial=None):
    if fraction and text.startswith("Imported"):
        os.kill(os.getpid(), signal.SIGKILL)
run({killed!r}, report)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [line.number for line in manifest.read(tmp_path / "killed.acts").shards] == [0]
    monkeypatch.setattr(recorder, "SHARD_TOKENS", 6)
    run(killed)
    run(Import(str(source), str(tmp_path / "whole.acts")))
    for name in SHARDS:
        assert (tmp_path / "killed.acts" / name).read_bytes() == (tmp_path / "whole.acts" / name).read_bytes()


def test_a_complete_import_is_only_opened_again(tmp_path: Path) -> None:
    path = makers.make_arrays(tmp_path)
    first = run(Import(str(path), str(tmp_path / "ours.acts")))
    assert run(Import(str(path), str(tmp_path / "ours.acts"))) == first


def test_another_file_does_not_go_on_where_one_was_imported(tmp_path: Path) -> None:
    path = makers.make_arrays(tmp_path)
    run(Import(str(path), str(tmp_path / "ours.acts")))
    with h5py.File(path, "r+") as file:
        file["token_ids"][0, 0] = 5
    with pytest.raises(InterpvizError, match=r"holds a cache of other texts"):
        run(Import(str(path), str(tmp_path / "ours.acts")))


def test_progress_names_rows_and_speed(tmp_path: Path) -> None:
    said: list[str] = []
    run(
        Import(str(makers.make_arrays(tmp_path)), str(tmp_path / "ours.acts")),
        lambda fraction, text="", partial=None: said.append(text),
    )
    assert any(text.startswith("Imported 0 of 18 rows, ") and text.endswith(" rows/s") for text in said)
    assert said[-1] == "Imported 18 rows"


@pytest.mark.parametrize(
    ("mapping", "saying"),
    [
        ([("x", "L1H4")], "L1H4 is a part of an activation or none"),
        ([("x", "book/3")], "book/3 is a part of an activation or none"),
        ([("x", "Q1")], "'Q1' names no activation. Write L1R"),
        ([("none", "L1R")], r"There is no none in theirs.h5. It holds contexts \(4 x 2 x 3 float32\), ids"),
        ([("x", "L1R"), ("y", "blocks.1.hook_resid_post")], "x and y would both become blocks.1.hook_resid_post"),
        ([("x", "L1R"), ("x", "L2R")], "x is mapped twice"),
        ([("ids", "tokens")], "Nothing in theirs.h5 says which activations it holds"),
        ([("x", "L1R"), ("short", "L2R")], "short has 3 rows, but x has 4"),
        ([("x", "L1R"), ("nan", "tokens")], "nan holds NaN where token ids should be"),
        ([("x", "L1R"), ("negative", "tokens")], "negative holds numbers that are no token ids, -1 to 2"),
        ([("x", "L1R"), ("wide", "tokens")], "wide is 4 x 2 x 3, but tokens are"),
        ([("x", "L1H")], "x is 4 x 2, but blocks.1.attn.hook_z is"),
        ([("ids", "L1R")], "ids holds int64, no activations"),
        ([("contexts", "L1R"), ("other", "L2R")], "contexts has contexts of 2 tokens, but other of 4"),
        ([], "Say so with --map, for instance --map contexts=L5R"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(tmp_path: Path, mapping: list[tuple[str, str]], saying: str) -> None:
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        file["x"] = np.ones((4, 2), np.float32)
        file["y"] = np.ones((4, 2), np.float32)
        file["short"] = np.ones((3, 2), np.float32)
        file["ids"] = np.arange(4)
        file["nan"] = np.array([0, 1, np.nan, 3], np.float32)
        file["negative"] = np.array([0, -1, 2, 2])
        file["wide"] = np.ones((4, 2, 3), np.float32)
        file["contexts"] = np.ones((4, 2, 3), np.float32)
        file["other"] = np.ones((2, 4, 3), np.float32)
    with pytest.raises(InterpvizError, match=saying):
        run(Import(str(tmp_path / "theirs.h5"), str(tmp_path / "ours.acts"), tuple(mapping)))
    assert not (tmp_path / "ours.acts").exists()


def test_rows_too_wide_for_a_shard_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "SHARD_BYTES", 2 * (makers.D_MODEL + 2 * 4) + 11)
    with pytest.raises(InterpvizError, match=r"^A row of all this takes 0 MB. Map fewer arrays at a time.$"):
        run(Import(str(makers.make_arrays(tmp_path)), str(tmp_path / "ours.acts")))


@pytest.mark.parametrize("name", ["notes.txt", "missing.h5", "empty"])
def test_what_is_no_source_is_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InterpvizError, match=r"is of no layout that can be imported|^There is no .*missing.h5"):
        run(Import(str(tmp_path / name), str(tmp_path / "ours.acts")))


def test_an_import_is_of_no_known_model(tmp_path: Path) -> None:
    run(Import(str(makers.make_arrays(tmp_path)), str(tmp_path / "ours.acts")))
    job = Cache.open(tmp_path / "ours.acts").job
    assert (job.model, set(job.model_sha256), set(job.tokenizer_sha256)) == ("unknown", {"0"}, {"0"})
