"""The campaign of crafted files: each is refused with a cause, or read right, and nothing beside it is touched.

`python -m tests.campaigns.hostile [WORDS]` prints the table, of the cases whose names hold the words.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from interpviz.cli.output import print_table
from interpviz.core.errors import shown
from interpviz.data.child import Child, ChildFailed
from tests.campaigns import (  # noqa: F401 - to import them is to add their cases
    hostile_bytes,
    hostile_content,
    hostile_dictionary,
    hostile_gguf,
    hostile_hdf5,
    hostile_import,
    hostile_links,
    hostile_manifest,
    hostile_shard,
)
from tests.campaigns.hostile_case import HOSTILE, SECRET, Case, Ground
from tests.campaigns.hostile_watch import Watch
from tests.data import samples

STALL_SECONDS = 10.0
START_SECONDS = 60.0
TOKENS = 60


@dataclass(frozen=True)
class Outcome:
    """How a case ended: "refused" or "read" as it should, else what went wrong; `text` is what was said or read."""

    name: str
    ended: str
    seconds: float
    passed: bool
    text: str


def run(folder: Path, cases: Sequence[Case] = HOSTILE) -> list[Outcome]:
    """Craft and open each case, in a child that is replaced when it dies."""
    with Campaign(folder) as campaign:
        return [campaign.outcome(chosen) for chosen in cases]


class Campaign:
    """What all cases share: a recorded cache to copy from, a plugin that none may load, and the child that opens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache = samples.record(folder / "whole.acts", (TOKENS,)).folder
        self._plugin = folder / "plugins" / "libh5hostile.so"
        self._plugin.parent.mkdir()
        self._plugin.write_bytes(SECRET)
        self._reader = self._started()
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.end()

    def outcome(self, chosen: Case) -> Outcome:
        """Craft a case in a folder of its own, and open it."""
        self._done += 1
        ground = Ground(self._folder / f"{self._done:03}" / "case", self._cache)
        ground.plant()
        path = chosen.craft(ground)
        if not self._reader.alive:
            self._reader = self._started()
        with Watch((*ground.secrets, self._plugin)) as watch:
            started = time.monotonic()
            answer = _asked(self._reader, chosen.opener, path)
            seconds = time.monotonic() - started
            ended, text = next(iter(answer.items()))
            if watch.touched() or SECRET.decode() in text:
                ended = "read another file"
        right = ended == chosen.ends and chosen.said in text and (ended == "read" or _is_sentence(text))
        return Outcome(chosen.name, ended, seconds, right and seconds < STALL_SECONDS, text)

    def _started(self) -> Child:
        child = Child("tests.campaigns.hostile_child")
        child.ask({"plugins": str(self._plugin.parent)}, START_SECONDS)
        return child


def _asked(reader: Child, opener: str, path: Path) -> dict[str, Any]:
    try:
        return reader.ask({"opener": opener, "path": str(path)}, STALL_SECONDS + 2)
    except ChildFailed as end:
        return {"fell": str(end)}


def _is_sentence(text: str) -> bool:
    """Whether a cause is followed by what to do, on one line."""
    return ". " in text and text.endswith(".") and text.isprintable()


def main(arguments: Sequence[str]) -> int:
    """Run the cases and print how each ended; 1 where one is lost."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run(Path(folder), [case for case in HOSTILE if " ".join(arguments) in case.name])
    rows = [
        [found.name, "yes" if found.passed else "NO", found.ended, f"{found.seconds:.2f}", shown(found.text)]
        for found in outcomes
    ]
    print_table(("case", "passed", "ended", "seconds", "what was said or read"), rows)
    for found in outcomes:
        if not found.passed:
            print(f"{found.name}: {found.ended}: {found.text[:2000]!r}")
    print(f"{sum(found.passed for found in outcomes)} of {len(outcomes)} passed")
    return 0 if all(found.passed for found in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
