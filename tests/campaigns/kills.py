"""The campaign of kills: whoever writes a cache is stopped by `kill -9` at a random moment, and the job goes on.

The moments are drawn uniformly over the measured course: those within the first shard from its start, which is mostly
that of the writing process, and the others from the first committed shard to the end.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import shutil
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from interpviz.data.child import Child, ChildFailed
from tests.campaigns import course, recovery
from tests.campaigns.course import KINDS, SHARDS, Rows
from tests.campaigns.recovery import LIMIT
from tests.campaigns.tally import Lost, Tally

VICTIMS = ("writer", "recorder", "all")
FIRST = "committed 0"
TRIES = 5  # a course may run faster than the measured one, and end before it is killed


@dataclass(frozen=True)
class Moment:
    """So many seconds after an event of the course, or after its start."""

    after: str
    seconds: float


@dataclass(frozen=True)
class Course:
    """How a recording went: what it said and when, who was killed in its course if any, and how it ended."""

    events: tuple[tuple[float, str], ...]
    killed: str
    status: int
    said: str

    def numbers(self, what: str) -> set[int]:
        """The shards of which it said this."""
        return {int(text.split()[1]) for _, text in self.events if text.split()[0] == what}

    @property
    def phase(self) -> str:
        """Where in the course it was killed."""
        last, closing = self.events[-1][1].split()[0] if self.events else "", self.numbers("close")
        if not closing:
            return "before the first shard was handed over"
        if closing - self.numbers("closed"):
            return "while closing"
        if closing - self.numbers("committed"):
            return "before the commit"
        return "during a shard's blocks" if last == "block" else "between shards"


class Ground:
    """Where the cases run: the process that forks recordings, and undisturbed ones to compare with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.case = folder, folder / "case.acts"
        self.rows: dict[str, Rows] = {kind: course.known(kind) for kind in KINDS}
        for number, kind in enumerate(KINDS):
            course.record(self.whole(kind), kind, overlapping=bool(number))
        self._host = Child("tests.campaigns.course")
        os.mkfifo(folder / "progress")
        self.first, self.rest = self._lengths()

    def whole(self, kind: str) -> Path:
        """The cache of an undisturbed recording."""
        return self.folder / f"{kind}.acts"

    def run(self, kind: str, overlapping: bool, victim: str = "", moment: Moment | None = None) -> Course:
        """Start the recording of the case, kill at the moment, and wait for its end. Raises Lost where that stalls."""
        fifo = os.open(self.folder / "progress", os.O_RDONLY | os.O_NONBLOCK)
        said = self.folder / "said"
        try:
            asked = {"folder": str(self.case), "kind": kind, "overlapping": overlapping}
            pid = self._host.ask({**asked, "progress": str(self.folder / "progress"), "said": str(said)}, LIMIT)["pid"]
            events: list[tuple[float, str]] = []
            ended = _follow(fifo, events, moment)
            at = len(events)
            if not ended:
                victim = _kill(victim, pid, _writers(events))
                _follow(fifo, events, None)
            status = self._host.hear()["status"]
        except ChildFailed as failed:
            raise Lost("stalls", f"the process that forks recordings {failed}") from failed
        finally:
            os.close(fifo)
        # What a recorder says after its writer was killed tells how it ended, not where it was.
        kept = events[:at] if victim == "writer" else events
        return Course(tuple(kept), "" if ended or status == 0 else victim, status, said.read_text())

    def end(self) -> None:
        """Stop forking."""
        self._host.end()

    def _lengths(self) -> tuple[float, float]:
        """Seconds of a course to its first committed shard, and from there to the end: the middle of three."""
        found = []
        for _ in range(3):
            events = self.run(course.FLOAT16, False).events
            start, first, last = events[0][0], next(at for at, text in events if text == FIRST), events[-1][0]
            found.append((first - start, last - first))
            shutil.rmtree(self.case)
        return sorted(found)[1]


def campaign(count: int, folder: Path, seed: int = 0) -> Tally:
    """Kill `count` recordings, by turns the writing process, the one that starts and commits, and both."""
    draw, ground, tally = random.Random(f"kills {seed}"), Ground(folder), Tally("kill -9 in the cache writer")
    try:
        for number in range(count):
            tally.cases += 1
            try:
                tally.notes.update(_case(ground, number, draw))
                tally.recovered += 1
            except Lost as lost:
                tally.lose(lost.how, f"{VICTIMS[number % 3]} killed: {lost}")
            shutil.rmtree(ground.case, ignore_errors=True)
    finally:
        ground.end()
    return tally


