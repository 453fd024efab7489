"""What stands beside the examples of a feature: its histogram, the tokens it writes, and its kin."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QToolButton, QVBoxLayout, QWidget

from interpviz.control.feature_page import Kin, PagePicture
from interpviz.ui.flow import Flow
from interpviz.ui.panel import Act
from interpviz.ui.panels.feature_page_histogram import Histogram
from interpviz.ui.panels.feature_page_tokens import TokenBars
from interpviz.ui.text import Label, button, legible

_LONGEST = 18  # letters of a label on a chip
_KIN = 8


class Side(QScrollArea):
    """Scrolls where it is higher than the panel."""

    def __init__(self, act: Act) -> None:
        super().__init__(widgetResizable=True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(190)
        self._act = act
        self.histogram = Histogram()
        self.tokens = TokenBars()
        self.neighbours, self.together = Flow(), Flow()
        self._kin: tuple[tuple[Kin, ...], tuple[Kin, ...]] | None = None
        self._heads = [Label(text, "small") for text in ("decoder points the same way", "active at the same tokens")]
        page = QWidget()
        page.setObjectName("clear")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(6)
        for part in (self.histogram, self.tokens, self._heads[0], self.neighbours, self._heads[1], self.together):
            column.addWidget(part)
        column.addStretch(1)
        self.setWidget(page)

    def show_page(self, picture: PagePicture) -> None:
        """Show what the index says of this feature."""
        page, kin = picture.page, (picture.neighbours, picture.together)
        for part in (self.histogram, self.tokens):
            part.setVisible(page is not None)
        if page is not None:
            self.histogram.show_page(page)
            self.tokens.show_tokens(page.promoted, page.suppressed)
        if kin != self._kin:
            self._kin = kin
            for flow, head, found in zip((self.neighbours, self.together), self._heads, kin, strict=True):
                flow.fill(self._chips(found))
                head.setVisible(bool(found))

    def _chips(self, kin: Sequence[Kin]) -> list[QToolButton]:
        return [self._chip(one) for one in kin[:_KIN]]

    def _chip(self, kin: Kin) -> QToolButton:
        label = legible(kin.label)
        cut = label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"
        says = f"Feature {kin.feature}: {label or 'no label'}, {kin.value:.3f}"
        text = "  ".join(part for part in (str(kin.feature), cut, f"{kin.value:.2f}") if part)
        chip = button(text, says, lambda: self._act("feature.choose", kin.feature))
        chip.setProperty("role", "tag")
        return chip
