"""How a ratio is measured: ours and the peer's by turns, the median of the rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 9


@dataclass(frozen=True)
class Row:
    """One line of the table: `ratio` is the median of the rounds.

    It is ours over the peer's, and `limit` the most allowed; where `faster`, it is the peer's over ours, and `limit`
    the least. A row whose numbers were not `sound` has missed its aim however fast it was.
    """

    path: str
    peer: str
    ratio: float
    spread: tuple[float, float]
    limit: float
    note: str = ""
    faster: bool = False
    sound: bool = True

    @property
    def met(self) -> bool:
        """Whether the aim is reached."""
        return self.sound and (self.ratio >= self.limit if self.faster else self.ratio <= self.limit)

    @property
    def aim(self) -> str:
        """The aim in words."""
        return f">= {self.limit:g}x" if self.faster else f"<= {self.limit:g}"


def compared(
    path: str, peer: str, limit: float, ours: Callable[[], float], theirs: Callable[[], float], note: str = ""
) -> Row:
    """Measure both by turns; each call returns the seconds it took. The ratio is ours over theirs."""
    low, median, high = _rounds(ours, theirs)
    return Row(path, peer, median, (low, high), limit, note)


def times_faster(
    path: str,
    peer: str,
    limit: float,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    note: str = "",
    sound: bool = True,
) -> Row:
    """Measure both by turns. The ratio is theirs over ours: how many times faster we are."""
    low, median, high = _rounds(theirs, ours)
    return Row(path, peer, median, (low, high), limit, note, faster=True, sound=sound)


def _rounds(one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float, float]:
    """The least, the median and the largest of the ratios of one to the other."""
    one(), other()  # caches of the disk and of the interpreter
    ratios = sorted(one() / other() for _ in range(ROUNDS))
    return ratios[0], statistics.median(ratios), ratios[-1]
