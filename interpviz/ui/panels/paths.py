"""The panel of the paths: what a component does in all, straight to the logits, and through the chosen paths only."""

from __future__ import annotations

from itertools import islice

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from interpviz.control.paths import PathsPicture
from interpviz.core.path_patching import END
from interpviz.core.results import PathEffects
from interpviz.ui.flow import Flow
from interpviz.ui.marks import signed
from interpviz.ui.panel import Act, Panel, Segments
from interpviz.ui.panels.effects import Effect, EffectBars
from interpviz.ui.text import ElidedLabel, Label, button, label_text, legible, tooltip

_MODES = (
    ("zero", "Zero", "The sender's output becomes zero"),
    ("mean", "Mean", "The sender's output becomes its mean over the reference"),
    ("patch", "Patch", "The sender's output is taken from the contrast prompt"),
)
_FIELD = "Parts from one sender to the logits, apart by >; several paths apart by commas. Enter follows them."
_SLOW = "This architecture has no fast path here: TransformerLens's hooks do it. The numbers are the same."
_LONGEST = 4000
_MOST_PARTS = 60


class PathsPanel(Panel[PathsPicture]):
    """Paths as text and as chips, and three effects on one scale."""

    def __init__(self, act: Act) -> None:
        super().__init__("paths", "Paths", "What a component does through chosen paths, beside all it does.")
        self._act = act
        self._followed: tuple[tuple[str, ...], ...] = ()
        self.mode = Segments("Edit of the sender", _MODES, self._set_mode)
        self.header = [self.mode]
        self.field = QLineEdit(placeholderText=f"L0H0 > L1H0 > {END}", maxLength=_LONGEST)
        self.field.setAccessibleName("Paths")
        self.field.setToolTip(tooltip(_FIELD))
        self.field.returnPressed.connect(self._follow)
        self.start = button("From", "Follow the direct path of the selected component", self._start)
        self.chains = Flow()
        self.hint = Label("", "muted")
        self.hint.setWordWrap(True)
        self.bars = EffectBars("Effects of the sender, in nats")
        self.status = ElidedLabel("", "small")
        self.slow = Label("slow path", "badge")
        self.slow.setToolTip(_SLOW)
        self._lay_out()

    def present(self, picture: PathsPicture) -> None:
        self._offer(picture.paths)
        self.mode.choose(picture.mode)
        self.start.setVisible(bool(picture.sender))
        self.start.setText(label_text(f"From {picture.sender}"))
        if picture.chains != self._followed:
            self._followed = picture.chains
            self.chains.fill(_parts(picture.chains))
        self.hint.setText(picture.hint)
        self.hint.setVisible(bool(picture.hint))
        self._show_effects(picture)
        self.reveal(picture.problem)

    def _lay_out(self) -> None:
        line, foot = QHBoxLayout(), QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.field, 1)
        line.addWidget(self.start)
        foot.addWidget(self.status, 1)
        foot.addWidget(self.slow)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(line)
        column.addWidget(self.chains)
        column.addWidget(self.hint)
        column.addWidget(self.bars, 1)
        column.addLayout(foot)
        column.addStretch(0)

    def _show_effects(self, picture: PathsPicture) -> None:
        effects = picture.effects
        self.bars.setVisible(effects is not None or picture.pending)
        self.bars.show_effects(_bars(effects), effects is not None)
        self.status.setText(_status(effects, picture.metric) if effects else "following …" if picture.pending else "")
        self.slow.setVisible(effects is not None and effects.road == "slow")
        told = self.bars.accessibleDescription() if effects else self.status.text() or picture.hint
        self.setAccessibleDescription(f"{picture.paths}: {told}; {self.status.text()}" if effects else told)

    def _offer(self, text: str) -> None:
        """Show the document's paths, unless others are typed that are not, or could not be, followed."""
        if self.field.text().strip() == text:
            self.field.setModified(False)
        elif not self.field.isModified():
            self.field.setText(text)
            self.field.setCursorPosition(0)

    def _follow(self) -> None:
        assert self._shown is not None
        self._act("paths.follow", self.field.text(), self._shown.mode)

    def _set_mode(self, key: str) -> None:
        assert self._shown is not None
        self._act("paths.follow", self._shown.paths, key)

    def _start(self) -> None:
        """Follow the direct path of the selected component, the cursor where the next part would be written."""
        assert self._shown is not None
        self.field.setText(f"{self._shown.sender} > {END}")
        self._follow()
        self.field.setFocus()
        self.field.setCursorPosition(len(self._shown.sender) + 3)


def _parts(chains: tuple[tuple[str, ...], ...]) -> list[QWidget]:
    """A chip a part with arrows between, wide gaps between the paths."""
    parts: list[QWidget] = []
    for number, chain in enumerate(chains):
        if number:
            parts.append(Label("\u2003"))
        for place, part in enumerate(chain):
            parts += [Label("→", "muted")] if place else []
            parts.append(Label(legible(part), "badge"))
    more = len(parts) - _MOST_PARTS
    return [*islice(parts, _MOST_PARTS), *([Label("…", "muted")] if more > 0 else [])]


def _bars(effects: PathEffects | None) -> tuple[Effect, ...]:
    known = (effects.total, effects.direct, effects.path) if effects else (0.0, 0.0, 0.0)
    names = ("total effect:", "direct effect:", "through the chosen paths only")
    words = ("everything follows", "straight to the logits, all else held", "")
    return tuple(Effect(*one) for one in zip(names, words, known, strict=True))


def _status(effects: PathEffects, metric: str) -> str:
    indirect = signed(effects.indirect, 3)
    clean = f"clean {metric} {signed(effects.baseline, 3)}"
    return f"indirect effect, total − direct: {indirect} nats · {clean} nats · {effects.seconds:.2f} s"
