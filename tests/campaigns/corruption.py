"""The corruption campaign of one format: spoil, read in a child, count how it ended."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from interpviz.data.child import Child, ChildFailed
from tests.campaigns.formats import FORMATS
from tests.campaigns.mutants import mutant
from tests.campaigns.tally import Tally

# The probe gives a file 10 s before it refuses it; what takes longer than that and a restart has stalled.
STALL_SECONDS = 12.0
START_SECONDS = 60.0


def campaign(name: str, count: int, folder: Path, seed: int = 0) -> Tally:
    """Read `count` mutants of a format's file, one after the other, in one child that is replaced when it dies."""
    chosen, draw = FORMATS[name], random.Random(f"{name} {seed}")
    tally = Tally(name, chosen.ours)
    path = chosen.make(folder)
    whole = path.read_bytes()
    child = Child("tests.campaigns.child")
    try:
        expected = child.ask({"format": name, "path": str(path)}, START_SECONDS)["read"]
        for _ in range(count):
            path.write_bytes(mutant(whole, chosen.head, draw))
            answer, child = _asked(child, name, path)
            _count(tally, answer, expected)
    finally:
        child.end()
    return tally


def _asked(child: Child, name: str, path: Path) -> tuple[dict[str, Any], Child]:
    """The answer, and the child that lives on."""
    started = time.monotonic()
    try:
        return child.ask({"format": name, "path": str(path)}, STALL_SECONDS), child
    except ChildFailed as end:
        child.end()
        stalled = time.monotonic() - started >= STALL_SECONDS
        return {"stalled" if stalled else "fell": str(end)}, Child("tests.campaigns.child")


def _count(tally: Tally, answer: dict[str, Any], expected: str) -> None:
    tally.cases += 1
    if "refused" in answer:
        tally.recovered += 1
    elif answer.get("read") == expected:
        tally.unharmed += 1
    elif "read" in answer:
        if tally.exact:
            tally.lose("differently", "it was read, and not as it was written")
        else:
            tally.differently += 1
    else:
        tally.lose("crashes" if "fell" in answer else "stalls", next(iter(answer.values())))
