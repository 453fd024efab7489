"""Keeping the present edits under a name, and choosing which two experiments are compared."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from interpviz.control.interventions import Kept
from interpviz.core.experiments import CLEAN, LONGEST_NAME
from interpviz.ui.flow import Flow
from interpviz.ui.panel import Act
from interpviz.ui.panels.fields import Chooser
from interpviz.ui.text import Label, button, label_text, legible, tooltip

_TWO_LINES = 55
_WIDEST = 170


class ExperimentsBar(QWidget):
    """A field for a name, the experiments that are kept, and the two that are compared."""

    def __init__(self, act: Act) -> None:
        super().__init__()
        self._act = act
        self._kept: tuple[Kept, ...] | None = None
        self.name = QLineEdit(placeholderText="Keep as …", maxLength=LONGEST_NAME)
        self.name.setAccessibleName("Name of the experiment")
        self.name.setToolTip(tooltip("A name under which the present edits are kept. Enter saves."))
        self.name.setFixedWidth(130)
        self.name.returnPressed.connect(self._save)
        self.save = button("Save", "Keep the present edits under this name", self._save)
        self.chips = Flow()
        self.left = Chooser(lambda _: self._compare())
        self.left.name("Left", "The experiment whose outputs stand on the left")
        self.right = Chooser(lambda _: self._compare())
        self.right.name("Right", "The experiment whose outputs stand on the right")
        self.stop = button(
            "Stop comparing", "Show the clean run beside the present edits again", lambda: act("experiment.stop")
        )
        self.stop.setProperty("role", "small-quiet")
        self._comparing = self._compare_line()
        self.setProperty("role", "compact")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self._keep_line())
        column.addWidget(self._comparing)

    def show_experiments(self, kept: tuple[Kept, ...], compared: tuple[str, str] | None) -> None:
        """Show those that are kept, and which two are compared; None: clean and the present edits."""
        if kept != self._kept:
            self._kept = kept
            self.chips.fill([self._chip(one) for one in kept])
        choices = [(CLEAN, "Clean"), ("", "Present edits"), *((one.name, one.name) for one in kept)]
        for chooser, name in zip((self.left, self.right), compared or (CLEAN, ""), strict=True):
            chooser.offer(choices, name)
        self.stop.setVisible(compared is not None)
        self._comparing.setVisible(bool(kept) or compared is not None)

    def _keep_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(6)
        for part in (self.name, self.save):
            line.addWidget(part, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(_TwoLines(self.chips), 1, Qt.AlignmentFlag.AlignTop)
        return line

    def _compare_line(self) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(Label("Compare", "muted"))
        for part, word in ((self.left, "with"), (self.right, "")):
            part.setMaximumWidth(_WIDEST)
            part.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            part.setSizeAdjustPolicy(Chooser.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            part.setMinimumContentsLength(11)
            row.addWidget(part, 1)
            if word:
                row.addWidget(Label(word, "muted"))
        row.addWidget(self.stop)
        row.addStretch(1)
        return line

    def _chip(self, one: Kept) -> QWidget:
        """A button that recalls the experiment, and beside it one that forgets it."""
        act, name = self._act, legible(one.name)
        recall = button("", f"Recall {name}: {one.edits}", partial(act, "experiment.recall", one.name))
        fits = recall.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, _WIDEST)
        recall.setText(label_text(fits))
        forget = button("×", f"Forget {name}", partial(act, "experiment.forget", one.name))
        pill = QWidget()
        pill.setObjectName("segments")
        pill.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(pill)
        row.setContentsMargins(1, 1, 1, 1)
        row.setSpacing(0)
        row.addWidget(recall)
        row.addWidget(forget)
        return pill

    def _save(self) -> None:
        self._act("experiment.save", self.name.text())
        self.name.selectAll()

    def _compare(self) -> None:
        self._act("experiment.compare", self.left.key, self.right.key)


class _TwoLines(QScrollArea):
    """As high as its flow, up to two lines; more are scrolled."""

    def __init__(self, flow: Flow) -> None:
        super().__init__(widgetResizable=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        flow.setObjectName("clear")
        self.setWidget(flow)
        flow.installEventFilter(self)
        self._fit(flow)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and isinstance(watched, Flow):
            self._fit(watched)
        return super().eventFilter(watched, event)

    def _fit(self, flow: Flow) -> None:
        self.setFixedHeight(min(flow.minimumHeight(), _TWO_LINES))
