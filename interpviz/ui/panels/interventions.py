"""The panel of the present edits: a stack of rows, a line to write another, and the experiments that are kept."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout

from interpviz.control.interventions import InterventionsPicture
from interpviz.ui.panel import Act, Panel
from interpviz.ui.panels.edit_list import EditList
from interpviz.ui.panels.edit_row import MODE_SAYS
from interpviz.ui.panels.experiments import ExperimentsBar
from interpviz.ui.panels.fields import Tick
from interpviz.ui.text import Label, button, tooltip

_COPY, _COPIED = "Copy as Python", "Copied"
_SLOW = (
    "There is no fast path here for this architecture or one of these edits, so TransformerLens's hooks make them. "
    "The numbers are the same."
)
_GRAMMAR = (
    "SITE[:mode[:value[:direction]]][@positions]\n\n"
    "Sites: L1H4 head, L1H all heads, L1Q4 L1K0 L1V0 query, key, value, L1H4[7<3] attention from token 7 to 3, "
    "L1A attention out, L1M MLP out, L1M- what it reads, L1N37 neuron, "
    "L1R residual after layer 1, L0R- entering layer 0, E embedding, "
    "NAME/123 feature of a dictionary\n\n"
    "Modes: " + "\n".join(f"{mode}: {does}" for mode, does in MODE_SAYS.items())
)


class InterventionsPanel(Panel[InterventionsPicture]):
    """Every edit as a row; its value is set by dragging while the outputs move."""

    def __init__(self, act: Act) -> None:
        super().__init__("interventions", "Interventions", "What is cut or changed in the model.")
        self._act = act
        self._refused = False
        self.slow = Label("slow path", "badge")
        self.slow.setToolTip(_SLOW)
        self.slow.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.slow.hide()
        self.copy = button(_COPY, "Copy a script that gives the same numbers", self._copy)
        self.clear = button("Clear", "Remove every edit", lambda: act("intervention.clear"))
        for one in (self.copy, self.clear):
            one.setProperty("role", "small-quiet")
        self.header = [self.slow, self.copy, self.clear]
        self.edits = EditList(act, self._say)
        self.writing = QLineEdit(placeholderText="Add an edit, for instance L1H4:mean@2-5")
        self.writing.setAccessibleName("Add an edit")
        self.writing.setToolTip(tooltip(_GRAMMAR))
        self.writing.returnPressed.connect(self._write)
        self.freeze = Tick("Freeze attention", "edit", lambda on: act("attention.freeze", on))
        self.freeze.setAccessibleName("Freeze attention")
        self.freeze.setToolTip(tooltip("Hold every attention pattern at that of the clean run"))
        self.experiments = ExperimentsBar(act)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.writing, 1)
        line.addWidget(self.freeze)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.edits, 1)
        column.addLayout(line)
        column.addWidget(self.experiments)

    def present(self, picture: InterventionsPicture) -> None:
        self.edits.show_chips(picture.chips)
        self.freeze.setChecked(picture.freeze)
        self.experiments.show_experiments(picture.kept, picture.compared)
        if not picture.pending:
            self.slow.setVisible(picture.road == "slow")
        self.copy.setText(_COPY)
        self.setAccessibleDescription(picture.told)
        # A note that comes and goes with every step of a drag would push the list up and down.
        stays = self.problem if picture.pending and self.edits.held else ""
        self._refused = False
        self.reveal(picture.problem or stays)

    def explain(self, sentence: str) -> None:
        super().explain(sentence)
        self.slow.hide()

    def _say(self, sentence: str) -> None:
        """What is wrong with what was just typed; once it is right, what is wrong with the edits again."""
        if sentence or self._refused:
            self.reveal(sentence or (self._shown.problem if self._shown else ""))
        self._refused = bool(sentence)

    def _write(self) -> None:
        """Add what was written, and go there; the line is kept where it was refused."""
        text = self.writing.text()
        self._act("intervention.write", text)
        if self.edits.scroll_to(text):
            self.writing.clear()

    def _copy(self) -> None:
        if self._shown is not None:
            QGuiApplication.clipboard().setText(self._shown.snippet)
            self.copy.setMinimumWidth(self.copy.width())
            self.copy.setText(_COPIED)
