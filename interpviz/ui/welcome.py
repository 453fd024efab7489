"""The empty window: what this is, and three ways to begin."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from interpviz.ui.icons import icon
from interpviz.ui.text import Label, button
from interpviz.ui.theme import LIGHT


class Welcome(QWidget):
    """Shown while neither a model nor a cache is open."""

    def __init__(self, demo: Callable[[], None], model: Callable[[], None], cache: Callable[[], None]) -> None:
        super().__init__()
        self.setAccessibleName("Welcome")
        mark = QLabel()
        mark.setPixmap(icon("app", LIGHT.text, 64).pixmap(QSize(64, 64)))
        told = Label(
            "Cut any part out of a language model and watch its answer change. Open the demo, a model of yours, or a "
            "cache of activations; files can also be dropped here.",
            "muted",
        )
        told.setWordWrap(True)
        told.setAlignment(Qt.AlignmentFlag.AlignCenter)
        told.setFixedWidth(440)
        self.demo = button("Open demo", "Open the bundled model with its activations", demo)
        self.demo.setProperty("role", "primary")
        self.model = button("Open model …", "Open a Hugging Face folder or a .gguf file", model)
        self.cache = button("Open cache …", "Open recorded activations", cache)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addStretch(1)
        for one in (self.demo, self.model, self.cache):
            one.setMinimumSize(132, 36)
            row.addWidget(one)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(16)
        column.addStretch(4)
        told.setFixedHeight(told.heightForWidth(told.width()))
        for part in (mark, Label("interpviz", "heading"), told):
            column.addWidget(part, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(8)
        column.addLayout(row)
        column.addStretch(5)
