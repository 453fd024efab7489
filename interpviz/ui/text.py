"""Widgets that show text as text: never as markup, never invisible, never reordering its surroundings."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle, QStyleOption, QToolButton, QWidget

SPACE, NEWLINE, TAB = "·", "⏎", "⇥"
_FIRST_STRONG, _POP = "\u2068", "\u2069"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
LONGEST = 2000  # Qt needs 1 s for 100,000 characters on one line and 106 s for a million.


def visible(token: str) -> str:
    """A token as one legible word: spaces, line ends and control characters stand as glyphs.

    Spaces inside stay; those at either end become `·`. What has no width is written as its code point.
    """
    stripped = token.strip(" ")
    left = len(token) - len(token.lstrip(" "))
    right = len(token) - left - len(stripped) if stripped else 0
    return isolated(SPACE * left + "".join(map(_glyph, stripped)) + SPACE * right)


def isolated(text: str) -> str:
    """The text, walled off where it holds right-to-left letters that would move what stands beside it."""
    if any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in text):
        return f"{_FIRST_STRONG}{text}{_POP}"
    return text


def legible(text: str) -> str:
    """Running text for a plain-text widget: line ends and controls as glyphs, cut at 2,000 characters."""
    cut = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return isolated("".join(map(_glyph, cut)))


def tooltip(text: str) -> str:
    """Text for a tool tip, escaped, since Qt takes whatever looks like markup for markup."""
    return f"<qt>{html.escape(text[:LONGEST]).replace(chr(10), '<br>')}</qt>"


def label_text(text: str) -> str:
    """Text for a button or a menu, where a lone & would mark a letter."""
    return text.replace("&", "&&")


def code_points(token: str) -> str:
    """What a token is made of, for a tool tip: `U+0020 U+004D`; the first dozen."""
    points = " ".join(f"U+{ord(c):04X}" for c in token[:12])
    return points + (" …" if len(token) > 12 else "")


def _glyph(character: str) -> str:
    if character == " ":
        return " "
    if character in "\n\r":
        return NEWLINE
    if character == "\t":
        return TAB
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    if category == "Cc" and ord(character) < 0x20:
        return chr(0x2400 + ord(character))
    return f"<{ord(character):04X}>" if category in ("Cc", "Cf", "Zs", "Zl", "Zp", "Co", "Cn") else character


class Label(QLabel):
    """A label whose text is plain; `role` names its look in the style sheet (title, muted, large, mono …)."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        if role:
            self.setProperty("role", role)

    def setToolTip(self, text: str) -> None:
        super().setToolTip(tooltip(text) if text else "")


class ElidedLabel(Label):
    """A label that gives way: what does not fit ends in `…`, and the tool tip says all."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, role, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(text)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        option = QStyleOption()
        option.initFrom(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.contentsRect().width())
        self.style().drawItemText(
            painter, self.contentsRect(), int(self.alignment()), self.palette(), self.isEnabled(), text,
            self.foregroundRole(),
        )  # fmt: skip


def button(text: str, does: str, act: Callable[[], object], keys: str = "") -> QToolButton:
    """A flat button: `does` is its name for screen readers and its tool tip, `keys` its shortcut."""
    made = QToolButton()
    made.setText(label_text(text))
    made.setAccessibleName(does)
    made.setToolTip(tooltip(f"{does}  {keys}" if keys else does))
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    if keys:
        made.setShortcut(QKeySequence(keys))
    made.clicked.connect(lambda: act())
    return made
