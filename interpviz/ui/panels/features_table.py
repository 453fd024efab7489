"""The table of features: sorted by a click on a heading; the feature under the cursor is the one that is chosen."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from interpviz.control.features import COLUMNS, FeaturesPicture
from interpviz.core.scale import symmetric_limit
from interpviz.ui.marks import Align, diverging, faint, width_of, write
from interpviz.ui.panel import Act
from interpviz.ui.panels.features_rows import NAMES, FeatureRows, density
from interpviz.ui.theme import Colours, colours_of, small, typeface

_PITCH, _HEAD, _PAD = 22, 24, 4
_LEAST = {"feature": 58, "density": 68, "maximum": 50, "label": 90, "score": 42, "top_token": 66, "effect": 56}
_LABEL, _TOKEN = COLUMNS.index("label"), COLUMNS.index("top_token")
_TEXTS = ("label", "top_token")
_PURPLE, _GREEN = 30, 224  # of the diverging colours: neither sinks into a light or a dark ground
_SELECT = QItemSelectionModel.SelectionFlag


class FeatureTableView(QTableView):
    """Shows a FeaturesPicture. Click and arrow keys choose a feature, Enter opens its page, Ctrl+C copies."""

    def __init__(self, act: Act) -> None:
        super().__init__()
        self._act = act
        self._presenting = False
        self.limits = {"maximum": 1.0, "effect": 1.0}
        self.rows = FeatureRows()
        self.headings = _Headings()
        self.setModel(self.rows)
        self.setHorizontalHeader(self.headings)
        self.setItemDelegate(_Cells(self))
        self.setAccessibleName("Features of the dictionary")
        self._look()
        self.headings.sectionClicked.connect(self._sort)
        self.doubleClicked.connect(lambda _: self._open())

    def show_picture(self, picture: FeaturesPicture) -> None:
        """Show these rows from now on; the feature that is chosen is scrolled to where rows or choice changed."""
        before, self._presenting = self.rows.picture, True
        if before is None or before.table is not picture.table or before.effects is not picture.effects:
            largest = picture.table.maximum.max(initial=0.0)
            effects = picture.effects
            self.limits = {
                "maximum": float(largest) or 1.0,
                "effect": symmetric_limit(effects) if effects is not None else 1.0,
            }
        self.setColumnHidden(COLUMNS.index("effect"), picture.effects is None)
        self.rows.show_picture(picture)
        self.headings.share_out(self.viewport().width())
        moved = before is None or before.order is not picture.order
        if moved or before is None or before.chosen != picture.chosen:
            self._point(picture, moved)
        self._presenting = False

    def chosen_row(self) -> int | None:
        """The row that is selected."""
        rows = self.selectionModel().selectedRows()
        return rows[0].row() if rows else None

    def currentChanged(
        self, current: QModelIndex | QPersistentModelIndex, previous: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().currentChanged(current, previous)
        if current.isValid() and not self._presenting and current.row() != previous.row():
            self._act("feature.choose", self.rows.feature(current.row()), merge="features")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, control = Qt.Key(event.key()), bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.matches(QKeySequence.StandardKey.Copy):
            chosen = self.chosen_row()
            if chosen is not None:
                QGuiApplication.clipboard().setText(self.rows.tab_separated([chosen]))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open()
        elif control and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._act("features.sort", COLUMNS[max(self.currentIndex().column(), 0)], key == Qt.Key.Key_Down)
        elif event.text().strip() and not control:
            event.ignore()  # letters are the panel's keys, not a search through 100,000 rows
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.headings.share_out(self.viewport().width())
        at, before = self.currentIndex(), event.oldSize().height()
        if at.isValid() and self.visualRect(at).top() in range(before):  # was in sight: a sentence may have come above
            self.scrollTo(at)

    def _open(self) -> None:
        """Show the page of the chosen feature, where that panel is closed."""
        row = self.currentIndex().row()
        if row >= 0:
            self._act("feature.choose", self.rows.feature(row))
            self._act("panel.show", "feature", True)

    def _point(self, picture: FeaturesPicture, moved: bool) -> None:
        row = picture.row(picture.chosen)
        if row is None:
            self.clearSelection()
            self.selectionModel().setCurrentIndex(QModelIndex(), _SELECT.NoUpdate)
            if moved:
                self.scrollToTop()
            return
        at = self.rows.index(row, max(self.currentIndex().column(), 0))
        self.selectionModel().setCurrentIndex(at, _SELECT.ClearAndSelect | _SELECT.Rows)
        self.scrollTo(at, QAbstractItemView.ScrollHint.EnsureVisible)

    def _look(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setMinimumSize(180, 80)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        side = self.verticalHeader()
        side.setVisible(False)
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        side.setMinimumSectionSize(_PITCH)
        side.setDefaultSectionSize(_PITCH)

    def _sort(self, section: int) -> None:
        """By another column largest first, texts and numbers of features from the first; the same one turned round."""
        assert self.rows.picture is not None
        column = COLUMNS[section]
        same = column == self.rows.picture.column
        largest_first = column not in (*_TEXTS, "feature")
        self._act("features.sort", column, not self.rows.picture.descending if same else largest_first)


class _Headings(QHeaderView):
    """The names of the columns; the one that the rows are sorted by stands out and has an arrow."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setFixedHeight(_HEAD)
        self.setMinimumSectionSize(20)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def share_out(self, width: int) -> None:
        """Every column as wide as it must be; what is left is for labels, a fifth of it for top tokens."""
        shown = [section for section in range(len(COLUMNS)) if not self.isSectionHidden(section)]
        least = {section: self._wanted(section) for section in shown}
        more = max(width - sum(least.values()), 0)
        for section in shown:
            extra = more - more // 5 if section == _LABEL else more // 5 if section == _TOKEN else 0
            self.resizeSection(section, least[section] + extra)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        colours, text = colours_of(self), self._text(section)
        painter.save()
        painter.fillRect(rect, colours["card"])
        painter.fillRect(rect.adjusted(0, rect.height() - 1, 0, 0), colours["line"])
        left = COLUMNS[section] in _TEXTS
        box = QRectF(rect).adjusted(2 * _PAD if left else 0, 0, -_PAD, 0)
        side = Align.AlignLeft if left else Align.AlignRight
        write(painter, box, text, colours["muted" if text == NAMES[COLUMNS[section]] else "text"], side)
        painter.restore()

    def _text(self, section: int) -> str:
        found = self.model().headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole)
        return str(found or NAMES[COLUMNS[section]])

    def _wanted(self, section: int) -> int:
        return max(int(width_of(self._text(section), small())) + 2 * _PAD + 2, _LEAST[COLUMNS[section]])


