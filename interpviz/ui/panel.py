"""What every panel is made of: a header, a body, a line for what is wrong, and a sentence where there is no picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from interpviz.control.pictures import alike
from interpviz.ui.icons import icon
from interpviz.ui.text import Label, label_text, legible, tooltip
from interpviz.ui.theme import colours_of

Picture = TypeVar("Picture")


class Act(Protocol):
    """How a panel says what the user wants: the name of an act, its arguments, and the key of one drag."""

    def __call__(self, name: str, *args: Any, merge: object = None) -> None: ...


class Segments(QWidget):
    """A few choices in one frame, exactly one of them on. `chosen(key)` is called when the user picks another."""

    def __init__(self, name: str, choices: Sequence[tuple[str, str, str]], chosen: Callable[[str], None]) -> None:
        """`choices` are (key, text, what it does)."""
        super().__init__()
        self.setObjectName("segments")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(name)
        self._buttons: dict[str, QToolButton] = {}
        group, row = QButtonGroup(self), QHBoxLayout(self)
        row.setContentsMargins(1, 1, 1, 1)
        row.setSpacing(0)
        for key, text, does in choices:
            one = QToolButton()
            one.setText(label_text(text))
            one.setCheckable(True)
            one.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            one.setAccessibleName(f"{name}: {does}")
            one.setToolTip(tooltip(does))
            one.clicked.connect(lambda _=False, key=key: chosen(key))
            group.addButton(one)
            row.addWidget(one)
            self._buttons[key] = one

    def choose(self, key: str) -> None:
        """Show this choice as the one that is on."""
        self._buttons[key].setChecked(True)

    def button(self, key: str) -> QToolButton:
        """The button of a choice."""
        return self._buttons[key]


class _Note(QFrame):
    """One line under the header: what is wrong, and what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("note")
        self._sign = QLabel()
        self.label = Label()
        self.label.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 5, 8, 5)
        row.setSpacing(7)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.label, 1)
        self.hide()

    def say(self, sentence: str) -> None:
        self.label.setText(legible(sentence))
        self._sign.setPixmap(icon("warning", colours_of(self).edit).pixmap(15, 15))
        self.setVisible(bool(sentence))


class Panel(QFrame, Generic[Picture]):
    """The card of one panel. `header` are the controls that its title bar holds; `body` is laid out by the panel."""

    def __init__(self, name: str, title: str, purpose: str) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.name, self.title = name, title
        self.setAccessibleName(title)
        self.setAccessibleDescription(purpose)
        self.header: list[QWidget] = []
        self._note = _Note()
        self.body = QWidget()
        self._sentence = Label(role="muted")
        self._sentence.setWordWrap(True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._pages = QStackedWidget()
        self._pages.addWidget(_padded(self._sentence))
        self._pages.addWidget(self.body)
        self.frame = QVBoxLayout(self)
        self.frame.setContentsMargins(12, 2, 12, 10)
        self.frame.setSpacing(6)
        self._shown: Picture | None = None
        self.frame.addWidget(self._note)
        self.frame.addWidget(self._pages, 1)

    @property
    def sentence(self) -> str:
        """What the panel explains; empty while it shows a picture."""
        return self._sentence.text() if self._pages.currentIndex() == 0 else ""

    @property
    def problem(self) -> str:
        """What the line under the header says."""
        return self._note.label.text() if not self._note.isHidden() else ""

    def show(self, picture: Picture | None = None) -> None:
        """Show this picture; without one, do what Qt means by showing a widget."""
        if picture is None:
            super().show()
        elif self.sentence or not alike(picture, self._shown):
            self._shown = picture
            self.present(picture)

    def present(self, picture: Picture) -> None:
        """Bring this picture to the screen."""
        raise NotImplementedError(f"{type(self).__name__} shows nothing")

    def explain(self, sentence: str) -> None:
        """Say this instead of showing a picture."""
        self._note.say("")
        self._sentence.setText(legible(sentence))
        self._pages.setCurrentIndex(0)
        self._enable(False)

    def reveal(self, problem: str = "") -> None:
        """Show the body, with this said above it."""
        self._note.say(problem)
        self._pages.setCurrentIndex(1)
        self._enable(True)

    def fit_height(self) -> None:
        """Be exactly as high as the content needs."""
        for part in (self.body, self._pages):  # Qt would pass the news upwards one event at a time
            part.updateGeometry()
        self.setFixedHeight(self.frame.sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and not self._note.isHidden():
            self._note.say(self._note.label.text())

    def _enable(self, on: bool) -> None:
        for control in self.header:
            control.setEnabled(on)


def _padded(widget: QWidget) -> QWidget:
    page = QWidget()
    row = QHBoxLayout(page)
    row.setContentsMargins(24, 8, 24, 8)
    row.addWidget(widget)
    return page
