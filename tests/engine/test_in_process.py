"""Jobs of the window run in a process of their own, and end as they should whatever happens there."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.feature_requests import Train
from interpviz.core.jobs import Import, Record
from interpviz.data.check import check
from interpviz.data.child import ChildFailed
from interpviz.engine import in_process
from interpviz.engine.compute import Engine
from tests.data.foreign import makers
from tests.engine.pairs import Pair

LINE = "the cat sat on a mat and the dog sat too".replace("", " ")
FELT = 2.0  # seconds; a cancel is felt at once, and this is when nothing of the job is left on a busy machine


@pytest.fixture
def job(llama: Pair, tmp_path: Path) -> Record:
    (tmp_path / "text.txt").write_text(f"{LINE}\n" * 4000)
    return Record(
        llama.facts.source, (str(tmp_path / "text.txt"),), ("L1R",), str(tmp_path / "x.acts"), context=32, workers=1
    )


@pytest.mark.slow
def test_a_recording_answers_with_its_cache(job: Record, llama: Pair) -> None:
    said: list[tuple[float, str]] = []
    facts = Engine().compute(job, lambda fraction, text="", partial=None: said.append((fraction, text)))
    assert (facts.source, facts.model_sha256, facts.sites) == (
        job.out,
        llama.facts.sha256,
        ("blocks.1.hook_resid_post",),
    )
    assert check(job.out).whole
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert any("GB to write" in text for _, text in said)


@pytest.mark.slow
def test_an_import_answers_with_its_cache(tmp_path: Path) -> None:
    source = makers.make_chunks(tmp_path)
    facts = Engine().compute(Import(str(source), str(tmp_path / "y.acts")))
    assert check(facts.source).whole


@pytest.mark.slow
def test_a_cancelled_recording_keeps_its_shards_and_leaves_no_process(job: Record) -> None:
    cancelled: list[float] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if any(Path(job.out).glob("shard-*.h5")):
            cancelled.append(time.monotonic())
            raise Cancelled

    with pytest.raises(Cancelled):
        Engine().compute(job, report)
    assert time.monotonic() - cancelled[0] < FELT
    assert _descendants() == []
    assert not list(Path(job.out).glob(".*"))
    Engine().compute(job)
    assert check(job.out).whole


@pytest.mark.slow
def test_a_process_that_is_killed_is_a_sentence(job: Record) -> None:
    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if text:
            os.kill(_descendants()[0], signal.SIGKILL)

    with pytest.raises(InterpvizError, match=r"was stopped\. What it committed stays; do the same again to go on\."):
        Engine().compute(job, report)


@pytest.mark.slow
def test_a_mistake_comes_back_as_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match="nowhere"):
        Engine().compute(Record("nowhere", ("a.txt",), ("L1R",), str(tmp_path / "x.acts")))


def test_a_stopped_training_has_the_time_to_write_a_checkpoint_of_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float | None] = []

    class Listener(Thread):
        def join(self, timeout: float | None = None) -> None:
            waited.append(timeout)

    class Training:
        def __init__(self, module: str) -> None:
            self.tell = self.hang_up = self.end = lambda *_: None
            self._said = iter([{"fraction": 0.5}])

        def hear(self) -> dict[str, Any]:
            if (said := next(self._said, None)) is None:
                raise ChildFailed
            return said

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        raise Cancelled

    monkeypatch.setattr(in_process, "Thread", Listener)
    monkeypatch.setattr(in_process, "Child", Training)
    with pytest.raises(Cancelled):
        in_process.in_process(Train("x.acts", "L1R", 64, "topk", "x"), "cpu", report)
    assert waited == [120.0]


def _descendants() -> list[int]:
    """The processes that record, write or import for this one."""
    own = [process for process in Path("/proc").iterdir() if process.name.isdigit()]
    return [int(process.name) for process in own if b"_child" in _command(process) and _is_ours(process)]


def _is_ours(process: Path) -> bool:
    while process.name not in ("0", "1"):
        if process.name == str(os.getpid()):
            return True
        try:
            process = process.parent / (process / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            return False
    return False


def _command(process: Path) -> bytes:
    try:
        line = (process / "cmdline").read_bytes()
    except OSError:
        return b""
    return b"" if b"probe_child" in line else line
