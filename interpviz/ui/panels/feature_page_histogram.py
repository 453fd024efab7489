"""The painted histogram of a feature's activations, with a line at that of the token which is pointed at."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from interpviz.control.feature_page import share_below
from interpviz.core.feature_results import FeaturePage
from interpviz.ui.marks import Align, width_of, write
from interpviz.ui.panels.heat_ink import heat
from interpviz.ui.text import tooltip
from interpviz.ui.theme import Colours, colours_of, small

_TITLE, _AXIS, _PAD = 16, 16, 2


class Histogram(QWidget):
    """Bars of how many tokens have an activation, on a logarithmic scale, since the rarest are the strongest."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(96)
        self.setMinimumWidth(120)
        self.setAccessibleName("Histogram of activations")
        self._page: FeaturePage | None = None
        self._value: float | None = None

    def show_page(self, page: FeaturePage) -> None:
        """Paint the activations of this feature."""
        self._page, self._value = page, None
        ends = f", activations {page.edges[0]:.3g} to {page.edges[-1]:.3g}, mean {page.mean:.3g}" if page.active else ""
        self.setAccessibleDescription(f"{page.active:,} active tokens{ends}")
        self.update()

    def point(self, value: float | None) -> None:
        """Draw a line at this activation; None draws none, and so does 0, where the feature is not active."""
        self._value = value or None
        self.update()

    @property
    def plot(self) -> QRectF:
        """Where the bars stand."""
        return QRectF(_PAD, _TITLE, self.width() - 2 * _PAD, self.height() - _TITLE - _AXIS)

    def x_of(self, value: float) -> float:
        """Pixels from the left at which an activation stands."""
        assert self._page is not None
        low, high = float(self._page.edges[0]), float(self._page.edges[-1])
        share = (value - low) / (high - low) if high > low else 0.5
        return self.plot.left() + min(max(share, 0.0), 1.0) * self.plot.width()

    def bar_box(self, place: int) -> QRectF:
        """The bar of a bin."""
        assert self._page is not None
        counts, plot = self._page.counts, self.plot
        left, right = (self.x_of(float(edge)) for edge in self._page.edges[place : place + 2])
        share = np.log1p(float(counts[place])) / max(np.log1p(float(counts.max())), 1e-9)
        height = plot.height() * float(share)
        return QRectF(left, plot.bottom() - height, max(right - left - 1, 1), height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), colours_of(self)
        page = self._page
        if page is None or not page.active:
            return
        for place in range(len(page.counts)):
            if page.counts[place]:
                middle = float(page.edges[place] + page.edges[place + 1]) / 2
                painter.fillRect(self.bar_box(place), heat(max(middle / (page.maximum or 1.0), 0.25), colours))
        painter.setPen(QPen(colours["line"], 1))
        painter.drawLine(self.plot.bottomLeft(), self.plot.bottomRight())
        self._paint_words(painter, page, colours)
        if self._value is not None:
            self._paint_line(painter, self._value, colours)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), tooltip(self._tip(event.pos().x())), self)
            return True
        return super().event(event)

    def _paint_words(self, painter: QPainter, page: FeaturePage, colours: Colours) -> None:
        title = QRectF(0, 0, self.width(), _TITLE - 2)
        if self._value is None:
            write(painter, title, f"{page.active:,} active tokens", colours["muted"], Align.AlignLeft)
        else:
            told = f"{self._value:.3g} · above {share_below(page, self._value):.0%} of active tokens"
            write(painter, title, told, colours["text"], Align.AlignLeft)
        axis = QRectF(0, self.height() - _AXIS, self.width(), _AXIS)
        write(painter, axis, f"{page.edges[0]:.3g}", colours["muted"], Align.AlignLeft)
        write(painter, axis, f"{page.edges[-1]:.3g}", colours["muted"], Align.AlignRight)
        mean = f"mean {page.mean:.3g}"
        at = min(max(self.x_of(page.mean), 50), self.width() - 50)
        wide = width_of(mean, small()) + 4
        write(painter, QRectF(at - wide / 2, axis.top(), wide, _AXIS), mean, colours["muted"])

    def _paint_line(self, painter: QPainter, value: float, colours: Colours) -> None:
        x = round(self.x_of(value)) + 0.5
        painter.setPen(QPen(colours["text"], 1.6, Qt.PenStyle.SolidLine))
        painter.drawLine(QPointF(x, self.plot.top()), QPointF(x, self.plot.bottom() + 2))

    def _tip(self, x: int) -> str:
        page = self._page
        if page is None or not page.active:
            return ""
        share = (x - self.plot.left()) / max(self.plot.width(), 1)
        place = min(max(int(share * len(page.counts)), 0), len(page.counts) - 1)
        low, high = page.edges[place], page.edges[place + 1]
        return f"{int(page.counts[place]):,} tokens from {low:.3g} to {high:.3g}\nBars are on a logarithmic scale"
