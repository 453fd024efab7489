"""The list of texts of a recording: added, dropped, removed; sizes are looked up, nothing is opened."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem

from interpviz.control.places import amount
from interpviz.control.recording import sizes_of
from interpviz.ui.text import legible, tooltip
from interpviz.ui.theme import colours_of

_EMPTY = "Add text, JSONL or Parquet files, or drop them here."


class TextList(QListWidget):
    """Paths in their order, each once. `changed` says that there are others."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("texts")
        self.setAccessibleName("Texts")
        self.setAccessibleDescription("Files to run the model over")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setMinimumHeight(76)
        self.setAcceptDrops(False)  # the form takes them, wherever they fall

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths, first ones first."""
        return tuple(self.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.count()))

    def add(self, paths: Iterable[str]) -> None:
        """List these too."""
        there = self.paths
        new = [path for path in dict.fromkeys(paths) if path not in there]
        sizes = sizes_of(new)
        for path in new:
            file = Path(path)
            size = amount(sizes[path]) if path in sizes else "cannot be read"
            item = QListWidgetItem(legible(f"{file.name}  ·  {size}  ·  {file.parent}"))
            item.setData(Qt.ItemDataRole.UserRole, path)
            item.setToolTip(tooltip(path))
            self.addItem(item)
        if new:
            self.changed.emit()

    def remove_chosen(self) -> None:
        """Take away what is chosen."""
        for item in self.selectedItems():
            self.takeItem(self.row(item))
        self.changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_chosen()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.count():
            painter = QPainter(self.viewport())
            painter.setPen(colours_of(self)["muted"])
            painter.drawText(QRectF(self.viewport().rect()), Qt.AlignmentFlag.AlignCenter, _EMPTY)
