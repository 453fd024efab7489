"""The panel of the patching grid: which layer and token carries what makes two prompts' answers differ."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from interpviz.control.patching import PatchingPicture
from interpviz.ui.marks import signed
from interpviz.ui.panel import Act, Panel, Segments
from interpviz.ui.panels.heat import HeatMap
from interpviz.ui.text import ElidedLabel, Label, visible

_STREAMS = (
    ("resid", "Residual", "Patch the residual stream entering each layer"),
    ("attn", "Attention", "Patch what each layer's attention writes"),
    ("mlp", "MLP", "Patch what each layer's MLP writes"),
)
_WAYS = (
    ("into contrast", "Into contrast", "Patch the prompt's activations into the contrast's run: what brings it back?"),
    ("into prompt", "Into prompt", "Patch the contrast's activations into the prompt's run: what takes it away?"),
)
_NAMES = {"resid": "Residual stream entering the layer", "attn": "Attention output", "mlp": "MLP output"}
_PURPOSE = (
    "The prompt's activation at one layer and token, put into the contrast's run: "
    "how much of the prompt's answer does it bring back?"
)
_PURPOSE_BACK = (
    "The contrast's activation at one layer and token, put into the prompt's run: "
    "how much of the prompt's answer does it leave?"
)


class PatchingPanel(Panel[PatchingPicture]):
    """A heat map, layers upwards and the tokens of both prompts across, that fills while it is computed."""

    def __init__(self, act: Act) -> None:
        super().__init__("patching", "Patching", _PURPOSE)
        self._picture: PatchingPicture | None = None
        self.stream = Segments("Stream", _STREAMS, lambda key: act("patching.show", key, None))
        self.way = Segments("Direction", _WAYS, lambda key: act("patching.show", None, key == "into prompt"))
        self.header = [self.stream, self.way]
        self.purpose = Label(_PURPOSE, "small")
        self.purpose.setWordWrap(True)
        self.map = HeatMap("Patching", self._tell, "share of the answer", rising=True)
        self.pointed = ElidedLabel("", "small")
        self.baselines = Label("", "small")
        self.map.pointed.connect(partial(ElidedLabel.setText, self.pointed))
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.purpose)
        column.addWidget(self.map, 1)
        column.addLayout(self._status())

    def present(self, picture: PatchingPicture) -> None:
        self._picture = picture
        self.stream.choose(picture.stream)
        self.stream.button("mlp").setEnabled(picture.mlps)
        self.way.choose(_WAYS[picture.back][0])
        self.purpose.setText(_PURPOSE_BACK if picture.back else _PURPOSE)
        self.map.show_map(picture.grid, _title(picture), picture.differing)
        self.baselines.setText(_baselines(picture))
        self.setAccessibleDescription(f"{self.purpose.text()} {_title(picture)}. {_baselines(picture)}")
        self.reveal(picture.problem)

    def _status(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.pointed, 1)
        row.addWidget(self.baselines)
        return row

    def _tell(self, row: int, column: int, value: float) -> str:
        assert self._picture is not None
        assert self._picture.grid is not None
        token = f"'{visible(self._picture.tokens[column])}'"
        if column in self._picture.differing:
            token += f" / '{visible(self._picture.contrast_tokens[column])}'"
        return f"{self._picture.grid.rows[row]} at {column} {token}: {_worded(self._picture, value)}"


def _title(picture: PatchingPicture) -> str:
    filling = picture.done < 1 and not picture.problem
    return _NAMES[picture.stream] + (f" · {int(100 * picture.done)} % there" if filling else "")


def _worded(picture: PatchingPicture, value: float) -> str:
    if value != value or picture.prompt is None or picture.contrast is None:
        return "not yet known"
    patched = picture.contrast + value * (picture.prompt - picture.contrast)
    share = f"{value:.3f}".replace("-", "−")
    return f"{share} {'left' if picture.back else 'back'}, {signed(patched, 2)} nats"


def _baselines(picture: PatchingPicture) -> str:
    if picture.prompt is None or picture.contrast is None:
        return ""
    slow = " · slow path" * picture.slow
    return f"prompt {signed(picture.prompt, 2)}, contrast {signed(picture.contrast, 2)} nats{slow}"
