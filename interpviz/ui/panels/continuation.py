"""The panel of the continuation: how the model goes on, with and without the edits, as it is produced."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout

from interpviz.control.continuation import ContinuationPicture
from interpviz.core.commands import MOST_CONTINUED
from interpviz.ui.panel import Act, Panel
from interpviz.ui.panels.likeliest import Likeliest
from interpviz.ui.panels.spins import DecimalField, WholeField
from interpviz.ui.panels.steps import Steps
from interpviz.ui.text import ElidedLabel, Label

_SIDE_BY_SIDE, _HIGH = 520, 330
_LARGEST_SEED = 2**31 - 1
_HOTTEST = 100.0
_COUNT = f"How many tokens are produced, 1 to {MOST_CONTINUED:,}"
_TEMPERATURE = "At 0 the likeliest token is taken (greedy); above, tokens are drawn, the hotter the more evenly"
_SEED = "Which draw is shown: the same seed gives the same tokens"
_SLOW = (
    "This architecture has no fast path here: TransformerLens's hooks do it, without a cache of keys and values. "
    "The numbers are the same."
)


class ContinuationPanel(Panel[ContinuationPicture]):
    """Both sides token by token, and the likeliest tokens of the step that is pointed at."""

    def __init__(self, act: Act) -> None:
        super().__init__("continuation", "Continuation", "How the model goes on, with and without the edits.")
        self._act = act
        self._finished = 0
        self._settings = (0, 0.0, 0)
        self.tokens = WholeField("Tokens to go on by", _COUNT, 1, MOST_CONTINUED, 96)
        self.tokens.setSuffix(" tokens")
        self.temperature = DecimalField("Temperature", _TEMPERATURE, _HOTTEST, 0.1, 76)
        self.temperature.setPrefix("T ")
        self.temperature.setSpecialValueText("greedy")
        self.seed = WholeField("Seed", _SEED, 0, _LARGEST_SEED, 84)
        self.seed.setPrefix("seed ")
        for field in (self.tokens, self.temperature, self.seed):
            field.valueChanged.connect(self._set)
            field.editingFinished.connect(self._finish)
        self.seed.hide()
        self.header = [self.tokens, self.temperature, self.seed]
        self.steps = Steps()
        self.likeliest = Likeliest()
        self.steps.pointed.connect(self._on_pointed)
        self.hint = Label("", "muted")
        self.hint.setWordWrap(True)
        self.status = ElidedLabel("", "small")
        self.slow = Label("slow path", "badge")
        self.slow.setToolTip(_SLOW)
        self._lay_out()

    def present(self, picture: ContinuationPicture) -> None:
        self._settings = picture.tokens, picture.temperature, picture.seed
        self.tokens.offer(picture.tokens)
        self.temperature.offer(picture.temperature)
        self.seed.offer(picture.seed)
        self.steps.show_sides(picture.sides, picture.differs)
        self.likeliest.show_step(picture.sides, self.steps.step)
        self.hint.setText(picture.hint)
        self.hint.setVisible(bool(picture.hint))
        self.status.setText(picture.status)
        self.slow.setVisible(picture.slow)
        self.setAccessibleDescription(f"{picture.status}. {self.steps.told()}")
        self.reveal(picture.problem)
        self.seed.setVisible(picture.temperature > 0)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _lay_out(self) -> None:
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.setSpacing(14)
        self._row.addWidget(self.steps, 1)
        self._row.addWidget(self.likeliest)
        foot = QHBoxLayout()
        foot.addWidget(self.status, 1)
        foot.addWidget(self.slow)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self._row, 1)
        column.addWidget(self.hint)
        column.addLayout(foot)

    def _fit(self) -> None:
        """The list stands beside the tokens, or below them, or nowhere where there is no room: tool tips have it."""
        beside = self.width() >= _SIDE_BY_SIDE
        self._row.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom)
        self.likeliest.setVisible(beside or self.height() >= _HIGH)

    def _set(self) -> None:
        settings = self.tokens.value(), self.temperature.value(), self.seed.value()
        if settings != self._settings:  # Enter says once more what was typed
            self._settings = settings
            self._act("continuation.set", *settings, merge=("continuation", self._finished))

    def _finish(self) -> None:
        """What is set from now on is a step of undo of its own."""
        self._finished += 1

    def _on_pointed(self, step: int) -> None:
        assert self._shown is not None
        self.likeliest.show_step(self._shown.sides, step)
        if self.likeliest.isHidden() and self.steps.hasFocus() and not self.steps.hovered:
            self.steps.show_tip()  # a pointer brings its own tool tip; the keyboard has none
