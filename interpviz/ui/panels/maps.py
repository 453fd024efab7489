"""The panel of the maps: where the chosen head looks, and how much each component writes at each token."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout

from interpviz.control.maps import MapsPicture
from interpviz.control.pictures import alike
from interpviz.ui.panel import Panel
from interpviz.ui.panels.heat import HeatMap
from interpviz.ui.text import visible

_SIDE_BY_SIDE = 360
_WIDEST = 16777215  # Qt: no limit


class MapsPanel(Panel[MapsPicture]):
    """Two heat maps, side by side where there is room."""

    def __init__(self) -> None:
        super().__init__("maps", "Maps", "Where the selected head looks, and the norm of what each component writes.")
        self._picture: MapsPicture | None = None
        self.pattern = HeatMap("Attention", self._tell_pattern, "attention", square=True)
        self.norms = HeatMap("Norms", self._tell_norm, "norm, log", logarithmic=True)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self.body)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(14)
        self._row.addWidget(self.pattern, 1)
        self._row.addWidget(self.norms, 1)

    def present(self, picture: MapsPicture) -> None:
        before, self._picture = self._picture, picture
        if before and picture.pattern is None and not picture.problem and alike(before.norms, picture.norms):
            self._picture = before  # another head of the same run: its pattern is there within a frame or two
            return
        self.pattern.show_map(
            picture.pattern, f"{picture.head} attention, query ↓ key →" if picture.head else "Attention"
        )
        self.norms.show_map(picture.norms, f"Output norm by token, {picture.source}")
        rows = ", ".join(picture.norms.rows) if picture.norms else "on their way"
        self.setAccessibleDescription(f"Attention of {picture.head}; norms from {picture.source}: {rows}")
        self.reveal(picture.problem)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = event.size().width() > max(_SIDE_BY_SIDE, 0.9 * event.size().height())
        self._row.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)
        self._fit()

    def _fit(self) -> None:
        """Beside each other the square map takes what it can use, and the other one the rest."""
        beside = self._row.direction() == QBoxLayout.Direction.LeftToRight
        half = (self.body.width() - self._row.spacing()) // 2
        self.pattern.setMaximumWidth(min(self.pattern.wanted_width(), half) if beside else _WIDEST)

    def _tell_pattern(self, row: int, column: int, value: float) -> str:
        assert self._picture is not None
        assert self._picture.pattern is not None
        shown = self._picture.pattern
        return f"q {row} '{visible(shown.rows[row])}' → k {column} '{visible(shown.columns[column])}'  {value:.3f}"

    def _tell_norm(self, row: int, column: int, value: float) -> str:
        assert self._picture is not None
        assert self._picture.norms is not None
        shown = self._picture.norms
        return f"{shown.rows[row]} at {column} '{visible(shown.columns[column])}'  norm {value:.3f}"
