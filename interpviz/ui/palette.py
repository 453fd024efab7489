"""The command palette: every act of the menus, found by a few letters."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

_SIZE = (520, 380)


def matches(typed: str, title: str) -> bool:
    """Whether every word typed begins a part of the title, in any order."""
    return all(word in title.casefold() for word in typed.casefold().split())


class Palette(QFrame):
    """A field and a list over the window. Enter does the chosen act, Esc closes."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setObjectName("palette")
        self.setAccessibleName("Command palette")
        self.field = QLineEdit(placeholderText="Type what you want to do")
        self.field.setAccessibleName("Find a command")
        self.list = QListWidget()
        self.list.setAccessibleName("Commands found")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 10)
        column.addWidget(self.field)
        column.addWidget(self.list)
        self._actions: Sequence[QAction] = ()
        self.field.textChanged.connect(self._find)
        self.field.installEventFilter(self)
        self.list.itemClicked.connect(self._run)
        self.hide()

    def open(self, actions: Sequence[QAction]) -> None:
        """Offer these."""
        self._actions = actions
        width, height = _SIZE
        self.setGeometry((self._window.width() - width) // 2, 72, width, height)
        self.field.clear()
        self._find("")
        self.show()
        self.raise_()
        self.field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut:
            self.hide()
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        if event.key() in steps:
            self.list.setCurrentRow((self.list.currentRow() + steps[Qt.Key(event.key())]) % max(self.list.count(), 1))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run(self.list.currentItem())
        elif event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            return False
        return True

    def _find(self, typed: str) -> None:
        self.list.clear()
        for action in self._actions:
            title = action.text().replace("&&", "&")
            if action.isEnabled() and matches(typed, title):
                keys = action.shortcut().toString()
                item = QListWidgetItem(f"{title}    {keys}" if keys else title)
                item.setData(Qt.ItemDataRole.UserRole, action)
                self.list.addItem(item)
        self.list.setCurrentRow(0)

    def _run(self, item: QListWidgetItem | None) -> None:
        self.hide()
        if item is not None:
            item.data(Qt.ItemDataRole.UserRole).trigger()
