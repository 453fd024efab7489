"""Painted effects: one signed bar each around a shared zero, on one scale, with the numbers in nats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from interpviz.core.scale import symmetric_limit
from interpviz.ui.marks import Align, diverging, round_limit, signed, width_of, write
from interpviz.ui.theme import BASE, Colours, colours_of, small, typeface

_WORDS, _BAR, _LOWEST, _HIGHEST, _AXIS = 20, 12, 38, 56, 20
_NUMBER = 86
_BELOW, _ABOVE = 44, 210  # places in the table of colours, as far from its middle as the grid of components goes


@dataclass(frozen=True)
class Effect:
    """A bar: `name` in full ink, `told` after it, `value` in nats."""

    name: str
    told: str
    value: float


class EffectBars(QWidget):
    """Each effect under its name. To the right of zero it raises the metric, to the left it lowers it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)
        self._effects: tuple[Effect, ...] = ()
        self._known = False

    def show_effects(self, effects: tuple[Effect, ...], known: bool) -> None:
        """Paint these; those that are not `known` yet are named without bars."""
        self._effects, self._known = effects, known
        self.setMinimumHeight(_LOWEST * len(effects) + _AXIS)
        self.setAccessibleDescription("; ".join(map(told, effects)) if known else "on their way")
        self.update()

    @property
    def limit(self) -> float:
        """The magnitude at both ends of the scale, in nats."""
        return symmetric_limit(np.array([effect.value for effect in self._effects]))

    def track_box(self, place: int) -> QRectF:
        """Where a bar can be: its middle is zero, its ends the limit."""
        return QRectF(0, place * self._pitch() + _WORDS + 2, self.width(), _BAR)

    def bar_box(self, place: int) -> QRectF:
        """The bar of an effect, from zero to its value."""
        track, value = self.track_box(place), self._effects[place].value
        if not np.isfinite(value):
            return QRectF(track.center().x(), track.top(), 0, track.height())
        wide = track.width() / 2 * value / self.limit
        return QRectF(track.center().x() + min(wide, 0), track.top(), abs(wide), track.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), colours_of(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place in range(len(self._effects)):
            self._paint_words(painter, place, colours)
            self._paint_bar(painter, place, colours)
        if self._known and self._effects:
            self._paint_axis(painter, colours)

    def _pitch(self) -> float:
        """Pixels from effect to effect."""
        room = (self.height() - _AXIS) / max(len(self._effects), 1)
        return min(max(room, _LOWEST), _HIGHEST)

    def _paint_words(self, painter: QPainter, place: int, colours: Colours) -> None:
        effect = self._effects[place]
        line = QRectF(0, place * self._pitch(), self.width(), _WORDS)
        strong = typeface(BASE, QFont.Weight.Medium)
        wide = min(width_of(effect.name, strong) + 6, line.width() - _NUMBER)
        name = QRectF(line.left(), line.top(), wide, line.height())
        write(painter, name, effect.name, colours["text"], Align.AlignLeft, strong)
        rest = QRectF(name.right(), line.top(), line.width() - _NUMBER - wide, line.height())
        write(painter, rest, effect.told, colours["muted"], Align.AlignLeft)
        number = line.adjusted(line.width() - _NUMBER, 0, 0, 0)
        value = _number(effect.value) if self._known else "…"
        write(painter, number, value, colours["text"], Align.AlignRight, typeface(BASE, QFont.Weight.DemiBold))

    def _paint_bar(self, painter: QPainter, place: int, colours: Colours) -> None:
        track = self.track_box(place)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours["field"])
        painter.drawRoundedRect(track, 3, 3)
        if self._known:
            shade = diverging(colours)[_BELOW if self._effects[place].value < 0 else _ABOVE]
            painter.setBrush(QColor(*(int(part) for part in shade[:3])))
            painter.drawRoundedRect(self.bar_box(place), 1.5, 1.5)
        painter.setPen(QPen(colours["muted"], 1))
        middle = round(track.center().x()) + 0.5
        painter.drawLine(QPointF(middle, track.top() - 2), QPointF(middle, track.bottom() + 2))

    def _paint_axis(self, painter: QPainter, colours: Colours) -> None:
        below = self.track_box(len(self._effects) - 1).bottom() + 3
        axis, limit = QRectF(0, below, self.width(), _AXIS - 4), round_limit(self.limit)
        for text, align in (
            (f"−{limit}", Align.AlignLeft),
            ("0", Align.AlignHCenter),
            (f"+{limit} nats", Align.AlignRight),
        ):
            write(painter, axis, text, colours["muted"], align, small())


def told(effect: Effect) -> str:
    """An effect in words: `total effect: everything follows +1.250 nats`."""
    return f"{effect.name} {effect.told} {_number(effect.value)} nats".replace("  ", " ")


def _number(value: float) -> str:
    return signed(value, 3) if np.isfinite(value) else "not a number"
