"""A column of names that are chosen or typed: drawn as fields, and only the one that is edited is a widget."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, QPointF, QRectF, QStringListModel, Qt
from PySide6.QtGui import QPainter, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QWidget,
)

from interpviz.ui.text import legible, tooltip
from interpviz.ui.theme import colours_of

LEFT_OUT = "left out"
_ACROSS, _DOWN, _PAD, _ARROW = 8, 3, 11, 12.0
_Index = QModelIndex | QPersistentModelIndex


class BecomesColumn(QStyledItemDelegate):
    """Draws and edits what the arrays of a table become. Each stroke is taken at once."""

    def __init__(self, table: QTableWidget, offered: Sequence[str]) -> None:
        super().__init__(table)
        self._table = table
        self._offered = QStringListModel(list(offered), self)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        colours = colours_of(self._table)
        rect = QRectF(option.rect).adjusted(0.5, _DOWN + 0.5, -_ACROSS - 0.5, -_DOWN - 0.5)
        current = index.row() == self._table.currentRow() and self._table.hasFocus()
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colours["accent" if current else "line"], 1))
        painter.setBrush(colours["hover" if hovered else "card"])
        painter.drawRoundedRect(rect, 6, 6)
        tip = QPointF(rect.right() - _ARROW, rect.center().y() + 2)
        painter.setPen(QPen(colours["muted"], 1.3))
        painter.drawPolyline([tip + QPointF(-3.5, -3.5), tip, tip + QPointF(3.5, -3.5)])
        text = legible(str(index.data() or ""))
        painter.setPen(colours["text" if text else "muted"])
        space = rect.adjusted(_PAD, 0, -2 * _ARROW, 0)
        middle = self._table.fontMetrics().elidedText(
            text or LEFT_OUT, Qt.TextElideMode.ElideMiddle, int(space.width())
        )
        painter.drawText(space, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, middle)
        painter.restore()

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: _Index) -> QWidget:
        name = legible(str(index.sibling(index.row(), 0).data()))
        field = _Field(self._offered, f"What {name} becomes", parent)
        for said in (field.activated, field.typed):
            said.connect(lambda _: self.commitData.emit(field))
        return field

    def setEditorData(self, editor: QWidget, index: _Index) -> None:
        assert isinstance(editor, _Field)
        text = str(index.data() or "")
        if text != editor.currentText():  # what was just typed is not set again: the cursor would jump
            editor.setEditText(text)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: _Index) -> None:
        assert isinstance(editor, _Field)
        model.setData(index, editor.currentText())

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: _Index) -> None:
        editor.setGeometry(option.rect)


class _Field(QComboBox):
    """What one array becomes, while it is edited. The wheel is left to the table."""

    def __init__(self, offered: QStringListModel, name: str, parent: QWidget) -> None:
        super().__init__(parent, editable=True, insertPolicy=QComboBox.InsertPolicy.NoInsert)
        self.setModel(offered)
        self.setAccessibleName(name)
        self.setToolTip(tooltip("An activation such as L1R, a hook name, or tokens; empty leaves it out"))
        field, completer = self.lineEdit(), self.completer()
        assert field is not None
        assert completer is not None
        field.setPlaceholderText(LEFT_OUT)
        field.setAccessibleName(name)
        self.typed = field.textEdited
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        listed = completer.popup()
        assert listed is not None
        listed.setObjectName("completer")
        for view in (listed, self.view()):
            view.setItemDelegate(QStyledItemDelegate(view))  # their own know no style sheet

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
