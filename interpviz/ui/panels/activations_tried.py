"""A feature on another text: its tokens in lines, coloured by how active it is at each."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy, QToolTip

from interpviz.control.pictures import alike
from interpviz.core.feature_results import TriedText
from interpviz.ui.marks import Align, width_of, write
from interpviz.ui.panels.heat_ink import heat, ink_on
from interpviz.ui.panels.wrapped import Wrapped
from interpviz.ui.text import tooltip, visible
from interpviz.ui.theme import BASE, colours_of, typeface

_LINE, _PAD, _GAP, _MOST_LINES = 22, 3, 1, 3


class TriedTokens(QAbstractScrollArea):
    """Shows a TriedText; the fullest colour is `limit`, or the largest activation where there is a larger one.

    `pointed` says in words what is under the pointer or the keys' cursor.
    """

    pointed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.setAccessibleName("The feature on another text")
        self._tried: TriedText | None = None
        self._limit = 1.0
        self._boxes = Wrapped([], 0, 0, _GAP)
        self._pointed: int | None = None
        self.hide()

    def show_tried(self, tried: TriedText | None, limit: float) -> None:
        """Show this from now on; nothing hides it."""
        if not alike(tried, self._tried):
            self._pointed = None
        self._tried = tried
        self.setVisible(tried is not None)
        if tried is None:
            return
        self._limit = max(limit, float(np.abs(tried.values).max(initial=0.0))) or 1.0
        self._lay_out()
        active = [f"{visible(tried.tokens.texts[k])} {tried.values[k]:.3g}" for k in np.flatnonzero(tried.values)]
        self.setAccessibleDescription("active at " + ", ".join(active[:200]) if active else "not active on this text")
        self.viewport().update()

    def token_box(self, place: int) -> QRectF:
        """Where a token is painted, in pixels of the viewport."""
        top = self._boxes.line_of(place) * _LINE - self.verticalScrollBar().value()
        return QRectF(self._boxes.lefts[place], top + 1, self._boxes.widths[place], _LINE - 2)

    def told(self, place: int) -> str:
        """A token and how active the feature is at it, in words."""
        assert self._tried is not None
        value, text = float(self._tried.values[place]), visible(self._tried.tokens.texts[place])
        said = "position 0 is left out" if place == 0 else f"{value:.4g}" if value else "not active"
        return f"{place} '{text}': {said}"

    def sizeHint(self) -> QSize:
        return QSize(200, min(self._boxes.lines, _MOST_LINES) * _LINE)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._tried is None:
            return
        painter, colours = QPainter(self.viewport()), colours_of(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for line in self._lines_in_view():
            for place in self._boxes.boxes(line):
                box, value = self.token_box(place), float(self._tried.values[place])
                ink = colours["text"]
                if value:
                    fill = heat(value / self._limit, colours)
                    painter.fillRect(box, fill)
                    ink = ink_on(fill)
                text = visible(self._tried.tokens.texts[place])
                write(painter, box.adjusted(_PAD, 0, 0, 0), text, ink, Align.AlignLeft, typeface(BASE))
                if place == self._pointed:
                    painter.setPen(QPen(colours["text"], 1.2))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = self._at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), tooltip(self.told(place)) if place is not None else "", self)
            return True
        if event.type() == QEvent.Type.Leave:
            self._point(None)
        return super().viewportEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self._at(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        key = Qt.Key(event.key())
        if self._tried is None or key not in steps:
            super().keyPressEvent(event)
            return
        place = -1 if self._pointed is None else self._pointed
        self._point(min(max(place + steps[key], 0), len(self._tried.values) - 1))

    def _point(self, place: int | None) -> None:
        if place != self._pointed:
            self._pointed = place
            self.pointed.emit(self.told(place) if place is not None else "")
            self.viewport().update()

    def _at(self, where: QPointF) -> int | None:
        line = int((where.y() + self.verticalScrollBar().value()) // _LINE)
        return self._boxes.at(line, where.x()) if self._tried is not None else None

    def _lines_in_view(self) -> range:
        top = self.verticalScrollBar().value()
        return range(top // _LINE, min((top + self.viewport().height()) // _LINE + 1, self._boxes.lines))

    def _lay_out(self) -> None:
        if self._tried is None:
            return
        widths = [width_of(visible(text), typeface(BASE)) + 2 * _PAD for text in self._tried.tokens.texts]
        self._boxes = Wrapped(widths, 0, max(self.viewport().width(), 1), _GAP)
        height = self.sizeHint().height()
        if height != self.height():
            self.updateGeometry()  # a fixed height, set while Qt resizes, would leave the viewport as it was
        self.verticalScrollBar().setRange(0, self._boxes.lines * _LINE - height)
        self.verticalScrollBar().setPageStep(height)
        self.verticalScrollBar().setSingleStep(_LINE)