class _Cells(QStyledItemDelegate):
    """Paints a cell, and under the largest activation and the effect a bar, that of the effect from the middle."""

    def __init__(self, table: FeatureTableView) -> None:
        super().__init__(table)
        self._table = table

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        rows, colours, box = self._table.rows, colours_of(self._table), QRectF(option.rect)
        column, row = COLUMNS[index.column()], index.row()
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(box, colours["card"])  # the style has laid its own colour under a selected row
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, faint(colours["accent"], 0.14))
        text = rows.text(row, column)
        if column in _TEXTS:
            self._paint_text(painter, box, text, column, row, colours)
        else:
            self._paint_number(painter, box, text, column, row, colours)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(colours["text"], 1.2, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 2, 2)
        painter.restore()

    def _paint_text(self, painter: QPainter, box: QRectF, text: str, column: str, row: int, colours: Colours) -> None:
        own = column == "label" and bool(self._table.rows.own(row))
        ink = colours["muted" if column == "label" and not own else "text"]
        font = typeface(9, QFont.Weight.Medium if own else QFont.Weight.Normal)
        write(painter, box.adjusted(2 * _PAD, -1, -2, -1), text, ink, Align.AlignLeft, font)

    def _paint_number(self, painter: QPainter, box: QRectF, text: str, column: str, row: int, colours: Colours) -> None:
        rows, picture = self._table.rows, self._table.rows.picture
        assert picture is not None
        if column == "feature" and rows.feature(row) in picture.notes.bookmarks:
            write(painter, box.adjusted(0, -1, 0, -1), "★", colours["accent"], Align.AlignLeft, typeface(9))
        quiet = column == "score" or text in ("…", density(0))
        write(
            painter,
            box.adjusted(2, -1, -_PAD, -1),
            text,
            colours["muted" if quiet else "text"],
            Align.AlignRight,
            typeface(9),
        )
        value = rows.number(row, column) if column in self._table.limits else float("nan")
        if value != value or not value:
            return
        share = max(min(value / self._table.limits[column], 1.0), -1.0)
        if column == "maximum":
            _bar(painter, box, 0.0, share, colours["clean"])
        else:
            shade = diverging(colours)[_GREEN if share > 0 else _PURPLE]
            _bar(painter, box, 0.5, share / 2, QColor(*(int(part) for part in shade[:3])))


def _bar(painter: QPainter, box: QRectF, zero: float, share: float, shade: QColor) -> None:
    """A thin bar along the bottom of the cell, from `zero` of its width on, `share` of it long."""
    room = box.width() - 2 * _PAD
    start = box.left() + _PAD + room * (zero + min(share, 0.0))
    painter.fillRect(QRectF(start, box.bottom() - 4, abs(share) * room, 2.5), shade)
