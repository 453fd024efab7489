"""The campaign of full and broken disks: a recording that cannot be written says why, and goes on once it can."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

from interpviz.core.errors import InterpvizError
from tests.campaigns import course, recovery
from tests.campaigns.course import KINDS, Rows
from tests.campaigns.faults import Fault, Watched, faults, mend, place_of
from tests.campaigns.tally import Lost, Tally

LIMIT = 2.0  # seconds until the sentence is there
TO_DO = (
    "Make room, or mend the disk; then run the same command again to go on.",
    "Choose another folder.",
)


def campaign(count: int, folder: Path, seed: int = 0) -> Tally:
    """Meet `count` faults, in recordings of both kinds."""
    draw, tally = random.Random(f"full disk {seed}"), Tally("disk full or broken")
    rows: dict[str, Rows] = {kind: course.known(kind) for kind in KINDS}
    for kind in KINDS:
        course.record(folder / f"{kind}.acts", kind)
    every = faults(folder, draw, count)
    if not any(fault.disk for fault in every):
        tally.notes["reason why no real disk was filled: it takes an administrator to mount a small one"] += 1
    for number, fault in enumerate(every):
        kind = list(KINDS)[number % 2]
        tally.cases += 1
        try:
            with place_of(fault, folder) as place:
                met = _case(place, fault, kind, rows[kind], draw.random() < 0.5)
                recovery.same(place, folder / f"{kind}.acts")
            tally.recovered, tally.unharmed = tally.recovered + met, tally.unharmed + (not met)
            tally.notes[fault.name.partition(",")[0]] += 1
        except Lost as lost:
            tally.lose(lost.how, f"{fault.name}: {lost}")
        shutil.rmtree(folder / "case.acts", ignore_errors=True)
    return tally


def _case(place: Path, fault: Fault, kind: str, rows: Rows, overlapping: bool) -> bool:
    """Record until the fault is met, look, and go on without it; whether it was met."""
    heard: list[tuple[float, str]] = []
    problem = _recording(place, fault, kind, overlapping, heard)
    if problem is None:
        return False
    seconds = time.monotonic() - heard[-1][0]
    if seconds > LIMIT or None in Watched.endings:
        raise Lost("stalls", f"it took {seconds:.1f} s to say: {problem}")
    if set(Watched.endings) - {0} or list(Path.cwd().glob("core*")):
        raise Lost("crashes", f"the writing process ended with {Watched.endings}")
    wanted = f" cannot be written ({os.strerror(fault.errno)}). "
    advice = problem.partition(wanted)[2]
    if advice not in TO_DO or (recovery.sentence_problem(problem)):
        raise Lost("crashes", f"it says: {problem}")
    if list(place.glob(".*")):
        raise Lost("differently", f"it leaves {list(place.glob('.*'))}")
    numbers = {
        what: {int(text[-1]) for _, text in heard if text.startswith(f"{what} ")} for what in ("closed", "committed")
    }
    recovery.look(place, kind, rows, numbers["closed"], numbers["committed"])
    mend(fault, place)
    recovery.go_on(place, kind, overlapping)
    return True


def _recording(place: Path, fault: Fault, kind: str, overlapping: bool, heard: list[tuple[float, str]]) -> str | None:
    """Record, and give what was said when it went wrong."""
    Watched.endings.clear()
    heard.append((time.monotonic(), "start"))
    with fault.meet() as hook:

        def say(text: str) -> None:
            heard.append((time.monotonic(), text))
            hook(text)

        try:
            course.record(place, kind, overlapping, say)
        except InterpvizError as sentence:
            return str(sentence)
        except Exception as fault_of_ours:
            raise Lost("crashes", f"{type(fault_of_ours).__name__}: {fault_of_ours}") from fault_of_ours
    return None
