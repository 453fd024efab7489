"""What the colours of the cloud mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from interpviz.core.document import CloudColour
from interpviz.ui.marks import Align, colour_bar, width_of, write
from interpviz.ui.panels.scenes import CYCLE, shades
from interpviz.ui.theme import colours_of, small

_PITCH = 8


class Legend(QWidget):
    """Dots for documents, a bar for positions."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(18)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Legend")
        self._colour: CloudColour = "document"
        self._text = ""
        self._count = 0

    def show_categories(self, category: NDArray[np.int32], colour: CloudColour) -> None:
        """Explain these."""
        self._colour = colour
        if colour == "document":
            self._count = min(len(np.unique(category)), CYCLE)
            total = len(np.unique(category))
            self._text = f"{total:,} documents"
            self.setFixedWidth(round(self._count * _PITCH + 6 + width_of(self._text, small()) + 4))
        else:
            self._text = str(int(category.max(initial=0)))
            self.setFixedWidth(190)
        self.setAccessibleDescription(f"Colour by {colour}: {self._text}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), colours_of(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        table = shades(self._colour, colours.dark)
        if self._colour == "position":
            colour_bar(painter, QRectF(self.rect()), table, ("0", self._text), "position", colours)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        for place in range(self._count):
            painter.setBrush(QColor(*table[place, :3].tolist()))
            painter.drawEllipse(QPointF(4 + place * _PITCH, self.height() / 2), 3.2, 3.2)
        box = QRectF(self._count * _PITCH + 6, 0, self.width(), self.height())
        write(painter, box, self._text, colours["muted"], Align.AlignLeft)
