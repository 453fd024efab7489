"""A painted heat map with texts on both axes, a colour bar, and the value under the pointer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from interpviz.control.pictures import alike
from interpviz.core.results import F4, FeatureMap
from interpviz.render import indexed, labels
from interpviz.render.colormaps import table
from interpviz.ui.marks import Align, colour_bar, round_limit, width_of, write, write_up
from interpviz.ui.text import tooltip, visible
from interpviz.ui.theme import Colours, colours_of, small, typeface

_TITLE, _BAR, _GAP, _MARGIN = 20, 20, 6, 2
_LONGEST = 68.0
_NARROWEST = 130.0  # for the colour bar
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}

Tell = Callable[[int, int, float], str]


class HeatMap(QWidget):
    """Shows a FeatureMap, cells crisp. `tell(row, column, value)` words a cell; `square` cells keep their shape.

    With `logarithmic` equal steps of colour are equal ratios: for norms, of which a few are a thousand times the rest.
    """

    def __init__(self, name: str, tell: Tell, unit: str, square: bool = False, logarithmic: bool = False) -> None:
        super().__init__()
        self._tell, self._unit, self._square, self._logarithmic = tell, unit, square, logarithmic
        self._title = name
        self._map: FeatureMap | None = None
        self._image: QImage | None = None
        self._texts: tuple[list[str], list[str]] = ([], [])
        self._cursor: tuple[int, int] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(110, 110)
        self.setAccessibleName(name)

    def show_map(self, shown: FeatureMap | None, title: str) -> None:
        """Paint this map under this title; None while it is on its way."""
        if title == self._title and alike(shown, self._map):
            return
        self._map, self._title = shown, title
        self.setAccessibleName(title)
        if shown is not None:
            self._texts = [visible(text) for text in shown.rows], [visible(text) for text in shown.columns]
        self._colour()
        self.update()

    def field(self) -> QRectF:
        """Where the cells are painted."""
        rows, columns = self._map.values.shape if self._map else (1, 1)
        left = self._label_width(self._texts[0])
        below = self._label_width(self._texts[1])
        box = QRectF(self.rect()).adjusted(left + _GAP, _TITLE + _MARGIN, -_MARGIN, -below - _GAP - _BAR)
        if self._square:
            side = min(box.width() / columns, box.height() / rows)
            box.setSize(box.size().scaled(side * columns, side * rows, Qt.AspectRatioMode.IgnoreAspectRatio))
        return box

    def wanted_width(self) -> int:
        """The width with which square cells fill the height, colour bar included."""
        rows, columns = self._map.values.shape if self._map else (1, 1)
        below = self._label_width(self._texts[1])
        high = self.height() - _TITLE - _MARGIN - below - _GAP - _BAR
        side = max(high * columns / rows, _NARROWEST)
        return int(self._label_width(self._texts[0]) + _GAP + side + _MARGIN + 1)

    def cell_box(self, row: int, column: int) -> QRectF:
        """Where one cell is painted."""
        rows, columns = self._map.values.shape if self._map else (1, 1)
        box = self.field()
        across, down = box.width() / columns, box.height() / rows
        return QRectF(box.left() + column * across, box.top() + row * down, across, down)

    def cell_at(self, place: QPointF) -> tuple[int, int] | None:
        """The cell under a place, or None beside them."""
        box = self.field()
        if self._map is None or not box.contains(place):
            return None
        rows, columns = self._map.values.shape
        row = int((place.y() - box.top()) / box.height() * rows)
        column = int((place.x() - box.left()) / box.width() * columns)
        return min(row, rows - 1), min(column, columns - 1)

    def told(self, row: int, column: int) -> str:
        """What a cell holds, in words."""
        assert self._map is not None
        return self._tell(row, column, float(self._map.values[row, column]))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), colours_of(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        write(painter, QRectF(0, 0, self.width(), _TITLE), self._title, colours["muted"], Align.AlignLeft)
        box = self.field()
        if self._map is None or self._image is None:
            painter.fillRect(box, colours["field"])
            write(painter, box, "computing …", colours["muted"])
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(box, self._image)
        self._paint_labels(painter, box, colours)
        bar = QRectF(box.left(), self.height() - _BAR, max(box.width(), _NARROWEST), _BAR)
        bar.setWidth(min(bar.width(), self.width() - bar.left()))
        low, high = (round_limit(limit) for limit in self._map.limits)
        colour_bar(painter, bar, self._shades(colours), (low, high), self._unit, colours)
        if self._cursor is not None:
            self._paint_cursor(painter, box, self._cursor, colours)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self.cell_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._point(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if self._map is None or key not in _STEPS:
            super().keyPressEvent(event)
            return
        rows, columns = self._map.values.shape
        down, right = _STEPS[key]
        row, column = self._cursor or (0, 0)
        self._point(((row + down) % rows, (column + right) % columns))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self.cell_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), tooltip(self.told(*cell)) if cell else "", self)
            return True
        return super().event(event)

    def _point(self, cell: tuple[int, int] | None) -> None:
        if cell == self._cursor:
            return
        self._cursor = cell
        self.setAccessibleDescription(self.told(*cell) if cell and self._map is not None else "")
        self.update()

    def _shades(self, colours: Colours) -> np.ndarray:
        return table("viridis", colours.missing)

    def _colour(self) -> None:
        if self._map is None or not self._map.values.size:
            self._image = None
            return
        values, limits = _logarithms(self._map) if self._logarithmic else (self._map.values, self._map.limits)
        cells = np.ascontiguousarray(indexed.entries(values, limits))
        rows, columns = cells.shape
        image = QImage(cells.data, columns, rows, columns, QImage.Format.Format_Indexed8).copy()
        shades = self._shades(colours_of(self)).astype(int)
        image.setColorTable([255 << 24 | r << 16 | g << 8 | b for r, g, b, _ in shades.tolist()])
        self._image = image

    def _label_width(self, texts: list[str]) -> float:
        font = small()
        return min(max((width_of(text, font) for text in texts), default=0.0), _LONGEST) + 2

    def _paint_labels(self, painter: QPainter, box: QRectF, colours: Colours) -> None:
        rows, columns = (len(texts) for texts in self._texts)
        down = box.top() + (np.arange(rows) + 0.5) * box.height() / rows
        across = box.left() + (np.arange(columns) + 0.5) * box.width() / columns
        row, column = self._cursor or (-1, -1)
        font, extent = _axis_font(box.height() / max(rows, 1))
        for place in labels.along(down, np.full(rows, extent), (0, self.height()), 0.0):
            ink = colours["text" if place == row else "muted"]
            line = QRectF(0, down[place] - 8, box.left() - _GAP, 16)
            write(painter, line, self._texts[0][place], ink, Align.AlignRight, font)
        below = self._label_width(self._texts[1])
        font, extent = _axis_font(box.width() / max(columns, 1))
        for place in labels.along(across, np.full(columns, extent), (0, self.width()), 0.0):
            ink = colours["text" if place == column else "muted"]
            line = QRectF(across[place] - 8, box.bottom() + _GAP, 16, below)
            write_up(painter, line, self._texts[1][place], ink, font)

    def _paint_cursor(self, painter: QPainter, box: QRectF, cell: tuple[int, int], colours: Colours) -> None:
        painter.setPen(QPen(colours["on_accent" if not colours.dark else "text"], 2.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        ring = self.cell_box(*cell).adjusted(-1, -1, 1, 1)
        painter.drawRect(ring)
        painter.setPen(QPen(colours["accent"], 1.2))
        painter.drawRect(ring)


def _axis_font(pitch: float) -> tuple[QFont, float]:
    """The typeface of labels that stand `pitch` pixels apart, and the pixels that each takes."""
    return (small(), 12.0) if pitch >= 12 else (typeface(7.5), 10.0)


def _logarithms(shown: FeatureMap) -> tuple[F4, tuple[float, float]]:
    """Values and limits to base ten; what is not above zero counts as the smallest value that is."""
    positive = shown.values[shown.values > 0]
    least = float(positive.min()) if positive.size else 1.0
    low, high = (float(np.log10(max(limit, least))) for limit in shown.limits)
    return np.log10(np.maximum(shown.values, np.float32(least))), (low, max(high, low + 1e-6))
