"""The panel of the prompt: the texts as typed, and the tokens that the model reads."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLineEdit, QSizePolicy, QVBoxLayout

from interpviz.control.prompt import PromptPicture
from interpviz.ui.marks import Align, width_of, write
from interpviz.ui.panel import Act, Panel
from interpviz.ui.panels.token_row import TokenRow
from interpviz.ui.text import NEWLINE, SPACE, ElidedLabel, Label, tooltip
from interpviz.ui.theme import colours_of

_PAUSE_MS = 300
_LONGEST = 200_000
_CONTRAST = "A second prompt that differs in what matters; the circuit is traced between the two."
_TARGET = "The token that should come next, exactly, with its leading space."
_DISTRACTOR = "The token that should not; empty: the target's log-probability is followed."
# How a ⏎ of the text itself stands in a field where ⏎ means the end of a line: followed by a mark without width.
_LITERAL = NEWLINE + "\ufe0e"


class TypedField(QLineEdit):
    """A line whose text is taken when Enter is pressed or typing pauses; spaces at its ends are shown as dots."""

    def __init__(self, name: str, does: str, hint: str, taken: Callable[[], None], show_spaces: bool = False) -> None:
        super().__init__(placeholderText=hint, maxLength=_LONGEST)
        self.setAccessibleName(name)
        self.setToolTip(tooltip(does))
        self._show_spaces = show_spaces
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._taken = taken
        self._pause.timeout.connect(taken)
        self.textEdited.connect(lambda: self._pause.start())
        self.returnPressed.connect(self._take)

    def offer(self, text: str) -> None:
        """Show the document's text, unless the user is in the middle of typing another."""
        shown = text.replace(NEWLINE, _LITERAL).replace("\n", NEWLINE)
        if not self._pause.isActive() and shown != self.text():
            place = self.cursorPosition()
            self.setText(shown)
            self.setCursorPosition(min(place, len(shown)) if self.hasFocus() else 0)

    def typed(self) -> str:
        """The text as the model is to read it."""
        return re.sub(f"{NEWLINE}(\ufe0e?)", lambda found: NEWLINE if found[1] else "\n", self.text())

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        leading = len(self.text()) - len(self.text().lstrip(" "))
        if not self._show_spaces or not leading:
            return
        painter, colours = QPainter(self), colours_of(self)
        box = self.cursorRect().toRectF()
        before = width_of(self.text()[: self.cursorPosition()], self.font())
        pitch = width_of(" ", self.font())
        start = box.center().x() - before
        for space in range(leading):
            box.setLeft(start + (space + 0.5) * pitch - 5)
            box.setWidth(10)
            write(painter, box, SPACE, colours["accent"], Align.AlignCenter, self.font())

    def _take(self) -> None:
        self._pause.stop()
        self._taken()


class PromptPanel(Panel[PromptPicture]):
    """Prompt, contrast, target and distractor as fields, the row of tokens, and how both prompts are aligned."""

    def __init__(self, act: Act) -> None:
        super().__init__("prompt", "Prompt", "What the model continues, and which tokens its answer is judged by.")
        self._act = act
        self._finished = 0
        self.prompt = TypedField(
            "Prompt", "The text that the model continues. Enter runs it.", "Type a prompt", self._set_prompt
        )
        self.contrast = TypedField("Contrast", _CONTRAST, "A second prompt to compare with", self._set_contrast)
        self.target = TypedField("Target", _TARGET, " Mary", self._set_target, True)
        self.distractor = TypedField("Distractor", _DISTRACTOR, " John", self._set_target, True)
        for field in (self.prompt, self.contrast, self.target, self.distractor):
            field.editingFinished.connect(self._finish)
        for field in (self.target, self.distractor):
            field.setFixedWidth(150)
        self.tokens = TokenRow()
        self.tokens.height_changed.connect(self._fit)
        self.alignment = ElidedLabel("", "small")
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(self._fields())
        column.addSpacing(6)
        column.addWidget(self.tokens)
        column.addWidget(self.alignment)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def _fields(self) -> QGridLayout:
        """Two lines: the prompt and its target, the contrast and the distractor."""
        fields = QGridLayout()
        fields.setHorizontalSpacing(10)
        fields.setVerticalSpacing(6)
        fields.setColumnStretch(1, 1)
        for line, pair in enumerate(((self.prompt, self.target), (self.contrast, self.distractor))):
            for place, field in enumerate(pair):
                label = Label(field.accessibleName(), "muted")
                label.setBuddy(field)
                fields.addWidget(label, line, 2 * place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                fields.addWidget(field, line, 2 * place + 1)
        return fields

    def present(self, picture: PromptPicture) -> None:
        self.prompt.offer(picture.text)
        self.contrast.offer(picture.contrast)
        self.target.offer(picture.target)
        self.distractor.offer(picture.distractor)
        self.tokens.show_tokens(picture.tokens, picture.contrast_tokens, picture.edited)
        self.alignment.setText(picture.alignment)
        self.alignment.setVisible(bool(picture.alignment))
        self.reveal(picture.problem)
        self._fit()

    def explain(self, sentence: str) -> None:
        super().explain(sentence)
        self._fit()

    def _fit(self) -> None:
        """No higher than the fields and tokens need: the room is for the other panels."""
        self.fit_height()

    def _set_prompt(self) -> None:
        self._act("prompt.set", self.prompt.typed(), merge=("prompt", self._finished))

    def _set_contrast(self) -> None:
        self._act("contrast.set", self.contrast.typed(), merge=("contrast", self._finished))

    def _set_target(self) -> None:
        self._act("target.set", self.target.typed(), self.distractor.typed(), merge=("target", self._finished))

    def _finish(self) -> None:
        """What is typed from now on is a step of undo of its own."""
        self._finished += 1
