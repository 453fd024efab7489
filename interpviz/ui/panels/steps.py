"""The painted continuation: a chip a token, left above right, step under step, however many there are."""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy, QToolTip

from interpviz.control.continuation import Side
from interpviz.ui.marks import Align, badge, faint, width_of, write
from interpviz.ui.panels.bars import percent
from interpviz.ui.panels.wrapped import Wrapped
from interpviz.ui.text import code_points, legible, tooltip, visible
from interpviz.ui.theme import BASE, Colours, colours_of, small, typeface

SHADES = ("clean", "edit")
_ABOVE, _CHIP, _APART, _BELOW = 18, 27, 3, 6
_GAP, _PAD = 3, 7
_SHORTEST, _LONGEST = 28.0, 160.0
_NAME = 84.0
_TOLD = 200
_ACROSS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_DOWN = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
_ENDS = (Qt.Key.Key_Home, Qt.Key.Key_End)


class Steps(QAbstractScrollArea):
    """Wraps both sides in step; the bar under a token is the probability that it had.

    The pointer and the arrow keys walk along the steps: `pointed(step)` tells where they are.
    """

    pointed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName("Continuation, step by step")
        self._sides: tuple[Side, ...] = ()
        self._differs: int | None = None
        self._chosen: int | None = None
        self._hover: int | None = None
        self._widths: list[float] = []
        self._wrapped = Wrapped([], 0, 0, 0)

    def show_sides(self, sides: tuple[Side, ...], differs: int | None) -> None:
        """Paint these; `differs` is the first step at which they are not the same."""
        bar = self.verticalScrollBar()
        follows = any(side.pending for side in self._sides) and bar.value() == bar.maximum()
        self._sides, self._differs = sides, differs
        self._widths = [_width(sides, step) for step in range(max(side.length + side.pending for side in sides))]
        self._hover, self._chosen = (one if one is not None and one < self.steps else None for one in self._pointers())
        self._wrap()
        if follows:
            bar.setValue(bar.maximum())
        self.setAccessibleDescription(self.told())
        self.viewport().update()

    @property
    def steps(self) -> int:
        """How many steps there are on the longer side."""
        return max((side.length for side in self._sides), default=0)

    @property
    def step(self) -> int:
        """The step that is pointed at: under the pointer, else the chosen one, else where the sides first differ."""
        wanted = next((one for one in (*self._pointers(), self._differs) if one is not None), 0)
        return min(wanted, max(self.steps - 1, 0))

    @property
    def hovered(self) -> bool:
        """Whether it is the pointer that points."""
        return self._hover is not None

    def told(self) -> str:
        """Both sides in words."""
        return "; ".join(
            f"{side.name}: {' '.join(repr(shown(text)) for text in side.continuation.texts[:_TOLD])}"
            for side in self._sides
            if side.continuation
        )

    def told_step(self) -> str:
        """The step that is pointed at in words, both sides below each other."""
        return "\n\n".join(tip(side, self.step) for side in self._sides if self.step < side.length)

    def show_tip(self) -> None:
        """Tell the step that is pointed at beside its chips, as the pointer would."""
        below = self.chip_box(len(self._sides) - 1, self.step).bottomLeft()
        QToolTip.showText(self.viewport().mapToGlobal(below).toPoint(), tooltip(self.told_step()), self)

    def chip_box(self, side: int, step: int) -> QRectF:
        """Where a token is painted, in pixels of the viewport."""
        top = self._top(self._wrapped.line_of(step)) + _ABOVE + side * (_CHIP + _APART)
        return QRectF(self._wrapped.lefts[step], top, self._widths[step], _CHIP)

    def bar_box(self, side: int, step: int) -> QRectF:
        """The bar of a token's probability; a full one is 12 pixels shorter than the chip."""
        box = self.chip_box(side, step)
        return QRectF(box.left() + 6, box.bottom() - 5.5, (box.width() - 12) * chance(self._sides[side], step), 2.5)

    def step_at(self, place: QPointF) -> int | None:
        """The step under a place of the viewport, or None beside them."""
        line = int((place.y() + self.verticalScrollBar().value()) // self._pitch())
        found = self._wrapped.at(line, place.x())
        return found if found is not None and found < self.steps else None

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._wrap()

    def minimumSizeHint(self) -> QSize:
        return QSize(150, round(self._pitch()))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, scrolled = colours_of(self), self.verticalScrollBar().value()
        last = int((scrolled + self.viewport().height()) // self._pitch())
        for line in range(int(scrolled // self._pitch()), min(last + 1, self._wrapped.lines)):
            self._paint_names(painter, line, colours)
            for step in self._wrapped.boxes(line):
                self._paint_step(painter, step, colours)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tip(QPointF(event.pos())), self)
            return True
        if event.type() == QEvent.Type.Leave:
            self._point(None, self._chosen)
        return super().viewportEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self.step_at(event.position()), self._chosen)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        step = self.step_at(event.position())
        self._point(step, self._chosen if step is None else step)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = self._walked(Qt.Key(event.key())) if self.steps else None
        if step is None:
            super().keyPressEvent(event)
            return
        chosen = min(max(step, 0), self.steps - 1)
        self._bring_into_view(chosen)
        self._point(None, chosen)
        self.setAccessibleDescription(self.told_step())

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def _pointers(self) -> tuple[int | None, int | None]:
        return self._hover, self._chosen

    def _point(self, hover: int | None, chosen: int | None) -> None:
        if (hover, chosen) != self._pointers():
            self._hover, self._chosen = hover, chosen
            self.pointed.emit(self.step)
            self.viewport().update()

    def _walked(self, key: Qt.Key) -> int | None:
        """The step that a key leads to, None for other keys."""
        if key in _ENDS:
            return 0 if key == Qt.Key.Key_Home else self.steps - 1
        if key in _DOWN:
            return self._wrapped.nearest(self._wrapped.line_of(self.step) + _DOWN[key], self.step)
        return self.step + _ACROSS[key] if key in _ACROSS else None

    def _bring_into_view(self, step: int) -> None:
        bar, pitch = self.verticalScrollBar(), self._pitch()
        top = round(self._wrapped.line_of(step) * pitch)
        bar.setValue(min(max(bar.value(), top + round(pitch) - self.viewport().height()), top))

    def _tip(self, place: QPointF) -> str:
        step = self.step_at(place)
        if step is None:
            return ""
        there = (number for number, side in enumerate(self._sides) if step < side.length)
        found = next((number for number in there if self.chip_box(number, step).contains(place)), None)
        return "" if found is None else tooltip(tip(self._sides[found], step))

    def _gutter(self) -> float:
        """Pixels left of the chips, for the names of the sides."""
        if len(self._sides) < 2:
            return 1.0
        return min(max(width_of(legible(side.name), small()) for side in self._sides), _NAME) + 12

    def _pitch(self) -> float:
        """Pixels from line to line."""
        return float(_ABOVE + max(len(self._sides), 1) * (_CHIP + _APART) + _BELOW)

    def _top(self, line: int) -> float:
        return line * self._pitch() - self.verticalScrollBar().value()

    def _wrap(self) -> None:
        bar, room = self.verticalScrollBar(), self.viewport().height()
        # As if the bar were there already: lines that wrap anew when it comes would move what is being read.
        wide = self.width() - bar.sizeHint().width()
        self._wrapped = Wrapped(self._widths, self._gutter(), wide, _GAP)
        bar.setRange(0, max(0, round(self._wrapped.lines * self._pitch() - _BELOW) - room))
        bar.setPageStep(max(room, 1))
        bar.setSingleStep(round(self._pitch() / 2))

    def _paint_names(self, painter: QPainter, line: int, colours: Colours) -> None:
        for number, side in enumerate(self._sides if len(self._sides) > 1 else ()):
            top = self._top(line) + _ABOVE + number * (_CHIP + _APART)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours[SHADES[number]])
            painter.drawRoundedRect(QRectF(0, top + 5, 3, _CHIP - 10), 1.5, 1.5)
            name = QRectF(8, top, self._gutter() - 10, _CHIP)
            write(painter, name, legible(side.name), colours["muted"], Align.AlignLeft)

    def _paint_step(self, painter: QPainter, step: int, colours: Colours) -> None:
        above = self.chip_box(0, step).translated(0, -_ABOVE)
        if step == self._differs:
            badge(painter, QPointF(above.left(), above.top() + 9), "differs", colours["edit"], colours["card"])
        elif step in (self.step, *self._wrapped.boxes(self._wrapped.line_of(step))[:1]) and step < self.steps:
            place = QRectF(above.left(), above.top(), max(above.width(), 30), _ABOVE - 1)
            write(painter, place, str(step + 1), colours["muted"], Align.AlignLeft)
        for number, side in enumerate(self._sides):
            if step < side.length:
                self._paint_chip(painter, number, step, colours)
            elif step == side.length and side.pending:
                write(painter, self.chip_box(number, step), "…", colours["muted"], font=typeface(BASE))

    def _paint_chip(self, painter: QPainter, number: int, step: int, colours: Colours) -> None:
        box, side = self.chip_box(number, step), self._sides[number]
        assert side.continuation is not None
        changed = number > 0 and self._apart(step)
        pointed = step == self.step and (self.hasFocus() or self._hover is not None)
        edge = colours["accent"] if pointed else colours["edit"] if changed else colours["line"]
        painter.setPen(QPen(edge, 1.6 if pointed or step == self._differs else 1))
        painter.setBrush(faint(colours["edit"], 0.12) if step == self._differs else colours["field"])
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        ink = colours["text"] if number == 0 or changed else colours["muted"]
        words = box.adjusted(0, 0, 0, -5)
        write(painter, words, shown(side.continuation.texts[step]), ink, font=typeface(BASE))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours[SHADES[number]])
        painter.drawRoundedRect(self.bar_box(number, step), 1.25, 1.25)

    def _apart(self, step: int) -> bool:
        """Whether the sides say different tokens at this step."""
        said = {int(side.continuation.ids[step]) for side in self._sides if side.continuation and step < side.length}
        return len(said) > 1 or any(step >= side.length and not side.pending for side in self._sides)


