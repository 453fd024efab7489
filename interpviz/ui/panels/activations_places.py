"""Where the cells, names and tokens of the map of features stand, in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from PySide6.QtCore import QPointF, QRectF

ROW, FIGURE = 20, 54
NAME = -1
"""The column of the names."""
FLAT = 22
_NARROWEST, _WIDEST, _TALLEST = 15, 46, 66
_NAME_SHARE, _LEAST_NAME, _MOST_NAME = 0.3, 92, 230

Cell = tuple[int, int]


@dataclass(frozen=True)
class Places:
    """A map of `rows` and `columns` in a view of this size, scrolled by `left` and `top`.

    The names to its left, the figures to its right and the tokens above it stay; `widest` is the longest token.
    """

    width: float
    height: float
    rows: int
    columns: int
    widest: float
    left: float = 0.0
    top: float = 0.0

    @cached_property
    def name(self) -> float:
        """How wide the names are."""
        return min(max(_NAME_SHARE * self.width, _LEAST_NAME), _MOST_NAME)

    @cached_property
    def right(self) -> float:
        """Where the cells end and the figures begin."""
        return self.width - FIGURE

    @cached_property
    def room(self) -> float:
        """How wide the view on the cells is."""
        return self.right - self.name

    @cached_property
    def pitch(self) -> float:
        """How wide a cell is."""
        return min(max(self.room / max(self.columns, 1), _NARROWEST), _WIDEST)

    @cached_property
    def flat(self) -> bool:
        """Whether tokens stand on one line, since all fit beside each other; else upright."""
        return self.widest + 4 <= self.pitch

    @cached_property
    def head(self) -> float:
        """How high the tokens stand."""
        return FLAT if self.flat else min(self.widest, _TALLEST) + 6

    @property
    def farthest(self) -> tuple[float, float]:
        """How far it can be scrolled: left and top."""
        return (
            max(self.columns * self.pitch - self.room, 0),
            max(self.head + self.rows * ROW - self.height, 0),
        )

    def box(self, row: int, column: int) -> QRectF:
        """Where a cell, or a name, is painted."""
        top = self.head + row * ROW - self.top
        if column == NAME:
            return QRectF(0, top, self.name, ROW)
        return QRectF(self.name + column * self.pitch - self.left, top, self.pitch, ROW)

    def at(self, place: QPointF) -> Cell | None:
        """The cell, or name, under a place; None beside them."""
        row = int((place.y() - self.head + self.top) // ROW)
        if place.y() < self.head or not 0 <= row < self.rows or not 0 <= place.x() < self.right:
            return None
        if place.x() < self.name:
            return row, NAME
        column = int((place.x() - self.name + self.left) // self.pitch)
        return (row, column) if column < self.columns else None

    def rows_in_view(self) -> range:
        """The rows that are seen, in part at least."""
        last = int((self.top + self.height - self.head) // ROW) + 1
        return range(int(self.top // ROW), min(last, self.rows))

    def shows(self, row: int) -> bool:
        """Whether a row is seen whole."""
        return self.head <= self.box(row, NAME).top() <= self.height - ROW

    def columns_in_view(self) -> range:
        """The columns that are seen, in part at least."""
        last = int((self.left + self.room) // self.pitch) + 1
        return range(int(self.left // self.pitch), min(last, self.columns))

    def scrolled_to(self, row: int, column: int) -> tuple[int, int]:
        """How far to scroll, left and top, for a cell to be seen whole, and no further."""
        page = self.height - self.head
        top = min(max(self.top, (row + 1) * ROW - page), row * ROW)
        if column == NAME:
            return int(self.left), int(top)
        left = min(max(self.left, (column + 1) * self.pitch - self.room), column * self.pitch)
        return int(left), int(top)
