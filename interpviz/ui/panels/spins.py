"""Fields for numbers, in the look of the other fields: typed, stepped by arrow keys, wheel and small arrows."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSpinBox

from interpviz.ui.text import tooltip
from interpviz.ui.theme import colours_of

_RIGHT = 10.0


class WholeField(QSpinBox):
    """A whole number. `name` is for screen readers, `does` the tool tip."""

    def __init__(self, name: str, does: str, low: int, high: int, width: int) -> None:
        super().__init__(minimum=low, maximum=high)
        _dress(self, name, does, width)

    def offer(self, value: int) -> None:
        """Show the document's number without telling that it changed; leaves what is being typed and says the same."""
        if value != self.value():
            blocked = self.blockSignals(True)
            self.setValue(value)
            self.blockSignals(blocked)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        _paint_arrows(self)


class DecimalField(QDoubleSpinBox):
    """A number with two decimals. `name` is for screen readers, `does` the tool tip."""

    def __init__(self, name: str, does: str, high: float, step: float, width: int) -> None:
        super().__init__(maximum=high, singleStep=step, decimals=2)
        _dress(self, name, does, width)

    def offer(self, value: float) -> None:
        """Show the document's number without telling that it changed; leaves what is being typed and says the same."""
        if round(value, 2) != self.value():
            blocked = self.blockSignals(True)
            self.setValue(value)
            self.blockSignals(blocked)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        _paint_arrows(self)


def _dress(field: QAbstractSpinBox, name: str, does: str, width: int) -> None:
    field.setAccessibleName(name)
    field.setToolTip(tooltip(does))
    field.setFixedWidth(width)
    field.setAccelerated(True)


def _paint_arrows(field: QAbstractSpinBox) -> None:
    """Fusion's own are lost as soon as a style sheet touches the field."""
    painter = QPainter(field)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colours_of(field)["muted" if field.isEnabled() else "clean"], 1.3))
    at, middle = field.width() - _RIGHT, field.height() / 2
    for way in (-1, 1):
        tip = QPointF(at, middle + way * 6)
        painter.drawPolyline([tip + QPointF(-3, -3 * way), tip, tip + QPointF(3, -3 * way)])
