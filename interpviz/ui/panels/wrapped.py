"""Boxes of different widths, wrapped into lines: where each stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


class Wrapped:
    """Places boxes from `left` rightwards, `gap` pixels apart, in lines no longer than `room`; pixels all."""

    def __init__(self, widths: Sequence[float], left: float, room: float, gap: float) -> None:
        self.widths = widths
        self.lefts: list[float] = []
        self._starts = [0]
        at = left
        for box, width in enumerate(widths):
            if at > left and at + width > room:
                self._starts.append(box)
                at = left
            self.lefts.append(at)
            at += width + gap

    @property
    def lines(self) -> int:
        """How many lines there are; one where there are no boxes."""
        return len(self._starts)

    def line_of(self, box: int) -> int:
        """The line that a box stands in."""
        return bisect_right(self._starts, box) - 1

    def boxes(self, line: int) -> range:
        """The boxes of a line."""
        last = line + 1 == len(self._starts)
        return range(self._starts[line], len(self.widths) if last else self._starts[line + 1])

    def at(self, line: int, x: float) -> int | None:
        """The box of a line that is at `x`, or None between them."""
        if not 0 <= line < self.lines:
            return None
        return next((box for box in self.boxes(line) if 0 <= x - self.lefts[box] < self.widths[box]), None)

    def nearest(self, line: int, box: int) -> int:
        """The box of a line that stands straightest above or below another one; that one itself beyond the lines."""
        if not 0 <= line < self.lines:
            return box
        return min(self.boxes(line), key=lambda one: abs(self.lefts[one] - self.lefts[box]))