def tip(side: Side, step: int) -> str:
    """A token in words: what it is, how likely it was, and the likeliest of its step with their logits."""
    assert side.continuation is not None
    said = side.continuation
    ranked = zip(said.top_logits[step], said.top_texts[step], strict=True)
    return "\n".join(
        [
            f"{shown(said.texts[step])}  p {percent(chance(side, step))}",
            f"{side.name}, step {step + 1} · id {int(said.ids[step])} · {code_points(said.texts[step])}",
            "",
            *(f"{float(logit):.3f}  {shown(text)}" for logit, text in ranked),
        ]
    )


def chance(side: Side, step: int) -> float:
    """The probability that a token had, 0 to 1; 0 where it is not known."""
    assert side.continuation is not None
    found = math.exp(min(float(side.continuation.log_probability[step]), 0.0))
    return found if math.isfinite(found) else 0.0


@lru_cache(8192)
def shown(text: str) -> str:
    """A token as one legible word, remembered: a thousand are shown again with each that is added."""
    return visible(text)


def _width(sides: tuple[Side, ...], step: int) -> float:
    texts = (side.continuation.texts[step] for side in sides if side.continuation and step < side.length)
    return max(map(_chip_width, texts), default=_SHORTEST)


@lru_cache(8192)
def _chip_width(text: str) -> float:
    return min(max(width_of(shown(text), typeface(BASE)) + 2 * _PAD, _SHORTEST), _LONGEST)
