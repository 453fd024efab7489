"""The likeliest tokens of one step, a list a side, with their logits."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from interpviz.control.continuation import Side
from interpviz.ui.marks import Align, width_of, write
from interpviz.ui.panels.bars import percent
from interpviz.ui.panels.steps import SHADES, chance, shown, tip
from interpviz.ui.text import legible
from interpviz.ui.theme import Colours, colours_of, small

_TITLE, _HEAD, _ROW, _APART = 18, 20, 18, 14
_COLUMN, _ALONE = 136, 176
_LISTED, _FEWEST = 10, 3


class Likeliest(QWidget):
    """Shows the step that is pointed at; the token that was chosen is set off."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Likeliest tokens of the step")
        self._sides: tuple[Side, ...] = ()
        self._step = 0

    def show_step(self, sides: tuple[Side, ...], step: int) -> None:
        """List the likeliest tokens of this step."""
        if len(sides) != len(self._sides):
            self.updateGeometry()
        self._sides, self._step = sides, step
        self.setAccessibleDescription("; ".join(tip(side, step) for side in sides if step < side.length))
        self.update()

    def sizeHint(self) -> QSize:
        return self._size(_LISTED)

    def minimumSizeHint(self) -> QSize:
        return self._size(_FEWEST)

    def row_box(self, side: int, rank: int) -> QRectF:
        """Where a token is listed; -1 is the name of its side."""
        top = _TITLE if rank < 0 else _TITLE + _HEAD + rank * _ROW
        return QRectF(side * (self._column() + _APART), top, self._column(), _HEAD if rank < 0 else _ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), colours_of(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if all(self._step >= side.length for side in self._sides):
            return
        title = QRectF(0, 0, self.width(), _TITLE)
        write(painter, title, f"Step {self._step + 1}: likeliest tokens, logits", colours["muted"], Align.AlignLeft)
        for number, side in enumerate(self._sides):
            self._paint_head(painter, number, side, colours)
            if self._step < side.length:
                self._paint_list(painter, number, side, colours)

    def _column(self) -> int:
        return _COLUMN if len(self._sides) > 1 else _ALONE

    def _size(self, rows: int) -> QSize:
        sides = max(len(self._sides), 1)
        return QSize(sides * self._column() + (sides - 1) * _APART, _TITLE + _HEAD + rows * _ROW)

    def _paint_head(self, painter: QPainter, number: int, side: Side, colours: Colours) -> None:
        box = self.row_box(number, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours[SHADES[number]])
        painter.drawRoundedRect(QRectF(box.left(), box.bottom() - 3, box.width(), 2), 1, 1)
        p = f"p {percent(chance(side, self._step))}" if self._step < side.length else "–"
        wide = width_of(p, small()) + 6
        name = box.adjusted(0, 0, -wide, -3)
        write(painter, name, legible(side.name), colours["text"], Align.AlignLeft, small(QFont.Weight.Medium))
        write(painter, box.adjusted(box.width() - wide, 0, 0, -3), p, colours["muted"], Align.AlignRight)

    def _paint_list(self, painter: QPainter, number: int, side: Side, colours: Colours) -> None:
        said = side.continuation
        assert said is not None
        ranked = zip(said.top_ids[self._step], said.top_texts[self._step], said.top_logits[self._step], strict=True)
        for rank, (token, text, logit) in enumerate(ranked):
            box = self.row_box(number, rank)
            if box.bottom() > self.height():
                return
            chosen = int(token) == int(said.ids[self._step])
            if chosen:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colours["hover"])
                painter.drawRoundedRect(box.adjusted(0, 1, 0, 0), 3, 3)
            font = small(QFont.Weight.DemiBold if chosen else QFont.Weight.Normal)
            write(painter, box.adjusted(5, 0, -52, 0), shown(text), colours["text"], Align.AlignLeft, font)
            value = f"{float(logit):.2f}".replace("-", "−")
            write(painter, box.adjusted(box.width() - 56, 0, -5, 0), value, colours["muted"], Align.AlignRight, small())
