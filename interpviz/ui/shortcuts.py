"""The list of keys and mouse gestures, under F1."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QGridLayout, QVBoxLayout, QWidget

from interpviz.ui.text import Label

GESTURES = (
    ("Components: click, or Space", "Cut the head or MLP out, or put it back"),
    ("Components: drag", "Cut out all that the mouse passes"),
    ("Components: Ctrl+click, or right click", "Select without cutting"),
    ("Circuit: click, double click", "Select a node, cut it out"),
    ("Circuit and cloud: wheel, drag", "Zoom, move"),
    ("Circuit and cloud: double click beside", "Show all again"),
    ("Circuit and cloud: Page Up, Page Down, Enter", "Walk from point to point, choose"),
    ("Cloud: click", "Make the token's context the prompt"),
)


class Shortcuts(QDialog):
    """Two columns: keys and gestures, and what they do."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        keys = [(a.shortcut().toString(), a.text().replace("&&", "&")) for a in actions if not a.shortcut().isEmpty()]
        grid = QGridLayout()
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(7)
        for row, (gesture, does) in enumerate((*keys, ("", ""), *GESTURES)):
            grid.addWidget(Label(gesture), row, 0)
            grid.addWidget(Label(does, "muted"), row, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 22, 28, 24)
        column.setSpacing(14)
        column.addWidget(Label("Shortcuts", "heading"))
        column.addLayout(grid)
