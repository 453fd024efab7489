"""The panel of the outputs: what the model says next, clean beside edited, or one experiment beside another."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from interpviz.control.outputs import OutputsPicture
from interpviz.core.logits import Measured
from interpviz.ui.marks import signed
from interpviz.ui.panel import Panel
from interpviz.ui.panels.bars import Bars, Key, told
from interpviz.ui.text import ElidedLabel, Label, legible

_LINE = 18
_SLOW = "No fast path for this model or edit: TransformerLens's hooks did it. The numbers are the same."
_OVER = " over {} draws"
_DRAWS = "Mean and standard deviation over {} draws; the bars are of their mean logits."


class OutputsPanel(Panel[OutputsPicture]):
    """The followed metric in large, what is on its way, and the bars."""

    def __init__(self) -> None:
        super().__init__("outputs", "Outputs", "What the model says next, clean beside edited.")
        self.follows = ElidedLabel("", "small")
        self.kl = Label("", "small")
        self.slow = Label("slow path", "badge")
        self.slow.setToolTip(_SLOW)
        self.key = Key()
        self.left = Label("", "huge")
        self.left_spread = Label("", "small")
        self.arrow = Label("→", "huge-muted")
        self.right = Label("", "huge-edit")
        self.right_spread = ElidedLabel("", "small")
        self.pending = Label("running …", "muted")
        self.status = ElidedLabel("", "small")
        self.bars = Bars()
        self.component = ElidedLabel("", "small")
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(_line(self.follows, self.kl))
        column.addWidget(self.key)
        column.addLayout(self._numbers())
        column.addWidget(_line(self.pending, self.status, self.slow))
        column.addWidget(_scrolling(self.bars), 1)
        column.addWidget(self.component)

    def present(self, picture: OutputsPicture) -> None:
        names = legible(picture.left), legible(picture.right)
        paired = any(row.role == "distractor" for row in picture.rows)
        follows = "Logit difference, nats" if paired else "Log-probability of the target, nats"
        self.follows.setText(follows if picture.left_difference else "")
        self.slow.setVisible(picture.slow)
        self.key.setVisible(picture.compared)
        self.key.show_names(*names)
        self._show_numbers(picture)
        self.pending.setVisible(picture.pending)
        self.status.setText(legible(_status(picture)))
        self.bars.show_rows(picture.rows, names, picture.kl is not None)
        self.component.setText(legible(picture.component))
        self.setAccessibleDescription(described(picture))
        self.reveal(picture.problem)

    def _numbers(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        for part in (self.left, self.left_spread, self.arrow, self.right):
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignBaseline)
        row.addWidget(self.right_spread, 1, Qt.AlignmentFlag.AlignBaseline)
        return row

    def _show_numbers(self, picture: OutputsPicture) -> None:
        left, right = picture.left_difference, picture.right_difference
        self.arrow.setVisible(left is not None and right is not None)
        sides = ((self.left, self.left_spread, left, ""), (self.right, self.right_spread, right, _OVER))
        for number, beside, measured, over in sides:
            number.setVisible(measured is not None)
            number.setText(signed(measured.value, 3) if measured else "")
            beside.setText(_spread(measured, over).strip() if measured else "")
            beside.setToolTip(_DRAWS.format(measured.draws) if measured and beside.text() else "")
        self.left_spread.setVisible(bool(self.left_spread.text()))
        self.kl.setVisible(picture.kl is not None)
        if picture.kl:
            runs = "left || right" if picture.compared else "clean || edited"
            self.kl.setText(f"KL({runs}) {picture.kl.value:.3g}{_spread(picture.kl)} nats")


def described(picture: OutputsPicture) -> str:
    """The whole picture in words, for screen readers; nothing of an old answer while the new one is on its way."""
    left, right = legible(picture.left), legible(picture.right)
    if picture.pending:
        on_its_way = f"the {'compared' if picture.compared else 'edited'} answer is on its way"
        return "; ".join([on_its_way, *([picture.predicted] if picture.predicted else [])])
    parts = []
    if picture.left_difference:
        edited = picture.right_difference or picture.left_difference
        values = f"{left} {picture.left_difference.value:+.4f} {right} {edited.value:+.4f}{_spread(edited, _OVER)}"
        parts.append(f"logit difference {values}")
    if picture.kl:
        parts.append(f"KL {picture.kl.value:.4f} nats{_spread(picture.kl, _OVER)}")
    parts += [f"edits {', '.join(picture.edits)}"] if picture.edits else []
    parts += [picture.reference] if picture.reference else []
    parts += ["slow path"] if picture.slow else []
    return "; ".join([*parts, *(told(row, left, right) for row in picture.rows)])


def _status(picture: OutputsPicture) -> str:
    """What stands in for the answer that is on its way and what is expected of it; else what the edits drew from."""
    shown = picture.shown and f"shown: {picture.shown}"
    told = (shown, picture.predicted) if picture.pending else (picture.reference,)
    return " · ".join(part for part in told if part)


def _spread(measured: Measured, draws: str = "") -> str:
    """` ± 0.310 over 8 draws`; empty where nothing was drawn."""
    return f" ± {measured.spread:.3g}{draws.format(measured.draws)}" if measured.draws > 1 else ""


def _line(*parts: QWidget) -> QWidget:
    """A line that keeps its height whatever is shown on it, so that the bars below never move."""
    line = QWidget()
    line.setFixedHeight(_LINE)
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for part in parts:
        row.addWidget(part, isinstance(part, ElidedLabel))
    return line


def _scrolling(widget: QWidget) -> QScrollArea:
    area = QScrollArea(widgetResizable=True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    page = QWidget()
    page.setObjectName("clear")
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 4, 0)
    column.addWidget(widget)
    area.setWidget(page)
    return area
