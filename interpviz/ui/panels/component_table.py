"""The table of all components: sorted by a click on a heading, selected by a click on a row, cut by two."""

from __future__ import annotations

from itertools import count

import numpy as np
from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    Qt,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from interpviz.control.components import COLUMNS, TablePicture
from interpviz.core.sites import Site
from interpviz.ui.marks import Align, cross, diverging, faint, width_of, write
from interpviz.ui.panel import Act
from interpviz.ui.panels.component_rows import ComponentRows
from interpviz.ui.theme import Colours, colours_of, small, typeface

_PITCH, _HEAD, _PAD, _GUTTER = 22, 24, 4, 15
_NUMBER, _NAME = 52, 58  # the least that a column takes: −12.345 and L29H31, at the size of cells
_EFFECTS = slice(COLUMNS.index("direct"), None)
_PURPLE, _GREEN = 30, 224  # of the diverging colours: neither sinks into a light or a dark ground
_SELECT = QItemSelectionModel.SelectionFlag


class ComponentTable(QTableView):
    """Shows a TablePicture. A click selects, a double click or Space cuts or puts back, Ctrl+C copies."""

    def __init__(self, act: Act) -> None:
        super().__init__()
        self._act = act
        self._presenting = False
        self._gestures = count()
        self._merge: object = "walk"
        self.rows = ComponentRows()
        self.headings = _Headings()
        self.setModel(self.rows)
        self.setHorizontalHeader(self.headings)
        self.setItemDelegate(_Cells(self))
        self.setAccessibleName("Components with their effects")
        self._look()
        self.headings.sectionClicked.connect(self._sort)
        self.doubleClicked.connect(self._toggle)

    def show_picture(self, picture: TablePicture) -> None:
        """Show these rows from now on; a lone component that was selected elsewhere is scrolled to."""
        before, self._presenting = self.rows.picture, True
        self.rows.show_picture(picture)
        if before is not None and (before.column, before.descending) != (picture.column, picture.descending):
            self.scrollToTop()
        self.headings.share_out(self.viewport().width())
        self._select(picture, before is None or before.selected != picture.selected)
        self._presenting = False

    def selected_rows(self) -> list[int]:
        """The rows that are selected, from top to bottom."""
        chosen = self.selectionModel().selection()
        parts = (chosen.at(place) for place in range(chosen.count()))
        return sorted({row for part in parts for row in range(part.top(), part.bottom() + 1)})

    def copy(self) -> None:
        """Put the selected rows, or all, on the clipboard."""
        chosen = self.selected_rows() or list(range(self.rows.rowCount()))
        QGuiApplication.clipboard().setText(self.rows.tab_separated(chosen))

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        if self.rows.picture is not None and not self._presenting:
            sites = tuple(sorted(self.rows.site(row) for row in self.selected_rows()))
            self._act("selection.set", sites, merge=self._merge)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._merge = ("rows", next(self._gestures))
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, at = Qt.Key(event.key()), self.currentIndex()
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        self._merge = "walk"
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._toggle(at)
        elif control and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._act("components.sort", COLUMNS[max(at.column(), 0)], key == Qt.Key.Key_Down)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.headings.share_out(self.viewport().width())

    def _look(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setMinimumSize(180, 120)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        side = self.verticalHeader()
        side.setVisible(False)
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        side.setMinimumSectionSize(_PITCH)
        side.setDefaultSectionSize(_PITCH)

    def _sort(self, section: int) -> None:
        """By another column largest first, by the same one the other way round; names run from the first layer."""
        assert self.rows.picture is not None
        same = COLUMNS[section] == self.rows.picture.column
        self._act("components.sort", COLUMNS[section], not self.rows.picture.descending if same else section > 0)

    def _toggle(self, index: QModelIndex) -> None:
        if index.isValid():
            self._act("intervention.toggle", self.rows.site(index.row()))

    def _select(self, picture: TablePicture, elsewhere: bool) -> None:
        rows = picture.rows(picture.selected)
        if rows.tolist() != self.selected_rows():
            self.selectionModel().select(self._ranges(rows), _SELECT.ClearAndSelect | _SELECT.Rows)
        if elsewhere and len(rows) == 1:
            at = self.rows.index(int(rows[0]), max(self.currentIndex().column(), 0))
            self.selectionModel().setCurrentIndex(at, _SELECT.NoUpdate)
            self.scrollTo(at)

    def _ranges(self, rows: np.ndarray) -> QItemSelection:
        """Stretches of neighbouring rows: 100,000 of them are selected at once."""
        selection, last = QItemSelection(), len(COLUMNS) - 1
        for part in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else ():
            ends = self.rows.index(int(part[0]), 0), self.rows.index(int(part[-1]), last)
            selection.select(*ends)
        return selection


class _Headings(QHeaderView):
    """The names of the columns; the one that the rows are sorted by stands out and has an arrow."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._font = small()
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setFixedHeight(_HEAD)
        self.setMinimumSectionSize(_NUMBER)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def share_out(self, width: int) -> None:
        """Every column as wide as its name, in small type where that is tight, and the rest of the width for all."""
        self._font = next((font for font in (small(), typeface(7.5)) if sum(self._wanted(font)) <= width), small())
        wanted = self._wanted(self._font)
        more = max(width - sum(wanted), 0)
        for section, least in enumerate(wanted):
            share = more * (section + 1) // len(wanted) - more * section // len(wanted)
            self.resizeSection(section, least + share)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        colours, text = colours_of(self), self._text(section)
        painter.save()
        painter.fillRect(rect, colours["card"])
        painter.fillRect(rect.adjusted(0, rect.height() - 1, 0, 0), colours["line"])
        box = QRectF(rect).adjusted(2 if section == 0 else 0, 0, -_PAD, 0)
        side = Align.AlignLeft if section == 0 else Align.AlignRight
        write(painter, box, text, colours["muted" if text == COLUMNS[section] else "text"], side, self._font)
        painter.restore()

    def _text(self, section: int) -> str:
        found = self.model().headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole)
        return str(found or COLUMNS[section])

    def _wanted(self, font: QFont) -> list[int]:
        """Pixels that each column takes at the least: its name, with the arrow where there is one, or its numbers."""
        names = [int(width_of(self._text(section), font)) + 2 * _PAD + 1 for section in range(len(COLUMNS))]
        return [max(name, _NUMBER if section else _NAME) for section, name in enumerate(names)]


class _Cells(QStyledItemDelegate):
    """Paints a cell: the number, and beneath it a bar from zero in the middle, purple below and green above."""

    def __init__(self, table: ComponentTable) -> None:
        super().__init__(table)
        self._table = table

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        rows, colours, box = self._table.rows, colours_of(self._table), QRectF(option.rect)
        picture, row, column = rows.picture, index.row(), index.column()
        if picture is None:
            return
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(box, colours["card"])  # the style has laid its own colour under a selected row
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, faint(colours["accent"], 0.14))
        if column == 0:
            self._paint_name(painter, box, rows.text(row, 0), rows.site(row), picture, colours)
        else:
            text, value = rows.text(row, column), rows.number(row, column)
            ink = colours["text" if value == value else "muted"]
            write(painter, box.adjusted(2, -1, -_PAD, -1), text, ink, Align.AlignRight, typeface(9))
            if value == value and column in range(*_EFFECTS.indices(len(COLUMNS))):
                _paint_bar(painter, box, value / picture.limit, colours)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(colours["text"], 1.2, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 2, 2)
        painter.restore()

    def _paint_name(
        self, painter: QPainter, box: QRectF, name: str, site: Site, picture: TablePicture, colours: Colours
    ) -> None:
        cut = site in picture.cut
        font = QFont(typeface(9))
        font.setStrikeOut(cut)
        if cut:
            cross(painter, QRectF(box.left() - 1, box.top(), _GUTTER, box.height()), colours["edit"], colours["card"])
        ink = colours["edit" if cut or site in picture.edited else "text"]
        write(painter, box.adjusted(_GUTTER, -1, -2, -1), name, ink, Align.AlignLeft, font)


def _paint_bar(painter: QPainter, box: QRectF, share: float, colours: Colours) -> None:
    half = (box.width() - 2 * _PAD) / 2
    reach = half * min(abs(share), 1.0)
    middle = box.left() + _PAD + half
    shade = diverging(colours)[_GREEN if share > 0 else _PURPLE]
    painter.fillRect(QRectF(middle if share > 0 else middle - reach, box.bottom() - 4, reach, 2.5), _colour(shade))


def _colour(shade: np.ndarray) -> QColor:
    return QColor(*(int(part) for part in shade[:3]))
