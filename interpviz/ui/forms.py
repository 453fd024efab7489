"""What the forms of recording and of importing are made of: a place to write to, a line of sites, and their foot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLineEdit, QSizePolicy, QStyledItemDelegate, QWidget

from interpviz.ui import files
from interpviz.ui.text import Label, button, legible, tooltip

UNKNOWN_SIZE = "How much room it takes shows here."
_FOOT_LINES = 2


class PlaceRow(QWidget):
    """Where a cache is written: a path, and a button to choose one. What is proposed gives way to what is typed."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.field = QLineEdit(placeholderText="NAME.acts")
        self.field.setAccessibleName("Where to write the cache")
        self.field.setToolTip(tooltip("The folder that the cache becomes; it is made"))
        self.field.textEdited.connect(self._on_edit)
        self.choose = button("Choose …", "Choose where to write the cache", self._ask)
        self._own = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self.choose)

    @property
    def own(self) -> str:
        """The place that the user chose; empty while it is the one proposed."""
        return self.field.text() if self._own else ""

    def propose(self, place: str) -> None:
        """Offer this place, unless the user chose one."""
        if not self._own:
            self.field.setText(place)

    def take(self, place: str) -> None:
        """Write there; to an empty place, where it is proposed."""
        self._own = bool(place)
        self.field.setText(place)
        self.changed.emit()

    def _on_edit(self, _: str) -> None:
        self._own = True
        self.changed.emit()

    def _ask(self) -> None:
        if place := files.ask_where(self, "Write the cache to", files.WRITTEN, ".acts", self.field.text()):
            self.take(place)


class SitesField(QLineEdit):
    """A line of sites; the word at its end is completed from those offered."""

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__(placeholderText="L0R L1R", maxLength=100_000)
        self.setAccessibleName("Sites to record")
        self.setToolTip(tooltip("Names of activations, apart by spaces: L1R, L0A, L1M, a hook name"))
        self._completer = QCompleter(QStringListModel(list(offered), self), self)
        self._completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._completer.setWidget(self)
        self._completer.activated.connect(self._complete)
        popup = self._completer.popup()
        assert popup is not None
        popup.setObjectName("completer")
        popup.setItemDelegate(QStyledItemDelegate(popup))  # its own knows no style sheet
        self.completer_list = popup
        self.textEdited.connect(self._offer)

    def add(self, sites: Sequence[str]) -> None:
        """Put those of these that are not there at the end of the line."""
        there = self.text().replace(",", " ").split()
        self.setText(" ".join([*there, *(one for one in sites if one not in there)]))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.completer_list.isVisible() and event.key() in (
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
            Qt.Key.Key_Escape,
            Qt.Key.Key_Tab,
        ):
            event.ignore()  # the list takes them
            return
        super().keyPressEvent(event)

    def _offer(self, text: str) -> None:
        word = text[: self.cursorPosition()].replace(",", " ").rpartition(" ")[2]
        self._completer.setCompletionPrefix(word)
        exact = self._completer.completionCount() == 1 and self._completer.currentCompletion() == word
        if len(word) < 2 or exact or not self._completer.completionCount():
            self.completer_list.hide()
        else:
            self._completer.complete()

    def _complete(self, word: str) -> None:
        at = self.cursorPosition()
        begun = self.text()[:at].replace(",", " ").rfind(" ") + 1
        self.setText(f"{self.text()[:begun]}{word}{self.text()[at:]}")
        self.setCursorPosition(begun + len(word))


class Foot(QWidget):
    """What is missing, and the two buttons of a form: the one that does it works once nothing is."""

    def __init__(self, text: str, does: str, act: Callable[[], object], cancel: Callable[[], object]) -> None:
        super().__init__()
        self.missing = Label(role="muted")
        self.missing.setAccessibleName("What is missing")
        self.missing.setWordWrap(True)
        self.missing.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.missing.setMinimumHeight(_FOOT_LINES * self.missing.fontMetrics().lineSpacing())
        self.cancel = button("Cancel", "Close without doing it  Esc", cancel)
        self.go = button(text, does, act, "Ctrl+Return")
        self.go.setProperty("role", "primary")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.missing, 1)
        for one in (self.cancel, self.go):
            one.setMinimumSize(96, 32)
            row.addWidget(one, 0, Qt.AlignmentFlag.AlignBottom)

    def show_problem(self, problem: str, note: str = "") -> None:
        """Say what is missing; where nothing is, this note."""
        self.missing.setText(legible(problem or note))
        self.go.setEnabled(not problem)


def dress(label: Label, role: str) -> None:
    """Give the label the look that this role names."""
    if label.property("role") != role:
        label.setProperty("role", role)
        label.style().unpolish(label)
        label.style().polish(label)
