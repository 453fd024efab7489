"""Painted tokens that a feature promotes and suppresses, each with a bar on one scale."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRectF
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from interpviz.core.feature_results import TopTokens
from interpviz.core.scale import symmetric_limit
from interpviz.ui.marks import Align, diverging, signed, write
from interpviz.ui.text import code_points, tooltip, visible
from interpviz.ui.theme import Colours, colours_of, small

_HEAD, _ROW, _NUMBER, _APART = 18, 18, 42, 12
_PURPLE, _GREEN = 44, 210  # places in the table of colours, as far from its middle as bars of effects go
LISTED = 8


class TokenBars(QWidget):
    """Two lists beside each other: the logits that one unit of the feature raises most, and those it lowers most."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(160)
        self.setAccessibleName("Tokens that it promotes and suppresses")
        self._lists: tuple[TopTokens, ...] = ()
        self._limit = 1.0

    def show_tokens(self, promoted: TopTokens, suppressed: TopTokens) -> None:
        """Paint the first of these."""
        self._lists = (promoted, suppressed)
        self._limit = symmetric_limit(np.concatenate([promoted.values[:LISTED], suppressed.values[:LISTED]]))
        self.setFixedHeight(_HEAD + _ROW * min(max(len(promoted.ids), len(suppressed.ids), 1), LISTED))
        self.setAccessibleDescription(
            "; ".join(f"{name}: {told(one)}" for name, one in zip(_NAMES, self._lists, strict=True))
        )
        self.update()

    def row_box(self, side: int, row: int) -> QRectF:
        """Where a token stands; -1 is the heading."""
        wide = (self.width() - _APART) / 2
        top = 0 if row < 0 else _HEAD + row * _ROW
        return QRectF(side * (wide + _APART), top, wide, _HEAD if row < 0 else _ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), colours_of(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for side, tokens in enumerate(self._lists):
            write(painter, self.row_box(side, -1), _NAMES[side], colours["muted"], Align.AlignLeft)
            for row in range(min(len(tokens.ids), LISTED)):
                self._paint_row(painter, side, row, tokens, colours)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            side, row = int(event.pos().x() > self.width() / 2), int((event.pos().y() - _HEAD) // _ROW)
            tokens = self._lists[side] if self._lists else None
            inside = tokens is not None and 0 <= row < len(tokens.ids)
            QToolTip.showText(event.globalPos(), tooltip(_tip(tokens, row)) if tokens and inside else "", self)
            return True
        return super().event(event)

    def _paint_row(self, painter: QPainter, side: int, row: int, tokens: TopTokens, colours: Colours) -> None:
        box, value = self.row_box(side, row), float(tokens.values[row])
        room = box.adjusted(0, 1, -_NUMBER, -1)
        share = min(abs(value) / self._limit, 1.0)
        shade = QColor(*(int(part) for part in diverging(colours)[_GREEN if value > 0 else _PURPLE][:3]))
        shade.setAlphaF(0.34)
        painter.fillRect(QRectF(room.left(), room.top(), room.width() * share, room.height()), shade)
        write(painter, room.adjusted(4, 0, 0, 0), visible(tokens.texts[row]), colours["text"], Align.AlignLeft, small())
        number = box.adjusted(box.width() - _NUMBER, 0, -2, 0)
        write(painter, number, signed(value, 2), colours["muted"], Align.AlignRight)


_NAMES = ("promotes", "suppresses")


def told(tokens: TopTokens) -> str:
    """A list in words."""
    pairs = zip(tokens.texts[:LISTED], tokens.values[:LISTED].tolist(), strict=True)
    return ", ".join(f"{visible(text)} {value:+.2f}" for text, value in pairs)


def _tip(tokens: TopTokens, row: int) -> str:
    text, value = tokens.texts[row], float(tokens.values[row])
    what = "nats a unit of activation, straight to the logits, the last normalisation's scale at 1"
    return f"{visible(text)}  {signed(value, 4)}\n{what}\nid {int(tokens.ids[row])} · {code_points(text)}"
