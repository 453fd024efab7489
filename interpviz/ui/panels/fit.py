"""The panel of a dictionary: what its files state, and how well it does here, in red where that is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from interpviz.control.fit import FitPicture
from interpviz.core.feature_results import Fit
from interpviz.core.features import DictionaryFacts
from interpviz.ui.forms import dress
from interpviz.ui.panel import Panel
from interpviz.ui.text import ElidedLabel, Label, legible, tooltip

_SHARE: Callable[[float], str] = "{:.1%}".format
_NUMBER: Callable[[float], str] = "{:.3f}".format
_NATS: Callable[[float], str] = "{:.3f} nats".format

FIGURES: tuple[tuple[str, str, Callable[[float], str], str], ...] = (
    ("l0", "L0", "{:.1f}".format, "Features active a token"),
    ("fvu", "FVU", _NUMBER, "Fraction of variance unexplained: 0 is perfect, 1 is no better than the mean"),
    (
        "explained_variance_legacy",
        "EV, legacy",
        _NUMBER,
        "Mean of per-token ratios, as in older papers",
    ),
    ("ce_recovered", "CE recovered", _SHARE, "Of the loss that zero in its place costs, the share that it brings back"),
    ("kl_score", "KL score", _SHARE, "Of the divergence that zero in its place brings, the share that it takes away"),
    ("ce_clean", "CE, clean", _NATS, "Cross-entropy of the model as it is, a token"),
    ("ce_spliced", "CE, spliced", _NATS, "Cross-entropy with the reconstruction in the activation's place"),
    ("ce_zero", "CE, zero", _NATS, "Cross-entropy with zero in the activation's place"),
    ("norm_ratio", "Norm ratio", _NUMBER, "Length of the reconstruction over that of the activation, mean"),
    ("bias", "Reconstruction bias", _NUMBER, "E|x̂|² / E(x·x̂): under 1 it shrinks"),
    ("cosine", "Cosine", _NUMBER, "Between reconstruction and activation, mean"),
    ("dead", "Dead", _SHARE, "Features that are never active on this text"),
    ("dense_1", "Dense, over 1%", _SHARE, "Features active at over 1% of the tokens"),
    ("dense_10", "Dense, over 10%", _SHARE, "Features active at over 10% of the tokens"),
)


class FitPanel(Panel[FitPicture]):
    """Two lists side by side: stated by the files, measured here; sentences on what is wrong above them."""

    def __init__(self) -> None:
        super().__init__("fit", "Dictionary", "How well the open dictionary does on this model.")
        self.wrong = Label("", "wrong")
        self.wrong.setWordWrap(True)
        self.wrong.setAccessibleName("What is wrong")
        self.source = Label("", "small")
        self.source.setWordWrap(True)
        self.stated: dict[str, ElidedLabel] = {}
        self.measured: dict[str, Label] = {}
        inside = QWidget()
        inside.setObjectName("clear")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        column.addWidget(self.wrong)
        column.addWidget(Label("Stated by its files", "title"))
        column.addLayout(self._stated_grid())
        column.addWidget(Label("Measured here", "title"))
        column.addLayout(self._measured_grid())
        column.addWidget(self.source)
        column.addStretch(1)
        area = QScrollArea(widgetResizable=True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        whole = QVBoxLayout(self.body)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    def present(self, picture: FitPicture) -> None:
        for name, text in _stated(picture.dictionary).items():
            self.stated[name].setText(legible(text))
        fit = picture.fit
        said = " ".join(fit.problems) if fit else ""
        self.wrong.setText(legible(said))
        self.wrong.setVisible(bool(said))
        wrong = fit.wrong if fit else frozenset()
        for name, _, written, _ in FIGURES:
            self.measured[name].setText(_figure(fit, name, written))
            dress(self.measured[name], "wrong" if name in wrong else "")
        self.source.setText(legible(_source(fit, picture.pending)))
        self.setAccessibleDescription(f"{picture.dictionary.name}: {said or self.source.text()}")
        self.reveal(picture.problem)

    def _stated_grid(self) -> QGridLayout:
        grid = _grid()
        for place, name in enumerate(("Name", "Layout", "Architecture", "Reads", "Writes", "Features")):
            self.stated[name] = ElidedLabel("")
            self.stated[name].setAccessibleName(name)
            grid.addWidget(Label(name, "muted"), place, 0)
            grid.addWidget(self.stated[name], place, 1)
        return grid

    def _measured_grid(self) -> QGridLayout:
        grid = _grid()
        half = -(-len(FIGURES) // 2)
        grid.setColumnMinimumWidth(2, 12)
        grid.setColumnStretch(4, 1)
        for place, (name, title, _, says) in enumerate(FIGURES):
            line, side = place % half, 3 * (place // half)
            self.measured[name] = Label("")
            self.measured[name].setAccessibleName(title)
            titled = Label(title, "muted")
            for one in (titled, self.measured[name]):
                one.setToolTip(tooltip(says))
            grid.addWidget(titled, line, side)
            grid.addWidget(self.measured[name], line, side + 1)
        return grid


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(3)
    grid.setColumnStretch(1, 1)
    return grid


def _stated(facts: DictionaryFacts) -> dict[str, str]:
    hook, width = facts.written
    ahead = " and to later layers" if facts.writes_ahead else ""
    return {
        "Name": facts.name,
        "Layout": facts.layout,
        "Architecture": facts.architecture,
        "Reads": f"{facts.hook}, {facts.d_in:,} numbers",
        "Writes": f"{hook}, {width:,} numbers{ahead}",
        "Features": f"{facts.features:,}",
    }


def _figure(fit: Fit | None, name: str, written: Callable[[float], str]) -> str:
    if fit is None:
        return "…"
    value = getattr(fit, name)
    return written(value) if math.isfinite(value) else "not to be had"


def _source(fit: Fit | None, pending: bool) -> str:
    if fit is None:
        return "measuring on the reference text …" if pending else ""
    return f"on {fit.tokens:,} tokens of {fit.source}{' so far …' if pending else ''}; the first of a text left out"
