"""One curve over the steps of a training, in the window's colours. Importing this module imports pyqtgraph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy

from interpviz.ui.text import tooltip
from interpviz.ui.theme import colours_of, small


class Curve(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """A line over steps, drawn anew as it grows; the wheel and the mouse leave its axes alone."""

    def __init__(self, title: str, says: str) -> None:
        super().__init__(enableMenu=False)
        self._title = title
        self.plotItem.ctrlMenu.setParent(self)  # it is made all the same, and would outlive the plot
        self.plotItem.ctrlMenu.hide()
        self.setAccessibleName(title)
        self.setToolTip(tooltip(says))
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.setFrameShape(self.Shape.NoFrame)
        self.setMinimumSize(120, 80)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        self._line = self.plot()
        self.dress()

    def show_line(self, steps: Sequence[int], values: Sequence[float]) -> None:
        """Draw these values at these steps; what is not a number is left out."""
        y = np.asarray(values, np.float64)
        self._line.setData(np.asarray(steps, np.float64), y, connect="finite")
        self.setAccessibleDescription(f"{self._title} {y[-1]:.4g}" if len(y) else "")

    def dress(self) -> None:
        """Take on the colours of the theme as it is now."""
        colours = colours_of(self)
        self.setBackground(colours.card)
        self._line.setPen(pg.mkPen(colours.accent, width=1.6))
        self.setTitle(self._title, color=colours.text, size=f"{small().pointSizeF():.1f}pt")
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(colours.line)
            axis.setTextPen(colours.muted)
            axis.setStyle(tickFont=small(), tickLength=-4, maxTickLevel=0)  # more would overlap where it is low
        self.getAxis("left").setWidth(44)
        self.getAxis("left").enableAutoSIPrefix(False)
        self.getAxis("bottom").enableAutoSIPrefix(False)
