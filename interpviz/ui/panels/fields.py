"""Small controls of a row: a text that is taken when it is entered, a chooser, a tick."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QStyledItemDelegate

from interpviz.ui.marks import Align, width_of, write
from interpviz.ui.text import label_text, legible, tooltip
from interpviz.ui.theme import colours_of

_LONGEST = 4000
_BOX, _GAP = 14, 7


class EnteredField(QLineEdit):
    """A line whose text is taken by Enter or by leaving it; Escape brings the document's text back.

    `taken(text)` says whether the text was accepted; what was not stays until the field is left. `dropped` says that
    the user thought better of it.
    """

    dropped = Signal()

    def __init__(self, hint: str, taken: Callable[[str], bool]) -> None:
        super().__init__(placeholderText=hint, maxLength=_LONGEST)
        self._taken = taken
        self._offered = ""

    def name(self, name: str, does: str) -> None:
        """What screen readers call it, and what it does."""
        self.setAccessibleName(name)
        self.setToolTip(tooltip(does))

    def offer(self, text: str) -> None:
        """Show the document's text, unless the user is in the middle of typing another."""
        self._offered = text
        if not self.isModified() and text != self.text():
            self.forget()

    def forget(self) -> None:
        """Drop what was typed."""
        self.setText(self._offered)
        self.setCursorPosition(0)

    def take(self) -> None:
        """Hand over what was typed, if anything was."""
        if self.isModified() and self._taken(self.text()):
            self.forget()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.take()
        elif event.key() == Qt.Key.Key_Escape:
            self.forget()
            self.dropped.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.take()
            self.forget()


class Chooser(QComboBox):
    """One of a few texts; the wheel is left to the list around it. `chosen(key)` is called when the user picks."""

    def __init__(self, chosen: Callable[[str], None]) -> None:
        super().__init__()
        self._keys: tuple[str, ...] = ()
        self._texts: tuple[str, ...] = ()
        self.setItemDelegate(QStyledItemDelegate(self))  # its own knows no style sheet
        self.activated.connect(lambda place: chosen(self._keys[place]))

    def name(self, name: str, does: str) -> None:
        """What screen readers call it, and what it does."""
        self.setAccessibleName(name)
        self.setToolTip(tooltip(does))

    def offer(self, choices: Sequence[tuple[str, str]], key: str) -> None:
        """Show these choices, (key, text) each, with one of them chosen."""
        keys, texts = tuple(zip(*choices, strict=True))
        if (keys, texts) != (self._keys, self._texts):
            self._keys, self._texts = keys, texts
            self.clear()
            self.addItems([legible(text) for text in texts])
        self.setCurrentIndex(keys.index(key))

    @property
    def key(self) -> str:
        """The key of what is chosen."""
        return self._keys[self.currentIndex()]

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class Tick(QCheckBox):
    """A box to tick, whose edge is seen on a dark ground too; `use` names the colour of a ticked one."""

    def __init__(self, text: str, use: str, clicked: Callable[[bool], None]) -> None:
        super().__init__(label_text(text))
        self._shown_text, self._use = text, use
        self.clicked.connect(clicked)

    def sizeHint(self) -> QSize:
        beside = width_of(self._shown_text, self.font()) + _GAP if self._shown_text else 0
        return QSize(round(_BOX + beside) + 6, max(_BOX + 6, self.fontMetrics().height() + 2))

    def hitButton(self, place: QPoint) -> bool:
        return self.rect().contains(place)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), colours_of(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(2.5, (self.height() - _BOX) / 2, _BOX, _BOX)
        on = self.isChecked()
        marked = self.hasFocus() or self.underMouse()
        painter.setPen(QPen(colours["text" if marked else self._use if on else "clean"], 1.6 if self.hasFocus() else 1))
        painter.setBrush(colours[self._use] if on else colours["field"])
        painter.drawRoundedRect(box, 3.5, 3.5)
        if on:
            painter.setPen(QPen(colours["card"], 1.8, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
            corners = ((0.24, 0.52), (0.43, 0.71), (0.77, 0.3))
            painter.drawPolyline(QPolygonF([box.topLeft() + QPointF(x, y) * _BOX for x, y in corners]))
        beside = QRectF(box.right() + _GAP, 0, self.width(), self.height())
        write(painter, beside, self._shown_text, colours["text"], Align.AlignLeft, self.font())
