"""The list of keys and mouse gestures, under F1."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from interpviz.ui.text import Label

_HIGHEST = 700
GESTURES = (
    ("Components: click, or Space", "Cut the head or MLP out, or put it back"),
    ("Components: drag", "Cut out all that the mouse passes"),
    ("Components: Ctrl+click, or right click", "Select without cutting"),
    ("Components table: double click, or Space", "Cut the row out, or put it back"),
    ("Components table: Ctrl+Up, Ctrl+Down", "Sort by the column of the cursor"),
    ("Interventions: drag a value, or arrow keys", "Set it while the outputs move; Shift is faster, Ctrl finer"),
    ("Interventions: double click a value, or Enter", "Type it"),
    ("Continuation: hover, or arrow keys", "Show the likeliest tokens at a step"),
    ("Maps and patching: hover, or arrow keys", "Walk the cells and read them"),
    ("Circuit: click, double click", "Select a node, cut it out"),
    ("Circuit and cloud: wheel, drag", "Zoom, move"),
    ("Circuit and cloud: double click beside", "Show all again"),
    ("Circuit and cloud: Page Up, Page Down, Enter", "Walk from point to point, choose"),
    ("Features: B, R, J, /", "Bookmark, any feature, jump to a number, filter"),
    ("Features: click, or arrow keys", "Show the feature's page; Enter opens it"),
    ("Features: Ctrl+Up, Ctrl+Down", "Sort by the column of the cursor"),
    ("Feature: hover, or arrow keys", "Read the activation at each token of the examples"),
    ("Feature: click a token, or Enter", "Make its context the prompt; Space shows all of it, Ctrl+C copies"),
    ("Cloud: click", "Make the token's context the prompt"),
)


class Shortcuts(QDialog):
    """Keys and gestures side by side, each with what it does."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        keys = [(a.shortcut().toString(), a.text().replace("&&", "&")) for a in actions if not a.shortcut().isEmpty()]
        both = QHBoxLayout()
        both.setSpacing(48)
        for lines in (keys, GESTURES):
            both.addLayout(_listed(lines))
        page = QWidget()
        page.setObjectName("clear")
        page.setLayout(both)
        self._lists = QScrollArea(widgetResizable=True)
        self._lists.setWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 22, 12, 16)
        column.setSpacing(14)
        column.addWidget(Label("Shortcuts", "heading"))
        column.addWidget(self._lists)

    def sizeHint(self) -> QSize:
        """All of it, on a screen that is high enough; else it scrolls."""
        page = self._lists.widget()
        assert page is not None
        inner, beside = page.sizeHint(), self._lists.verticalScrollBar().sizeHint().width()
        return QSize(inner.width() + beside + 44, min(inner.height() + 80, _HIGHEST))


def _listed(lines: Iterable[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(28)
    grid.setVerticalSpacing(7)
    row = 0
    for row, (keys, does) in enumerate(lines):
        grid.addWidget(Label(keys), row, 0)
        grid.addWidget(Label(does, "muted"), row, 1)
    grid.setRowStretch(row + 1, 1)
    return grid
