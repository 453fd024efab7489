"""Where examples stand in their list: headings of groups, and under each its examples, one line or unfolded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from PySide6.QtCore import QRectF

from interpviz.core.feature_results import Example, ExampleGroup
from interpviz.ui.marks import width_of
from interpviz.ui.panels.wrapped import Wrapped
from interpviz.ui.text import legible
from interpviz.ui.theme import BASE, typeface

HEADING, LINE, TEXT = 26, 24, 20  # pixels: of a heading, of an example, of a line of one that is unfolded
VALUE, TOOLS, _APART = 36, 38, 6
_FOREMOST = (
    0.62  # of the width: where the strongest token of a folded example ends, so that more of what led to it shows
)


@dataclass(frozen=True)
class Row:
    """A heading (`example` None) or an example of a group, `top` pixels from the first."""

    group: int
    example: int | None
    top: int
    height: int


class ExampleRows:
    """All rows for a width: which lies where, and where its tokens do."""

    def __init__(
        self,
        groups: Sequence[ExampleGroup],
        width: int,
        closed: frozenset[str],
        unfolded: frozenset[tuple[int, int]],
    ) -> None:
        self.groups = groups
        self._width = width
        self._unfolded = unfolded
        self._wrapped: dict[tuple[int, int], Wrapped] = {}
        self.rows = tuple(self._placed(closed))
        self._tops = [row.top for row in self.rows]

    @property
    def height(self) -> int:
        """Pixels that all rows take."""
        return self.rows[-1].top + self.rows[-1].height if self.rows else 0

    def at(self, y: float) -> int | None:
        """The row at this height."""
        row = bisect_right(self._tops, y) - 1
        return row if row >= 0 and y < self.rows[row].top + self.rows[row].height else None

    def example(self, row: int) -> Example | None:
        """The example of a row; None for a heading."""
        one = self.rows[row]
        return None if one.example is None else self.groups[one.group].examples[one.example]

    def is_unfolded(self, row: int) -> bool:
        """Whether all of the example is shown."""
        one = self.rows[row]
        return one.example is not None and (one.group, one.example) in self._unfolded

    def boxes(self, row: int) -> list[tuple[int, QRectF]]:
        """The tokens of an example that are in sight, each with its box from the top left of all rows."""
        example = self.example(row)
        if example is None:
            return []
        return self._all_boxes(row) if self.is_unfolded(row) else self._line_boxes(row, example)

    def text_box(self, row: int) -> QRectF:
        """Where the tokens of an example stand."""
        one = self.rows[row]
        return QRectF(VALUE + _APART, one.top, max(self._width - VALUE - TOOLS - 2 * _APART, 40), one.height)

    def tool_box(self, row: int, tool: int) -> QRectF:
        """Where copy (0) and unfold (1) stand."""
        one = self.rows[row]
        return QRectF(self._width - TOOLS + tool * TOOLS / 2, one.top, TOOLS / 2, LINE)

    def _placed(self, closed: frozenset[str]) -> list[Row]:
        rows: list[Row] = []
        top = 0
        for group, one in enumerate(self.groups):
            shown = () if one.name in closed else range(len(one.examples))
            for example in (None, *shown):
                height = HEADING if example is None else self._height(group, example)
                rows.append(Row(group, example, top, height))
                top += height
        return rows

    def _height(self, group: int, example: int) -> int:
        if (group, example) not in self._unfolded:
            return LINE
        return self._wrap(group, example).lines * TEXT + LINE - TEXT + 4

    def _wrap(self, group: int, example: int) -> Wrapped:
        if (group, example) not in self._wrapped:
            room = max(self._width - VALUE - TOOLS - 2 * _APART, 40)
            widths = [min(width, room) for width in widths_of(self.groups[group].examples[example])]
            self._wrapped[group, example] = Wrapped(widths, 0, room, 0)
        return self._wrapped[group, example]

    def _all_boxes(self, row: int) -> list[tuple[int, QRectF]]:
        one, text = self.rows[row], self.text_box(row)
        assert one.example is not None
        wrapped = self._wrap(one.group, one.example)
        top = text.top() + (LINE - TEXT) / 2
        return [
            (place, QRectF(text.left() + wrapped.lefts[place], top + line * TEXT, wrapped.widths[place], TEXT))
            for line in range(wrapped.lines)
            for place in wrapped.boxes(line)
        ]

    def _line_boxes(self, row: int, example: Example) -> list[tuple[int, QRectF]]:
        text, edges = self.text_box(row), [0.0, *accumulate(widths_of(example))]
        room = text.width()
        ends = edges[min(example.at, len(edges) - 2) + 1]
        shift = min(max(ends - room * _FOREMOST, 0.0), max(edges[-1] - room, 0.0))
        top = text.top() + (LINE - TEXT) / 2
        boxes = (
            (place, QRectF(text.left() + edges[place] - shift, top, edges[place + 1] - edges[place], TEXT))
            for place in range(len(edges) - 1)
        )
        return [
            (place, box & text)
            for place, box in boxes
            if box.left() < text.right() - 2 and box.right() > text.left() + 2
        ]


def shown(text: str) -> str:
    """A token in running text: spaces as spaces, line ends and controls as glyphs."""
    return legible(text)


def widths_of(example: Example) -> list[float]:
    """Pixels that each token takes in running text."""
    font = typeface(BASE)
    return [max(width_of(shown(text), font), 5.0) for text in example.texts]
