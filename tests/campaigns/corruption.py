"""The corruption campaign of one format: spoil, read in a child, count how it ended."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interpviz.data.child import Child, ChildFailed
from tests.campaigns.formats import FORMATS
from tests.campaigns.mutants import mutant

# The probe gives a file 10 s before it refuses it; what takes longer than that and a restart has stalled.
STALL_SECONDS = 12.0
START_SECONDS = 60.0


@dataclass
class Tally:
    """How the mutants of one format ended; `examples` shows the first crashes and wrong reads."""

    format: str
    mutants: int = 0
    refused: int = 0
    unharmed: int = 0
    differently: int = 0
    crashes: int = 0
    stalls: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """No crash, no stall, and no wrong read of what we wrote."""
        return not (self.crashes or self.stalls or (self.differently and FORMATS[self.format].ours))


def campaign(name: str, count: int, folder: Path, seed: int = 0) -> Tally:
    """Read `count` mutants of a format's file, one after the other, in one child that is replaced when it dies."""
    chosen, tally, draw = FORMATS[name], Tally(name), random.Random(f"{name} {seed}")
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
    tally.mutants += 1
    if "refused" in answer:
        tally.refused += 1
    elif answer.get("read") == expected:
        tally.unharmed += 1
    elif "read" in answer:
        tally.differently += 1
    else:
        tally.crashes += "fell" in answer
        tally.stalls += "stalled" in answer
        tally.examples.append(f"mutant {tally.mutants}: {next(iter(answer.values()))}")
