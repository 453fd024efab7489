"""A painted heat map with texts on both axes, a colour bar, and the value under the pointer."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
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
_SEEN = 0.01  # a hundredth of the colours
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}

Tell = Callable[[int, int, float], str]


class HeatMap(QWidget):
    """Shows a FeatureMap, cells crisp. `tell(row, column, value)` words a cell; `square` cells keep their shape.

    Rows fall from the top, or are `rising` from the bottom, as layers are.
    With `logarithmic` equal steps of colour are equal ratios: for norms, of which a few are a thousand times the rest.
    `pointed` says what is under the pointer or the keys' cursor, in words; nothing beside the cells.
    """

    pointed = Signal(str)

    def __init__(
        self,
        name: str,
        tell: Tell,
        unit: str,
        square: bool = False,
        logarithmic: bool = False,
        rising: bool = False,
    ) -> None:
        super().__init__()
        self._tell, self._unit, self._square, self._logarithmic = tell, unit, square, logarithmic
        self._rising = rising
        self._title = name
        self._map: FeatureMap | None = None
        self._image: QImage | None = None
        self._texts: tuple[list[str], list[str]] = ([], [])
        self._marked: frozenset[int] = frozenset()
        self._cursor: tuple[int, int] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(110, 110)
        self.setAccessibleName(name)

    def show_map(self, shown: FeatureMap | None, title: str, marked: Collection[int] = ()) -> None:
        """Paint this map under this title, the labels of columns `marked` in bold; None while it is on its way."""
        if (title, frozenset(marked)) == (self._title, self._marked) and alike(shown, self._map):
            return
        self._map, self._title, self._marked = shown, title, frozenset(marked)
        self.setAccessibleName(title)
        if shown is not None:
            self._texts = [visible(text) for text in shown.rows], [visible(text) for text in shown.columns]
        self._colour()
        self._point(self._cursor if self._holds(self._cursor) else None)
        self.update()

    def field(self) -> QRectF:
        """Where the cells are painted."""
        rows, columns = self._map.values.shape if self._map else (1, 1)
        left = self._label_width(self._texts[0])
        below = self._label_height()
        box = QRectF(self.rect()).adjusted(left + _GAP, _TITLE + _MARGIN, -_MARGIN, -below - _GAP - _BAR)
        if self._square:
            side = min(box.width() / columns, box.height() / rows)
            box.setSize(box.size().scaled(side * columns, side * rows, Qt.AspectRatioMode.IgnoreAspectRatio))
        return box

    def wanted_width(self) -> int:
        """The width with which square cells fill the height, colour bar included."""
        rows, columns = self._map.values.shape if self._map else (1, 1)
        below = self._label_height()
        high = self.height() - _TITLE - _MARGIN - below - _GAP - _BAR
        side = max(high * columns / rows, _NARROWEST)
        return int(self._label_width(self._texts[0]) + _GAP + side + _MARGIN + 1)

    def cell_box(self, row: int, column: int) -> QRectF:
        """Where one cell is painted."""
        rows, columns = self._map.values.shape if self._map else (1, 1)
        box = self.field()
        across, down = box.width() / columns, box.height() / rows
        below = rows - 1 - row if self._rising else row
        return QRectF(box.left() + column * across, box.top() + below * down, across, down)

    def cell_at(self, place: QPointF) -> tuple[int, int] | None:
        """The cell under a place, or None beside them."""
        box = self.field()
        if self._map is None or not box.contains(place):
            return None
        rows, columns = self._map.values.shape
        row = min(int((place.y() - box.top()) / box.height() * rows), rows - 1)
        column = min(int((place.x() - box.left()) / box.width() * columns), columns - 1)
        return rows - 1 - row if self._rising else row, column

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
        colour_bar(painter, bar, self._shades(colours), _ends(self._map), self._unit, colours)
        if self._cursor is not None:
            self._paint_cursor(painter, box, self._cursor, colours)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._move(self.cell_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._move(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if self._map is None or key not in _STEPS:
            super().keyPressEvent(event)
            return
        rows, columns = self._map.values.shape
        down, right = _STEPS[key]
        row, column = self._cursor or (0, 0)
        self._move(((row + (-down if self._rising else down)) % rows, (column + right) % columns))

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

    def _move(self, cell: tuple[int, int] | None) -> None:
        if cell != self._cursor:
            self._point(cell)
            self.update()

    def _point(self, cell: tuple[int, int] | None) -> None:
        self._cursor = cell
        told = self.told(*cell) if cell and self._map is not None else ""
        self.setAccessibleDescription(told)
        self.pointed.emit(told)

    def _holds(self, cell: tuple[int, int] | None) -> bool:
        return bool(cell and self._map is not None and (np.array(cell) < self._map.values.shape).all())

    def _shades(self, colours: Colours) -> np.ndarray:
        return table("viridis", colours.missing)

    def _colour(self) -> None:
        if self._map is None or not self._map.values.size:
            self._image = None
            return
        values, limits = _logarithms(self._map) if self._logarithmic else (self._map.values, self._map.limits)
        entries = indexed.entries(values, limits)
        cells = np.ascontiguousarray(entries[::-1] if self._rising else entries)
        rows, columns = cells.shape
        image = QImage(cells.data, columns, rows, columns, QImage.Format.Format_Indexed8).copy()
        shades = self._shades(colours_of(self)).astype(int)
        image.setColorTable([255 << 24 | r << 16 | g << 8 | b for r, g, b, _ in shades.tolist()])
        self._image = image

    def _label_width(self, texts: list[str]) -> float:
        font = small()
        return min(max((width_of(text, font) for text in texts), default=0.0), _LONGEST) + 2

    def _label_height(self) -> float:
        """What the labels of the columns take; a marked one, of two tokens, may take more."""
        font = _bold(small())
        marked = (width_of(self._texts[1][place], font) for place in self._marked if place < len(self._texts[1]))
        return max(self._label_width(self._texts[1]), min(max(marked, default=0.0), 1.5 * _LONGEST) + 2)

    def _paint_labels(self, painter: QPainter, box: QRectF, colours: Colours) -> None:
        rows, columns = (len(texts) for texts in self._texts)
        row, column = self._cursor or (-1, -1)
        font, extent = _axis_font(box.height() / max(rows, 1))
        down = np.array([self.cell_box(place, 0).center().y() for place in range(rows)])
        for place in labels.along(down, np.full(rows, extent), (0, self.height()), 0.0):
            ink = colours["text" if place == row else "muted"]
            line = QRectF(0, down[place] - 8, box.left() - _GAP, 16)
            write(painter, line, self._texts[0][place], ink, Align.AlignRight, font)
        below = self._label_height()
        font, extent = _axis_font(box.width() / max(columns, 1))
        across = box.left() + (np.arange(columns) + 0.5) * box.width() / columns
        plain = labels.along(across, np.full(columns, extent), (0, self.width()), 0.0)
        for place in _with(self._marked, plain, across, extent):
            marked = place in self._marked
            ink = colours["text" if place == column or marked else "muted"]
            line = QRectF(across[place] - 8, box.bottom() + _GAP, 16, below)
            write_up(painter, line, self._texts[1][place], ink, _bold(font) if marked else font)

    def _paint_cursor(self, painter: QPainter, box: QRectF, cell: tuple[int, int], colours: Colours) -> None:
        painter.setPen(QPen(colours["on_accent" if not colours.dark else "text"], 2.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        ring = self.cell_box(*cell).adjusted(-1, -1, 1, 1)
        painter.drawRect(ring)
        painter.setPen(QPen(colours["accent"], 1.2))
        painter.drawRect(ring)


def _ends(shown: FeatureMap) -> tuple[str, str]:
    """The limits in words, with a sign where values lie beyond them by more than can be seen."""
    low, high = shown.limits
    with np.errstate(invalid="ignore"):
        below = (shown.values < low - _SEEN * (high - low)).any()
        above = (shown.values > high + _SEEN * (high - low)).any()
    return "≤ " * bool(below) + round_limit(low), "≥ " * bool(above) + round_limit(high)


def _with(marked: frozenset[int], chosen: labels.Chosen, positions: labels.F8, extent: float) -> list[int]:
    """The chosen labels and the marked ones, which come first where two would cover each other."""
    kept: list[int] = []
    for place in [*sorted(marked), *chosen.tolist()]:
        if all(abs(positions[place] - positions[other]) >= extent for other in kept):
            kept.append(place)
    return kept


def _bold(font: QFont) -> QFont:
    made = QFont(font)
    made.setWeight(QFont.Weight.DemiBold)
    return made


def _axis_font(pitch: float) -> tuple[QFont, float]:
    """The typeface of labels that stand `pitch` pixels apart, and the pixels that each takes."""
    return (small(), 12.0) if pitch >= 12 else (typeface(7.5), 10.0)


def _logarithms(shown: FeatureMap) -> tuple[F4, tuple[float, float]]:
    """Values and limits to base ten; what is not above zero counts as the smallest value that is."""
    positive = shown.values[shown.values > 0]
    least = float(positive.min()) if positive.size else 1.0
    low, high = (float(np.log10(max(limit, least))) for limit in shown.limits)
    return np.log10(np.maximum(shown.values, np.float32(least))), (low, max(high, low + 1e-6))
