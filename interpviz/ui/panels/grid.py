"""The painted grid of components: layers upwards, heads across, MLPs in a column of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from interpviz.control.components import GridPicture, TablePicture
from interpviz.control.pictures import alike
from interpviz.core.sites import Site
from interpviz.render.colormaps import levels
from interpviz.ui.marks import Align, colour_bar, cross, diverging, mixed, round_limit, signed, stride, write
from interpviz.ui.panel import Act
from interpviz.ui.text import tooltip
from interpviz.ui.theme import Colours, colours_of, small

_LEFT, _BOTTOM, _BAR = 34, 20, 22
_LARGEST = QSize(72, 52)
_APART = 8  # pixels between the heads and the MLPs
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (1, 0),
    Qt.Key.Key_Down: (-1, 0),
}
_MEASURES = {"direct": "direct", "attributed": "attributed", "ablation": "cut"}
TIERS = {
    "direct": "direct: straight to the logits, at once",
    "attributed": "attributed: first-order estimate from one gradient",
    "ablation": "measured: the component was really cut",
}

Cell = tuple[int, int]


@dataclass
class _Stroke:
    """One drag: the cells passed so far, and whether they are cut out or put back."""

    cells: list[Cell]
    restores: bool
    merge: tuple[str, int]


class Grid(QWidget):
    """Shows a GridPicture. A click cuts a component or puts it back, a drag cuts all that it passes."""

    def __init__(self, act: Act) -> None:
        super().__init__()
        self._act = act
        self._picture: GridPicture | None = None
        self._cursor: Cell = (0, 0)
        self._hover: Cell | None = None
        self._stroke: _Stroke | None = None
        self._strokes = count()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(180, 120)
        self.setAccessibleName("Components by layer and head")

    def show_picture(self, picture: GridPicture) -> None:
        """Paint this from now on; the cursor follows a lone selection."""
        before, self._picture = self._picture, picture
        was = self._cursor
        if len(picture.selected) == 1 and self._stroke is None:
            self._cursor = picture.cell(next(iter(picture.selected))) or self._cursor
        columns = picture.heads + picture.mlps
        self._cursor = min(self._cursor[0], picture.layers - 1), min(self._cursor[1], columns - 1)
        self._describe()
        marked_alike = before and replace(before, cut=picture.cut, edited=picture.edited, selected=picture.selected)
        if before is None or not alike(marked_alike, picture):
            self.update()
            return
        changed = (before.cut ^ picture.cut) | (before.edited ^ picture.edited) | (before.selected ^ picture.selected)
        marked = {cell for site in changed if (cell := picture.cell(site)) is not None}
        for cell in marked | {was, self._cursor}:
            self.update(self.cell_box(cell).adjusted(-5, -5, 5, 5).toAlignedRect())

    def told(self, cell: Cell) -> str:
        """What is known of a cell, in words."""
        assert self._picture is not None
        site, value = self._picture.site(*cell), float(self._picture.values[cell])
        known = f"{_MEASURES[self._picture.measure]} {value:+.3f} nats" if np.isfinite(value) else "not yet known"
        return f"{site}: {known}{marks_of(self._picture, site)}"

    def table(self) -> str:
        """All cells in words, layer by layer."""
        if self._picture is None:
            return ""
        rows, columns = self._picture.values.shape
        return "; ".join(self.told((row, column)) for row in range(rows) for column in range(columns))

    def cell_box(self, cell: Cell) -> QRectF:
        """Where a cell is painted, in pixels of this widget."""
        assert self._picture is not None
        layers, columns = self._picture.values.shape
        apart = _APART if self._picture.mlps else 0
        across = min((self.width() - _LEFT - apart - 2) / columns, _LARGEST.width())
        up = min((self.height() - _BOTTOM - _BAR - 8) / layers, _LARGEST.height())
        left = _LEFT + cell[1] * across + (apart if cell[1] >= self._picture.heads else 0)
        gap = 3 if min(across, up) > 24 else 1.5 if min(across, up) > 9 else 0.5
        return QRectF(left, 4 + (layers - 1 - cell[0]) * up, across - gap, up - gap)

    def cell_at(self, place: QPointF) -> Cell | None:
        """The cell under a place, or None beside them."""
        if self._picture is None:
            return None
        layers, columns = self._picture.values.shape
        column = next((c for c in range(columns) if self.cell_box((0, c)).right() + 2 > place.x()), columns)
        layer = next((k for k in range(layers) if self.cell_box((k, 0)).top() - 2 <= place.y()), layers)
        inside = column < columns and layer < layers
        return (
            (layer, column)
            if inside and self.cell_box((layer, column)).adjusted(-3, -3, 3, 3).contains(place)
            else None
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = colours_of(self)
        table = diverging(colours)
        self._paint_axes(painter, self._picture, colours)
        fills = table[levels(self._picture.values, (-self._picture.limit, self._picture.limit))]
        for row, column in np.ndindex(*self._picture.values.shape):
            if event.region().intersects(self.cell_box((row, column)).toAlignedRect()):
                self._paint_cell(painter, (row, column), fills[row, column], self._picture, colours)
        self._paint_rings(painter, self._picture, colours)
        limit = round_limit(self._picture.limit)
        bar = QRectF(_LEFT, self.height() - _BAR, self.width() - _LEFT - 2, _BAR)
        if np.isfinite(self._picture.values).any():
            low, high = _beyond(self._picture)
            colour_bar(painter, bar, table, (f"{low}−{limit}", f"{high}+{limit}"), self._unit(), colours)
        elif not self._picture.problem:
            write(painter, bar, self._unit(), colours["muted"], Align.AlignLeft)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        if cell is None or self._picture is None:
            return
        self._cursor = cell
        aside = event.button() == Qt.MouseButton.RightButton
        if aside or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._act("selection.set", self._with(cell) if not aside else (self._picture.site(*cell),))
        elif event.button() == Qt.MouseButton.LeftButton:
            restores = self._picture.site(*cell) in self._picture.cut | self._picture.edited
            self._stroke = _Stroke([cell], restores, ("stroke", next(self._strokes)))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        if cell != self._hover:
            self._hover = cell
            self.update()
        if cell is not None and self._stroke is not None and cell not in self._stroke.cells:
            self._stroke.cells.append(cell)
            self._drag(self._stroke)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        stroke, self._stroke = self._stroke, None
        if stroke is not None and len(stroke.cells) == 1 and self._picture is not None:
            self._act("intervention.toggle", self._picture.site(*stroke.cells[0]))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover = None
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._picture is None:
            return
        key = Qt.Key(event.key())
        if key in _STEPS:
            rows, columns = self._picture.values.shape
            up, right = _STEPS[key]
            self._cursor = (self._cursor[0] + up) % rows, (self._cursor[1] + right) % columns
            self._act("selection.set", (self._picture.site(*self._cursor),), merge="walk")
            self._describe()
            self.update()
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._act("intervention.toggle", self._picture.site(*self._cursor))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self.cell_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), tooltip(self._tip(cell)) if cell else "", self)
            return True
        return super().event(event)

    def _tip(self, cell: Cell) -> str:
        assert self._picture is not None
        return f"{self.told(cell)}\n{TIERS[self._picture.measure]}"

    def _drag(self, stroke: _Stroke) -> None:
        assert self._picture is not None
        sites = tuple(self._picture.site(*cell) for cell in stroke.cells)
        self._act("intervention.restore" if stroke.restores else "intervention.ablate", sites, merge=stroke.merge)

    def _with(self, cell: Cell) -> tuple[Site, ...]:
        """The selection with this cell added, or taken out where it is in it."""
        assert self._picture is not None
        return tuple(sorted(self._picture.selected ^ {self._picture.site(*cell)}))

    def _describe(self) -> None:
        self.setAccessibleDescription(self.told(self._cursor))

    def _unit(self) -> str:
        assert self._picture is not None
        return "nats" if self._picture.done >= 1 or self._picture.problem else f"{self._picture.done:.0%} there"

    def _paint_axes(self, painter: QPainter, picture: GridPicture, colours: Colours) -> None:
        layers, columns = picture.values.shape
        first, ink = self.cell_box((0, 0)), colours["muted"]
        for layer in range(0, layers, stride(self.cell_box((0, 0)).height() + 1, 13)):
            box = self.cell_box((layer, 0))
            label = QRectF(0, box.center().y() - 8, _LEFT - 8, 16)
            write(painter, label, f"L{layer}", ink, Align.AlignRight)
        for column in range(0, picture.heads, stride(first.width() + 1, 24)):
            box = self.cell_box((0, column))
            label = QRectF(box.center().x() - 20, first.bottom() + 3, 40, 16)
            write(painter, label, f"H{column}", ink)
        if picture.mlps:
            box = self.cell_box((0, columns - 1))
            write(painter, QRectF(box.center().x() - 20, first.bottom() + 3, 40, 16), "MLP", ink)

    def _paint_cell(
        self, painter: QPainter, cell: Cell, rgba: np.ndarray, picture: GridPicture, colours: Colours
    ) -> None:
        box, known = self.cell_box(cell), bool(np.isfinite(picture.values[cell]))
        cut = picture.site(*cell) in picture.cut
        fill = QColor(*(int(v) for v in rgba[:3])) if known else colours["missing"]
        fill = mixed(fill, colours["card"], 0.5) if cut else fill
        radius = min(box.width(), box.height()) / 9 if box.height() > 14 else 1
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRoundedRect(box, radius, radius)
        if cut:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            cross(painter, box, colours["edit"], fill)
        elif known and box.width() >= 33 and box.height() >= 20:
            ink = QColor("#14181f") if fill.lightness() > 130 else QColor("#f4f6f9")
            write(painter, box, signed(float(picture.values[cell]), 2), ink, font=small())

    def _paint_rings(self, painter: QPainter, picture: GridPicture, colours: Colours) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._hover is not None:
            self._ring(painter, self._hover, QPen(colours["text"], 1))
        for cell in filter(None, map(picture.cell, picture.edited)):
            self._ring(painter, cell, QPen(colours["edit"], 2), -2)
        for cell in np.ndindex(*picture.values.shape):
            if picture.site(*cell) in picture.selected:
                self._ring(painter, (cell[0], cell[1]), QPen(colours["accent"], 2.2))
        if self.hasFocus():
            self._ring(painter, self._cursor, QPen(colours["text"], 1.2, Qt.PenStyle.DotLine), 3)

    def _ring(self, painter: QPainter, cell: Cell, pen: QPen, out: float = 1) -> None:
        painter.setPen(pen)
        box = self.cell_box(cell).adjusted(-out, -out, out, out)
        radius = min(box.width(), box.height()) / 9 + 1
        painter.drawRoundedRect(box, radius, radius)


def marks_of(picture: GridPicture | TablePicture, site: Site) -> str:
    """What is done to a component, in words that follow its name."""
    done = ", cut out" * (site in picture.cut) + ", edited" * (site in picture.edited)
    return done + ", selected" * (site in picture.selected)


def _beyond(picture: GridPicture) -> tuple[str, str]:
    """Signs before the ends of the colour bar where some values lie beyond them."""
    with np.errstate(invalid="ignore"):
        below, above = (picture.values < -picture.limit).any(), (picture.values > picture.limit).any()
    return "≤ " * bool(below), "≥ " * bool(above)