def _case(ground: Ground, number: int, draw: random.Random) -> list[str]:
    """One recording killed, every fourth a second time while it is resumed, then gone on with; in which phases."""
    kind, victim, overlapping = list(KINDS)[number % 2], VICTIMS[number % 3], draw.random() < 0.5
    for attempt in range(TRIES):
        killed = ground.run(kind, overlapping, victim, _moment(ground, draw, 0.6**attempt))
        if killed.killed:
            break
        shutil.rmtree(ground.case)
    else:
        raise Lost("stalls", "the course always ended before it was killed")
    phases = [killed.phase]
    if draw.random() < 0.5:  # else its writer may still be at work while others look, and go on
        _await_end(killed)
    _look(ground, kind, killed)
    courses = [killed]
    if number % 4 == 3:
        again = ground.run(kind, overlapping, victim, Moment("", draw.uniform(0, ground.first + ground.rest / 2)))
        if again.killed:
            phases.append("while resuming")
        _look(ground, kind, again)
        courses.append(again)
    recovery.go_on(ground.case, kind, overlapping)
    for stopped in courses:
        _await_end(stopped)
    recovery.same(ground.case, ground.whole(kind))
    return phases


def _moment(ground: Ground, draw: random.Random, share: float) -> Moment:
    """One in that share of the course, from each part's start."""
    if draw.randrange(SHARDS) == 0:
        return Moment("", draw.uniform(0, share * ground.first))
    return Moment(FIRST, draw.uniform(0, share * ground.rest))


def _look(ground: Ground, kind: str, killed: Course) -> None:
    """The recorder ended as it should, and what is left is exact."""
    if killed.killed:
        if killed.killed == "writer" and killed.status != 2:
            raise Lost("crashes", f"the recorder ended with {killed.status}: {killed.said[-300:]}")
        if killed.killed == "writer" and (problem := recovery.sentence_problem(killed.said)):
            raise Lost("crashes", problem)
        if killed.killed != "writer" and (killed.status, killed.said) != (-signal.SIGKILL, ""):
            raise Lost("crashes", f"the recorder ended with {killed.status}: {killed.said[-300:]}")
    recovery.look(ground.case, kind, ground.rows[kind], killed.numbers("closed"), killed.numbers("committed"))
    unfinished = killed.numbers("close") - killed.numbers("closed")
    if len(unfinished) > 1:
        raise Lost("differently", f"shards {unfinished} were in work at once")


def _kill(victim: str, pid: int, writers: list[int]) -> str:
    """Kill one of the two, or the whole group, and say whom: the writing process may not have been started yet."""
    victim = "recorder" if victim == "writer" and not writers else victim
    with contextlib.suppress(ProcessLookupError):
        if victim == "all":
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(writers[0] if victim == "writer" else pid, signal.SIGKILL)
    return victim


def _writers(events: Iterable[tuple[float, str]]) -> list[int]:
    """The writing processes that were started."""
    return [int(text.split()[1]) for _, text in events if text.startswith("writer")]


def _follow(fifo: int, events: list[tuple[float, str]], moment: Moment | None) -> bool:
    """Note what is said until the moment, or the end; whether it was the end. Raises Lost where neither comes."""
    torn, start = b"", time.monotonic()
    due = start + moment.seconds if moment and not moment.after else None
    while due is None or time.monotonic() < due:
        wait = LIMIT if due is None else max(0.0, due - time.monotonic())
        if not select.select([fifo], [], [], wait)[0]:
            if due is None:
                raise Lost("stalls", f"nothing happened in {LIMIT:g} s after {events[-1:]}")
            return False
        content = os.read(fifo, 65536)
        if not content:
            return True
        *lines, torn = (torn + content).split(b"\n")
        events += [(time.monotonic(), line.decode()) for line in lines]
        if due is None and moment and any(text == moment.after for _, text in events):
            due = time.monotonic() + moment.seconds
    return False


def _await_end(stopped: Course) -> None:
    """Wait for a writer whose recorder was killed: it finishes the shard in work, or drops it."""
    for process in _writers(stopped.events):
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(process)
            try:
                if not select.select([handle], [], [], LIMIT)[0]:
                    raise Lost("stalls", "the writing process outlives the one that started it")
            finally:
                os.close(handle)
