"""The painted map of features on the prompt: tokens across, one feature a row, however many there are."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy, QToolTip

from interpviz.control.activations import ActivationsPicture
from interpviz.core.results import F4
from interpviz.core.scale import symmetric_limit
from interpviz.ui.marks import Align, colour_bar, faint, rgb, round_limit, signed, width_of, write, write_up
from interpviz.ui.panel import Act
from interpviz.ui.panels.activations_places import FIGURE, NAME, ROW, Cell, Places
from interpviz.ui.panels.activations_words import HEADINGS, figure, in_cell, told
from interpviz.ui.panels.heat_ink import heat, ink_on
from interpviz.ui.text import legible, tooltip, visible
from interpviz.ui.theme import Colours, colours_of, small, typeface

_PAD = 5
_WRITTEN = 29  # pixels from which on a cell says its number
_MIDDLE = 127  # of the colours from -1 to 1
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class ActivationsMap(QAbstractScrollArea):
    """Shows an ActivationsPicture. A click or Enter chooses a feature at a token, Space cuts it out or puts it back.

    `pointed` says in words what is under the pointer or the keys' cursor; nothing beside the cells.
    """

    pointed = Signal(str)

    def __init__(self, act: Act) -> None:
        super().__init__()
        self._act = act
        self._picture: ActivationsPicture | None = None
        self._cells, self._limit = np.zeros((0, 0), np.float32), 1.0
        self._widest = 0.0
        self._cursor: Cell | None = None
        self._hovered: Cell | None = None
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(220, 96)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.setAccessibleName("Features by token")

    @property
    def places(self) -> Places:
        """Where everything stands now."""
        view, (rows, columns) = self.viewport(), self._cells.shape
        scrolled = self.horizontalScrollBar().value(), self.verticalScrollBar().value()
        return Places(view.width(), view.height(), rows, columns, self._widest, *scrolled)

    def show_picture(self, picture: ActivationsPicture) -> None:
        """Paint this from now on; the feature that was chosen elsewhere is scrolled to."""
        before, self._picture = self._picture, picture
        self._cells, self._limit = _shown(picture)
        self._widest = max(width_of(visible(text), small()) for text in picture.tokens.texts)
        self._cursor, self._hovered = (self._inside(cell) for cell in (self._cursor, self._hovered))
        self._lay_out()
        if before is None or (before.ranking, before.dictionary) != (picture.ranking, picture.dictionary):
            self.verticalScrollBar().setValue(0)
        row, chosen = picture.marked, picture.chosen
        elsewhere = before is None or before.chosen is None or (chosen and before.chosen.site != chosen.site)
        if row is not None and chosen is not None and elsewhere:
            self._cursor = self._inside((row, NAME if chosen.at is None else chosen.at)) or (row, NAME)
            self._bring(self._cursor)
        self._tell()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The row that the keys' cursor is in stays in view, as when the feature that it is of takes room below."""
        before = replace(self.places, height=event.oldSize().height())
        seen = self._cursor is not None and before.shows(self._cursor[0])
        self._lay_out()
        if seen and self._cursor is not None:
            self._bring(self._cursor)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None:
            return
        painter, colours, places = QPainter(self.viewport()), colours_of(self), self.places
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        below = self.viewport().height() - places.head
        painter.setClipRect(QRectF(0, places.head, self.viewport().width(), below))
        for row in places.rows_in_view():
            self._paint_row(painter, row, self._picture, places, colours)
        painter.setClipRect(QRectF(places.name, places.head, places.room, below))
        for row in places.rows_in_view():
            self._paint_cells(painter, row, places, colours)
        painter.setPen(QPen(colours["card"], 1))
        for column in places.columns_in_view():
            left = places.box(0, column).left()
            painter.drawLine(QPointF(left, places.head), QPointF(left, places.height))
        self._paint_rings(painter, self._picture, places, colours)
        painter.setClipRect(QRectF(places.name, 0, places.room, places.head))
        self._paint_tokens(painter, self._picture, places, colours)
        painter.setClipping(False)
        self._paint_corners(painter, self._picture, places, colours)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self.places.at(QPointF(event.pos()))
            said = told(self._picture, cell) if cell and self._picture else ""
            QToolTip.showText(event.globalPos(), tooltip(said) if said else "", self)
            return True
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        return super().viewportEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.places.at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.places.at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self._cursor = cell
            self._choose(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _STEPS and self._cells.size:
            self._step(*_STEPS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cursor is not None:
            self._choose(self._cursor)
        elif key == Qt.Key.Key_Space and self._cursor is not None and self._picture is not None:
            self._act("intervention.toggle", self._picture.site(self._cursor[0]))
        else:
            super().keyPressEvent(event)

    def _step(self, down: int, right: int) -> None:
        """The first key goes to the first name, each other one cell on."""
        rows, columns = self._cells.shape
        row, column = self._cursor or (-down, NAME - right)
        self._cursor = min(max(row + down, 0), rows - 1), min(max(column + right, NAME), columns - 1)
        self._bring(self._cursor)
        self._tell()
        self.viewport().update()

    def _choose(self, cell: Cell) -> None:
        assert self._picture is not None
        row, column = cell
        self._act("feature.choose", self._picture.rows[row].feature, None if column == NAME else column)

    def _hover(self, cell: Cell | None) -> None:
        if cell != self._hovered:
            self._hovered = cell
            self._tell()
            self.viewport().update()

    def _tell(self) -> None:
        cell = self._hovered or self._cursor
        said = told(self._picture, cell) if cell is not None and self._picture is not None else ""
        self.setAccessibleDescription(said)
        self.pointed.emit(said)

    def _inside(self, cell: Cell | None) -> Cell | None:
        rows, columns = self._cells.shape
        return cell if cell is not None and cell[0] < rows and cell[1] < columns else None

    def _bring(self, cell: Cell) -> None:
        left, top = self.places.scrolled_to(*cell)
        self.horizontalScrollBar().setValue(left)
        self.verticalScrollBar().setValue(top)

    def _lay_out(self) -> None:
        places = self.places
        bars = self.horizontalScrollBar(), self.verticalScrollBar()
        pages = places.room, self.viewport().height() - places.head
        for bar, most, page, step in zip(bars, places.farthest, pages, (places.pitch, ROW), strict=True):
            bar.setRange(0, round(most))
            bar.setPageStep(max(round(page), 1))
            bar.setSingleStep(round(step))

    def _paint_row(
        self, painter: QPainter, row: int, picture: ActivationsPicture, places: Places, colours: Colours
    ) -> None:
        one, name = picture.rows[row], places.box(row, NAME)
        if row == picture.marked:
            painter.fillRect(QRectF(0, name.top(), places.width, ROW), faint(colours["accent"], 0.14))
        edited, number = one.feature in picture.edited, str(one.feature)
        ink = colours["edit" if edited else "muted" if one.label else "text"]
        write(painter, name.adjusted(2, 0, 0, 0), number, ink, Align.AlignLeft)
        label = name.adjusted(2 + width_of(number, small()) + _PAD, 0, -_PAD, 0)
        write(painter, label, legible(one.label), colours["edit" if edited else "text"], Align.AlignLeft, typeface(9))
        beside, said = QRectF(places.right, name.top(), FIGURE - 4, ROW), figure(picture, row)
        ink = colours["text" if any(letter.isdigit() for letter in said) else "muted"]
        write(painter, beside, said, ink, Align.AlignRight, typeface(9))

    def _paint_cells(self, painter: QPainter, row: int, places: Places, colours: Colours) -> None:
        fills, seen = _fills(colours), places.columns_in_view()
        strip = places.box(row, seen.start).united(places.box(row, seen.stop - 1)).adjusted(0, 0.5, 0, -0.5)
        painter.fillRect(strip, colours["field"])
        if seen.start == 0:
            painter.fillRect(places.box(row, 0).adjusted(0, 0.5, 0, -0.5), colours["missing"])
        values = self._cells[row, seen.start : seen.stop]
        for column in (seen.start + np.flatnonzero(values)).tolist():
            box, value = places.box(row, column).adjusted(0, 0.5, 0, -0.5), float(self._cells[row, column])
            share = max(min(value / self._limit, 1.0), -1.0)
            fill, ink = fills[_MIDDLE + round(_MIDDLE * share)]
            painter.fillRect(box, fill)
            if box.width() >= _WRITTEN:
                write(painter, box, in_cell(value), ink, font=small())

    def _paint_tokens(self, painter: QPainter, picture: ActivationsPicture, places: Places, colours: Colours) -> None:
        pointed = self._hovered or self._cursor or (-1, -1)
        at = picture.chosen.at if picture.chosen else None
        for column in places.columns_in_view():
            ink = colours["text" if column in (pointed[1], at) else "muted"]
            box = places.box(0, column)
            upright = QRectF(box.left(), 0, box.width(), places.head - 4)
            if places.flat:
                write(painter, upright, visible(picture.tokens.texts[column]), ink)
            else:
                write_up(painter, upright, visible(picture.tokens.texts[column]), ink, align=Align.AlignLeft)

    def _paint_rings(self, painter: QPainter, picture: ActivationsPicture, places: Places, colours: Colours) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        row, at = picture.marked, picture.chosen.at if picture.chosen else None
        if row is not None and at is not None and at < places.columns:
            painter.setPen(QPen(colours["accent"], 2))
            painter.drawRect(places.box(row, at).adjusted(1, 1, -1, -1))
        if self._hovered is not None:
            painter.setPen(QPen(colours["text"], 1))
            painter.drawRect(places.box(*self._hovered).adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_corners(self, painter: QPainter, picture: ActivationsPicture, places: Places, colours: Colours) -> None:
        """The colours' scale above the names, what the figures are above them, and the keys' cursor."""
        both, beyond = bool((self._cells < 0).any()), bool((np.abs(self._cells) > 1.01 * self._limit).any())
        least, most = signed(-self._limit, 1) if both else "0", "≥ " * beyond + round_limit(self._limit)
        bar = QRectF(2, places.head - 20, places.name - 8, 16)
        colour_bar(painter, bar, _scale(colours, both), (least, most), "", colours)
        heading = QRectF(places.right, places.head - 20, FIGURE - 4, 16)
        write(painter, heading, HEADINGS[picture.ranking], colours["muted"], Align.AlignRight)
        if self.hasFocus() and self._cursor is not None and self._hovered is None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours["text"], 1.2, Qt.PenStyle.DotLine))
            painter.drawRect(places.box(*self._cursor).adjusted(1, 1, -1, -1))


@cache
def _fills(colours: Colours) -> tuple[tuple[QColor, QColor], ...]:
    """Grounds and inks from the least to the most: a repaint colours hundreds of cells."""
    grounds = [heat(place / _MIDDLE - 1, colours) for place in range(2 * _MIDDLE + 1)]
    return tuple((ground, ink_on(ground)) for ground in grounds)


def _scale(colours: Colours, both: bool) -> np.ndarray:
    """The colours of a bar, (256, 4) u1, from nothing on or from both sides of it."""
    fills = _fills(colours)
    chosen = np.linspace(0 if both else _MIDDLE, 2 * _MIDDLE, 256).round().astype(int)
    return np.array([(*rgb(fills[place][0]), 255) for place in chosen], np.uint8)


def _shown(picture: ActivationsPicture) -> tuple[F4, float]:
    """What the cells are coloured by, and where the colours are fullest."""
    if picture.ranking == "quantile" and picture.quantiles is not None:
        return np.nan_to_num(picture.quantiles), 1.0
    return picture.values, symmetric_limit(picture.values[picture.values != 0])
