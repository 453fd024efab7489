"""The console: Python on what the window shows. What is typed runs with the user's own rights, so it opens by hand."""

from __future__ import annotations

import numpy as np
from pyqtgraph.console import ConsoleWidget
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from interpviz import api
from interpviz.control.store import Store
from interpviz.core.sites import Site
from interpviz.ui.panel import Act
from interpviz.ui.text import Label

BANNER = "What you type here runs as Python with your own rights. Run only what you understand."
GREETING = """act("intervention.toggle", Site.parse("L1H4"))   does what a click does
store.document                                   is all that the window shows
api.load("demo").run("...")                      runs a model apart from the window
"""


class Console(QDialog):
    """A window of its own with `act`, `store`, `api`, `Site` and `np` at hand."""

    def __init__(self, act: Act, store: Store, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Console")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 460)
        names = {"act": act, "store": store, "api": api, "Site": Site, "np": np}
        self.prompt = ConsoleWidget(namespace=names, text=GREETING)
        self.prompt.setAccessibleName("Python console")
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 14)
        column.setSpacing(8)
        banner = Label(BANNER, "muted")
        banner.setWordWrap(True)
        column.addWidget(banner)
        column.addWidget(self.prompt, 1)
