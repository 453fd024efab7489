"""What forms are made of: a place to write to, a line of sites, rows and columns, and their foot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QLineEdit,
    QSizePolicy,
    QStyledItemDelegate,
    QVBoxLayout,
    QWidget,
)

from interpviz.ui import files
from interpviz.ui.text import Label, button, legible, tooltip

UNKNOWN_SIZE = "How much room it takes shows here."
SPIN_INDENT = 5  # pixels before the number of a field for numbers
_FOOT_LINES = 2


class PlaceRow(QWidget):
    """Where something is written: a path, and a button to choose one. What is proposed gives way to what is typed."""

    changed = Signal()

    def __init__(self, what: str = "cache", kind: str = files.WRITTEN, suffix: str = ".acts") -> None:
        """`what` is written: a folder, of this `kind` for the dialog of files, with a `suffix` or without one."""
        super().__init__()
        self._kind, self._suffix, self._title = kind, suffix, f"Write the {what} to"
        self.field = QLineEdit(placeholderText=f"NAME{suffix}")
        self.field.setAccessibleName(f"Where to write the {what}")
        self.field.setToolTip(tooltip(f"The folder that the {what} becomes; it is made"))
        self.field.textEdited.connect(self._on_edit)
        self.choose = button("Choose …", f"Choose where to write the {what}", self._ask)
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
        if place := files.ask_where(self, self._title, self._kind, self._suffix, self.field.text()):
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


def row(*parts: QWidget | None) -> QHBoxLayout:
    """These side by side; None is room that stretches."""
    made = QHBoxLayout()
    made.setSpacing(8)
    for part in parts:
        made.addStretch(1) if part is None else made.addWidget(part)
    return made


def column(*parts: QWidget | QLayout) -> QVBoxLayout:
    """These one below the other."""
    made = QVBoxLayout()
    made.setSpacing(6)
    for part in parts:
        made.addWidget(part) if isinstance(part, QWidget) else made.addLayout(part)
    return made


def form_grid(lines: Sequence[tuple[str, QWidget | QLayout, QWidget | None]]) -> QGridLayout:
    """Lines of a form: a title, its field, and the widget that the title's key goes to (None: a text beside it)."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(18)
    grid.setVerticalSpacing(14)
    grid.setColumnStretch(1, 1)
    for place, (title, field, buddy) in enumerate(lines):
        label = Label(title)
        label.setContentsMargins(0, 6 if buddy is not None else 0, 0, 0)
        if buddy is not None:
            label.setBuddy(buddy)
        grid.addWidget(label, place, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(field, place, 1) if isinstance(field, QWidget) else grid.addLayout(field, place, 1)
    grid.setRowStretch(len(lines), 1)  # room to spare comes below: between title and field it would part them
    return grid


def dress(label: Label, role: str) -> None:
    """Give the label the look that this role names."""
    if label.property("role") != role:
        label.setProperty("role", role)
        label.style().unpolish(label)
        label.style().polish(label)
