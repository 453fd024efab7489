"""The painted row of tokens: what the model reads, one chip a token, however many there are."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from itertools import accumulate

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy, QToolTip

from interpviz.core.results import Tokens
from interpviz.ui.marks import Align, width_of, write
from interpviz.ui.text import code_points, tooltip, visible
from interpviz.ui.theme import BASE, Colours, colours_of, typeface

_NUMBER, _CHIP, _GAP, _PAD = 15, 24, 3, 7
_SHORTEST, _LONGEST = 22.0, 180.0


class TokenRow(QAbstractScrollArea):
    """Tokens of the prompt with their positions; beneath them those of the contrast, each under its counterpart."""

    height_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self.setAccessibleName("Tokens")
        self._rows: tuple[Tokens, ...] = ()
        self._edited: frozenset[int] = frozenset()
        self._edges: list[float] = [0.0]

    def show_tokens(self, tokens: Tokens | None, contrast: Tokens | None, edited: frozenset[int]) -> None:
        """Show these; positions in `edited` are marked as the places of an edit."""
        self._rows = tuple(row for row in (tokens, contrast) if row is not None)
        self._edited = edited
        self._edges = [0.0, *accumulate(self._widths())]
        self.setAccessibleDescription(self.told())
        self._fit()
        self.viewport().update()

    def told(self) -> str:
        """All tokens in words, with their positions."""
        lines = (
            " ".join(f"{place} {visible(text)!r}" for place, text in enumerate(row.texts[:500])) for row in self._rows
        )
        return "; contrast: ".join(lines)

    def chip_box(self, row: int, position: int) -> QRectF:
        """Where a token is painted, in pixels of the viewport."""
        left = self._edges[position] - self.horizontalScrollBar().value()
        return QRectF(
            left, _NUMBER + row * (_CHIP + _GAP), self._edges[position + 1] - self._edges[position] - _GAP, _CHIP
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = colours_of(self)
        for position in self._in_view():
            self._paint_place(painter, position, colours)
            for row, tokens in enumerate(self._rows):
                if position < len(tokens.texts):
                    self._paint_chip(painter, row, position, colours)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self._at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), tooltip(self._tip(*found)) if found else "", self)
            return True
        return super().viewportEvent(event)

    def _in_view(self) -> range:
        left = self.horizontalScrollBar().value()
        first = max(bisect_right(self._edges, left) - 1, 0)
        return range(first, min(bisect_right(self._edges, left + self.viewport().width()), len(self._edges) - 1))

    def _widths(self) -> list[float]:
        width = cache(_chip_width)
        longest = max((len(row.texts) for row in self._rows), default=0)
        return [
            max(width(row.texts[place]) for row in self._rows if place < len(row.texts)) + _GAP
            for place in range(longest)
        ]

    def _fit(self) -> None:
        """Be as high as the rows, and as the scroll bar where they are longer than the widget is wide."""
        bar = self.horizontalScrollBar()
        too_long = self._edges[-1] > self.width()
        height = _NUMBER + max(len(self._rows), 1) * (_CHIP + _GAP) + (bar.sizeHint().height() if too_long else 0)
        if height != self.height():
            self.setFixedHeight(height)
            self.height_changed.emit()
        bar.setRange(0, max(0, int(self._edges[-1]) - self.viewport().width()))
        bar.setPageStep(max(self.viewport().width(), 1))
        bar.setSingleStep(40)

    def _paint_place(self, painter: QPainter, position: int, colours: Colours) -> None:
        box = self.chip_box(0, position)
        marked = position in self._edited
        ink = colours["edit"] if marked else colours["muted"]
        write(painter, QRectF(box.left(), 0, max(box.width(), 18), _NUMBER - 1), str(position), ink)

    def _paint_chip(self, painter: QPainter, row: int, position: int, colours: Colours) -> None:
        box = self.chip_box(row, position)
        differs = row == 1 and self._differs(position)
        marked = row == 0 and position in self._edited
        edge = colours["edit"] if marked else colours["accent"] if differs else colours["line"]
        painter.setPen(QPen(edge, 1.6 if marked or differs else 1))
        painter.setBrush(colours["field"] if row == 0 else colours["card"])
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        ink = colours["text"] if row == 0 or differs else colours["muted"]
        write(painter, box, visible(self._rows[row].texts[position]), ink, Align.AlignCenter, typeface(BASE))

    def _differs(self, position: int) -> bool:
        prompt, contrast = self._rows[0], self._rows[1]
        return position >= len(prompt.ids) or int(prompt.ids[position]) != int(contrast.ids[position])

    def _at(self, place: QPointF) -> tuple[int, int] | None:
        for row, tokens in enumerate(self._rows):
            for position in self._in_view():
                if position < len(tokens.texts) and self.chip_box(row, position).contains(place):
                    return row, position
        return None

    def _tip(self, row: int, position: int) -> str:
        tokens = self._rows[row]
        text = tokens.texts[position]
        return f"{visible(text)}\nposition {position} · id {int(tokens.ids[position])} · {code_points(text)}"


def _chip_width(text: str) -> float:
    return min(max(width_of(visible(text), typeface(BASE)) + 2 * _PAD, _SHORTEST), _LONGEST)
