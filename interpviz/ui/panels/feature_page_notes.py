"""Where a person writes on a feature: a note, and the lists that it is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QToolButton, QVBoxLayout, QWidget

from interpviz.control.feature_page import PagePicture
from interpviz.control.notes import LONGEST_NOTE
from interpviz.ui.flow import Flow
from interpviz.ui.panels.fields import EnteredField
from interpviz.ui.text import button, tooltip

_AT_REST, _WRITING = 28, 62  # pixels: the page is low, and a note is mostly read
_LIST_WIDTH = 116


class Written(QWidget):
    """The note on a feature and its lists, in sight under whatever the page shows of it."""

    def __init__(
        self,
        keep: Callable[[str], object],
        join: Callable[[str], bool],
        leave: Callable[[str], object],
    ) -> None:
        """`keep(note)`, `join(list)` and `leave(list)` say what the person wants of the feature."""
        super().__init__()
        self.note = NoteText(keep)
        self.lists = Flow()
        self.list = EnteredField("Add to a list", join)
        self.list.name("Add to a list", "The name of a list, new or not, then Enter")
        self.list.setFixedWidth(_LIST_WIDTH)
        self._leave = leave
        self._in: tuple[str, ...] = ()
        line, column = QHBoxLayout(), QVBoxLayout(self)
        line.setSpacing(6)
        line.addWidget(self.note, 1)
        line.addWidget(self.list, 0, Qt.AlignmentFlag.AlignTop)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.lists)
        column.addLayout(line)

    def show_picture(self, picture: PagePicture) -> None:
        """Show what a person wrote of this feature."""
        self.note.offer(picture.note)
        if picture.lists != self._in:
            self._in = picture.lists
            self.lists.fill(list_chips(picture.lists, self._leave))

    def take(self) -> None:
        """Another feature is shown now: keep the note, and drop half a name of a list."""
        self.list.forget()
        self.note.take()


class NoteText(QPlainTextEdit):
    """A note, kept when the field is left or by Ctrl+Enter; Esc brings back what was kept."""

    def __init__(self, kept: Callable[[str], object]) -> None:
        super().__init__(placeholderText="Notes on this feature")
        self.setObjectName("note-text")
        self.setAccessibleName("Notes")
        self.setToolTip(tooltip("What you write is kept when you leave the field, or by Ctrl+Enter"))
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(1)  # a line fits at rest
        self.document().setModified(False)  # Qt takes the margin for something written
        self.setFixedHeight(_AT_REST)
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

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.setFixedHeight(_WRITING)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.setFixedHeight(_AT_REST)
        self.take()


def list_chips(names: Sequence[str], leave: Callable[[str], object]) -> list[QToolButton]:
    """A chip a list; a click takes the feature out of it."""
    chips = []
    for name in names:
        chip = button(f"{name} ×", f"Take it out of the list {name}", lambda name=name: leave(name))  # type: ignore[misc]
        chip.setProperty("role", "tag")
        chips.append(chip)
    return chips
