"""A number that is set by dragging across it, by the arrow keys, or by typing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent

from interpviz.ui.marks import Align, width_of, write
from interpviz.ui.panels.fields import EnteredField
from interpviz.ui.theme import colours_of

Key, Modifier = Qt.Key, Qt.KeyboardModifier
_KEYS = {Key.Key_Right: 1, Key.Key_Up: 1, Key.Key_Left: -1, Key.Key_Down: -1}
_PIXELS_A_KEY = 5
# What a click may shake; Qt's 10 pixels would be felt as a jump.
_SHAKE = 3
_PAD, _SIGN = 7, 14


@dataclass
class _Drag:
    """A drag under way: where it is, where it began, and how far it went, Shift and Ctrl counted in.

    It is `moved` once it has left the few pixels that a click may shake. As a key it makes its steps one of undo.
    """

    at: float
    begun: float
    value: float
    step: float
    pixels: float = 0.0
    moved: bool = False
    merge: object = field(default_factory=object)

    def reached(self, at: float, speed: float) -> float:
        """The value with the mouse at this place."""
        self.pixels += (at - self.at) * speed
        self.at = at
        unit = min(speed, 1.0)
        return round(self.value + round(self.pixels / unit) * unit * self.step, 10)


class DragValue(EnteredField):
    """Drag right for more, left for less; Shift is ten times as fast, Ctrl ten times as fine.

    `chosen(text, merge)` says whether the number was accepted; the steps of one drag, and those of the arrow keys in
    a row, share their `merge` key.
    """

    def __init__(self, chosen: Callable[[str, object], bool]) -> None:
        super().__init__("", lambda text: chosen(text, None))
        self._chosen = chosen
        self._value = 0.0
        self._drag: _Drag | None = None
        self._walk = object()
        self._aim: float | None = None
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._rest()

    @property
    def held(self) -> bool:
        """Whether the mouse is down on it."""
        return self._drag is not None

    @property
    def typing(self) -> bool:
        """Whether a number is being typed."""
        return not self.isReadOnly()

    def offer_value(self, value: float) -> None:
        """Show the document's value; while a step is on its way to the document, what it aims at stays."""
        self._value = value
        if value == self._aim or not (self.held or self.hasFocus()):
            self._aim = None
        self.offer(short(value if self._aim is None else self._aim))

    def begin_typing(self) -> None:
        """Let the number be typed."""
        self._drag = None
        self.setReadOnly(False)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.setText(repr(self._value).removesuffix(".0"))
        self.selectAll()

    def forget(self) -> None:
        super().forget()
        self._drag = None
        self._rest()

    def offer(self, text: str) -> None:
        """Show the document's text; a drag goes on."""
        self._offered = text
        if not self.typing and text != self.text():
            self.setText(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        room = self.width() - width_of(self.text(), self.font()) - 2 * _PAD
        if not self.typing and room > _SIGN:
            box = QRectF(_PAD, 0, _SIGN, self.height())
            write(QPainter(self), box, "↔", colours_of(self)["muted"], Align.AlignLeft)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.typing or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        at = event.globalPosition().x()
        self._drag = _Drag(at, at, self._value, step_of(self._value))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        drag, at = self._drag, event.globalPosition().x()
        if drag is None:
            super().mouseMoveEvent(event)
        elif drag.moved or abs(at - drag.begun) >= _SHAKE:
            drag.at = drag.at if drag.moved else drag.begun
            drag.moved = True
            self._step(drag.reached(at, speed_of(event.modifiers())), drag.merge)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            super().mouseReleaseEvent(event)
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.typing:
            super().mouseDoubleClickEvent(event)
        else:
            self.begin_typing()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Key(event.key())
        if self.typing:
            super().keyPressEvent(event)
        elif key in _KEYS:
            value = self._value if self._aim is None else self._aim
            step = step_of(value) * _PIXELS_A_KEY * speed_of(event.modifiers())
            self._step(round(value + _KEYS[key] * step, 10), self._walk)
        elif key in (Key.Key_Return, Key.Key_Enter, Key.Key_F2):
            self.begin_typing()
        else:
            super().keyPressEvent(event)

    def _step(self, value: float, merge: object) -> None:
        """One step of a drag: it is shown at once, and is in the document once the one before was answered."""
        before, self._aim = self._aim, value
        if self._chosen(repr(value), merge):
            self.offer(short(value))
        else:
            self._aim = before

    def take(self) -> None:
        """Hand over what was typed; where nothing was, the number rests again."""
        if not self.typing:
            return
        if not self.isModified() or self._taken(self.text()):
            self.forget()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._walk, self._aim = object(), None

    def _rest(self) -> None:
        self.setReadOnly(True)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.deselect()


def short(value: float) -> str:
    """The number in at most eight letters, with a true minus."""
    texts = (f"{value:.{digits}g}" for digits in (6, 5, 4, 3, 2))
    return next((text for text in texts if len(text) <= 8), f"{value:.0e}").replace("-", "−")


def step_of(value: float) -> float:
    """What one pixel adds: a fiftieth of the power of ten that the value reaches, 0.02 below ten."""
    size = max(abs(value), 1.0)
    return float(10.0 ** math.floor(math.log10(size)) / 50)


def speed_of(modifiers: Qt.KeyboardModifier) -> float:
    """Ten times as fast with Shift, ten times as fine with Ctrl."""
    if modifiers & Modifier.ShiftModifier:
        return 10.0
    return 0.1 if modifiers & Modifier.ControlModifier else 1.0
