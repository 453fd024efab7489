"""The panel of the outputs: what the model says next, clean beside edited."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from interpviz.control.outputs import OutputsPicture
from interpviz.core.document import Intervention
from interpviz.ui.flow import Flow
from interpviz.ui.marks import signed
from interpviz.ui.panel import Act, Panel
from interpviz.ui.panels.bars import Bars, told
from interpviz.ui.text import ElidedLabel, Label, button, legible

_MOST_CHIPS = 24


class OutputsPanel(Panel[OutputsPicture]):
    """The followed difference in large, the edits as chips, and the bars."""

    def __init__(self, act: Act) -> None:
        super().__init__("outputs", "Outputs", "What the model says next, clean beside edited.")
        self._act = act
        self.follows = Label("", "small")
        self.clean = Label("", "huge")
        self.arrow = Label("→", "huge-muted")
        self.edited = Label("", "huge-edit")
        self.kl = Label("", "muted")
        self.pending = Label("running …", "muted")
        self.component = ElidedLabel("", "small")
        self.bars = Bars()
        self._chips = Flow()
        self._answered: OutputsPicture | None = None
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.follows)
        column.addLayout(self._numbers())
        column.addWidget(self._chips)
        column.addWidget(_scrolling(self.bars), 1)
        column.addWidget(self.component)

    def present(self, picture: OutputsPicture) -> None:
        if picture.pending and not self.sentence and _of_one_run(picture, self._answered):
            # The last answer to this prompt stands until the next is there: bars that jump to clean and back mislead.
            self.pending.show()
            self.setAccessibleDescription("the edited answer is on its way")
            return
        self._answered = picture
        cut = picture.kl is not None
        paired = any(row.role == "distractor" for row in picture.rows)
        self.follows.setText("Logit difference, nats" if paired else "Log-probability of the target, nats")
        self._show_numbers(picture, cut)
        self._show_chips(picture.edits)
        self.bars.show_rows(picture.rows, cut)
        self.component.setText(legible(_line(picture)))
        self.setAccessibleDescription(described(picture))
        self.reveal(picture.problem)

    def _numbers(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        for part in (self.clean, self.arrow, self.edited):
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignBaseline)
        row.addStretch(1)
        row.addWidget(self.pending, 0, Qt.AlignmentFlag.AlignBaseline)
        row.addWidget(self.kl, 0, Qt.AlignmentFlag.AlignBaseline)
        return row

    def _show_numbers(self, picture: OutputsPicture, cut: bool) -> None:
        known = picture.clean_difference is not None
        self.follows.setVisible(known)
        self.clean.setVisible(known)
        self.clean.setText(signed(picture.clean_difference or 0.0, 3))
        beside = cut and picture.edited_difference is not None
        self.arrow.setVisible(beside)
        self.edited.setVisible(beside)
        self.edited.setText(signed(picture.edited_difference or 0.0, 3))
        self.kl.setVisible(cut)
        self.kl.setText(f"KL {picture.kl or 0.0:.3g} nats")
        self.pending.setVisible(picture.pending)

    def _show_chips(self, edits: tuple[str, ...]) -> None:
        chips: list[QWidget] = []
        for edit in edits[:_MOST_CHIPS]:
            chip = button(f"{edit} ×", f"Put {edit} back", partial(self._put_back, edit))
            chip.setProperty("role", "chip")
            chips.append(chip)
        if len(edits) > _MOST_CHIPS:
            chips.append(Label(f"and {len(edits) - _MOST_CHIPS:,} more", "muted"))
        if edits:
            clear = button("Clear", "Put everything back", lambda: self._act("intervention.clear"))
            clear.setProperty("role", "small-quiet")
            chips.append(clear)
        self._chips.fill(chips)

    def _put_back(self, edit: str) -> None:
        self._act("intervention.restore", (Intervention.parse(edit).site,))


def _of_one_run(one: OutputsPicture, other: OutputsPicture | None) -> bool:
    """Whether both are of the same clean run: its first row's logit is the same to the last bit."""
    return other is not None and [(row.id, row.clean_logit) for row in one.rows[:1]] == [
        (row.id, row.clean_logit) for row in other.rows[:1]
    ]


def described(picture: OutputsPicture) -> str:
    """The whole picture in words, for screen readers."""
    parts = []
    if picture.clean_difference is not None:
        edited = picture.clean_difference if picture.edited_difference is None else picture.edited_difference
        parts.append(f"logit difference clean {picture.clean_difference:+.4f} edited {edited:+.4f}")
    if picture.kl is not None:
        parts.append(f"KL {picture.kl:.4f} nats")
    if picture.pending:
        parts.append("the edited answer is on its way")
    parts += [f"edits {', '.join(picture.edits)}"] if picture.edits else []
    return "; ".join([*parts, *map(told, picture.rows)])


def _line(picture: OutputsPicture) -> str:
    return " · ".join(
        part for part in (picture.component, picture.reference and f"mean over {picture.reference}") if part
    )


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
