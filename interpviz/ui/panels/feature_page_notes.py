"""Where a person writes on a feature: its label, notes, and the lists that it is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QToolButton

from interpviz.control.notes import LONGEST_NOTE
from interpviz.ui.text import button, tooltip

_HEIGHT = 62


class NoteText(QPlainTextEdit):
    """A note, kept when the field is left or by Ctrl+Enter; Esc brings back what was kept."""

    def __init__(self, kept: Callable[[str], object]) -> None:
        super().__init__(placeholderText="Notes on this feature")
        self.setObjectName("note-text")
        self.setAccessibleName("Notes")
        self.setToolTip(tooltip("What you write is kept when you leave the field, or by Ctrl+Enter"))
        self.setTabChangesFocus(True)
        self.setFixedHeight(_HEIGHT)
        self._kept = kept
        self._offered = ""

    def offer(self, text: str) -> None:
        """Show what is kept, unless something else is being written."""
        self._offered = text
        if not self.document().isModified() and text != self.toPlainText():
            self.forget()

    def forget(self) -> None:
        """Show what was kept."""
        self.setPlainText(self._offered)
        self.document().setModified(False)

    def take(self) -> None:
        """Keep what was written, if anything was."""
        if self.document().isModified():
            self.document().setModified(False)
            self._kept(self.toPlainText()[:LONGEST_NOTE])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if control and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.take()
        elif event.key() == Qt.Key.Key_Escape:
            self.forget()
        elif event.text() and event.text().isprintable() and len(self.toPlainText()) >= LONGEST_NOTE:
            event.accept()
        else:
            super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Paste no more than fits: Qt needs minutes to lay out a line of a million letters."""
        room = LONGEST_NOTE - len(self.toPlainText())
        self.insertPlainText(source.text()[: max(room, 0)])

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.take()  # the window may be closing

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.take()


def list_chips(names: Sequence[str], leave: Callable[[str], object]) -> list[QToolButton]:
    """A chip a list; a click takes the feature out of it."""
    chips = []
    for name in names:
        chip = button(f"{name} ×", f"Take it out of the list {name}", lambda name=name: leave(name))  # type: ignore[misc]
        chip.setProperty("role", "tag")
        chips.append(chip)
    return chips
