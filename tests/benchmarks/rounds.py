"""How a ratio is measured: ours and the peer's by turns, the median of the rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 9


@dataclass(frozen=True)
class Row:
    """One line of the table: `ratio` is ours over the peer's, the median of the rounds; `limit` is the most allowed."""

    path: str
    peer: str
    ratio: float
    spread: tuple[float, float]
    limit: float
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the aim is reached."""
        return self.ratio <= self.limit


def compared(
    path: str, peer: str, limit: float, ours: Callable[[], float], theirs: Callable[[], float], note: str = ""
) -> Row:
    """Measure both by turns; each call returns the seconds it took."""
    ours(), theirs()  # caches of the disk and of the interpreter
    ratios = sorted(ours() / theirs() for _ in range(ROUNDS))
    return Row(path, peer, statistics.median(ratios), (ratios[0], ratios[-1]), limit, note)
