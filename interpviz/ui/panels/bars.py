"""The painted table of next tokens: probabilities as two bars, left above right, and the numbers beside them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from interpviz.control.outputs import OutputRow
from interpviz.ui.marks import Align, badge, signed, width_of, write
from interpviz.ui.text import code_points, tooltip, visible
from interpviz.ui.theme import BASE, Colours, colours_of, small, typeface

_HEAD = 18
_LOWEST, _HIGHEST = 20, 27
_NUMBER = 50
_SHORT = {"target": "target", "distractor": "distr."}
_SIDES = ("left", "right")


class Bars(QWidget):
    """One line a token. Grey is the left run, which is mostly the clean one; the colour of edits is the right one."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Next tokens")
        self._rows: tuple[OutputRow, ...] = ()
        self._names = _SIDES
        self._both = False

    def show_rows(self, rows: Sequence[OutputRow], names: tuple[str, str], both: bool) -> None:
        """Paint these; `names` call the two runs; `both` says whether there is a right one beside the left."""
        self._rows, self._names, self._both = tuple(rows), names, both
        self.setMinimumHeight(_HEAD + _LOWEST * len(rows))
        self.setAccessibleDescription("; ".join(told(row, *names) for row in rows))
        self.update()

    @property
    def headings(self) -> tuple[str, str, str]:
        """What stands over the numbers: the runs' names where they fit, else which side they are on."""
        if not self._both:
            return "", "p", "logit"
        fits = (width_of(name, small()) <= _NUMBER for name in self._names)
        left, right = (name if fit else side for name, side, fit in zip(self._names, _SIDES, fits, strict=True))
        return left, right, "Δ logit"

    def bar_box(self, row: int, right: bool) -> QRectF:
        """Where a token's bar is painted: its width is the probability's share of the column."""
        line, column = self._rows[row], self._column(row)
        share = line.right_probability if right else line.left_probability
        top = column.center().y() + (1.5 if right else -7.5) if self._both else column.center().y() - 4
        height = 6 if self._both else 8
        return QRectF(column.left(), top, max(column.width() * share, 1.5), height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = colours_of(self)
        for place, heading in enumerate(self.headings):
            write(painter, self._number(-1, place), heading, colours["muted"], Align.AlignRight)
        for row in range(len(self._rows)):
            self._paint_row(painter, row, colours)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = int((event.pos().y() - _HEAD) // self._pitch())
            inside = 0 <= row < len(self._rows)
            QToolTip.showText(event.globalPos(), tooltip(self._tip(row)) if inside else "", self)
            return True
        return super().event(event)

    def _tip(self, row: int) -> str:
        line = self._rows[row]
        return f"{told(line, *self._names)}\nid {line.id} · {code_points(line.text)}"

    def _pitch(self) -> float:
        """Pixels from row to row."""
        return min(max((self.height() - _HEAD) / max(len(self._rows), 1), _LOWEST), _HIGHEST)

    def _line(self, row: int) -> QRectF:
        if row < 0:
            return QRectF(0, 0, self.width(), _HEAD)
        pitch = self._pitch()
        return QRectF(0, _HEAD + row * pitch, self.width(), pitch)

    def _name(self, row: int) -> QRectF:
        return self._line(row).adjusted(0, 0, -self.width() + min(max(self.width() * 0.31, 96), 170), 0)

    def _number(self, row: int, place: int) -> QRectF:
        right = self.width() - (2 - place) * _NUMBER - 2
        line = self._line(row)
        return QRectF(right - _NUMBER, line.top(), _NUMBER, line.height())

    def _column(self, row: int) -> QRectF:
        left, right = self._name(row).right() + 8, self._number(row, 0 if self._both else 1).left() - 2
        line = self._line(row)
        return QRectF(left, line.top(), max(right - left, 10), line.height())

    def _paint_row(self, painter: QPainter, row: int, colours: Colours) -> None:
        line = self._rows[row]
        last_role = row + 1 < len(self._rows) and bool(line.role) and not self._rows[row + 1].role
        if last_role:
            bottom = self._line(row).bottom()
            painter.setPen(QPen(colours["line"], 1))
            painter.drawLine(QPointF(0, bottom), QPointF(self.width(), bottom))
        self._paint_name(painter, row, line, colours)
        self._paint_bars(painter, row, colours)
        self._paint_numbers(painter, row, line, colours)

    def _paint_name(self, painter: QPainter, row: int, line: OutputRow, colours: Colours) -> None:
        box = self._name(row)
        right = box.right()
        if line.role:
            text = line.role if self.width() > 420 else _SHORT[line.role]
            wide = width_of(text, small(QFont.Weight.Medium)) + 12
            target = line.role == "target"
            ground, ink = ("accent", "on_accent") if target else ("hover", "text")
            badge(painter, QPointF(right - wide, box.center().y()), text, colours[ground], colours[ink])
            right -= wide + 4
        name = QRectF(box.left(), box.top(), right - box.left(), box.height())
        write(painter, name, visible(line.text), colours["text"], Align.AlignLeft, typeface(BASE, QFont.Weight.Medium))

    def _paint_bars(self, painter: QPainter, row: int, colours: Colours) -> None:
        column = self._column(row)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours["field"])
        painter.drawRoundedRect(QRectF(column.left(), column.center().y() - 8, column.width(), 16), 3, 3)
        for right in (False, True)[: 1 + self._both]:
            painter.setBrush(colours["edit" if right else "clean"])
            painter.drawRoundedRect(self.bar_box(row, right), 1.5, 1.5)

    def _paint_numbers(self, painter: QPainter, row: int, line: OutputRow, colours: Colours) -> None:
        change = line.right_logit - line.left_logit
        if self._both:
            cells = (percent(line.left_probability), percent(line.right_probability), signed(change, 2))
        else:
            cells = ("", percent(line.left_probability), f"{line.left_logit:.2f}".replace("-", "−"))
        for place, text in enumerate(cells):
            strong = place == 1
            ink = colours["text"] if strong else colours["muted"]
            write(painter, self._number(row, place), text, ink, Align.AlignRight, typeface(9))


class Key(QWidget):
    """Which colour is which run: the left one's name, an arrow, the right one's, each cut where it does not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_HEAD)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Compared experiments")
        self._names = ("", "")

    def show_names(self, left: str, right: str) -> None:
        """Paint these names."""
        self._names = (left, right)
        self.setAccessibleDescription(f"{left}, compared with {right}")
        self.setToolTip(tooltip(f"{left} → {right}"))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours, left = QPainter(self), colours_of(self), 0.0
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, (name, use) in enumerate(zip(self._names, ("clean", "edit"), strict=True)):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours[use])
            painter.drawRoundedRect(QRectF(left, _HEAD / 2 - 4, 8, 8), 2, 2)
            room = (self.width() - left) / (2 - place) - 13
            box = QRectF(left + 13, 0, min(width_of(name, small()) + 2, room), _HEAD)
            write(painter, box, name, colours["text"], Align.AlignLeft)
            if place == 0:
                write(painter, QRectF(box.right(), 0, 24, _HEAD), "→", colours["muted"])
            left = box.right() + 24


def told(row: OutputRow, left: str, right: str) -> str:
    """A row in words: `' Mary' clean p 0.91200 logit 14.2030 edited p 0.64400 logit 12.8880`."""
    role = f" ({row.role})" if row.role else ""
    first = f"{left} p {row.left_probability:.5f} logit {row.left_logit:.4f}"
    return f"'{row.text}'{role} {first} {right} p {row.right_probability:.5f} logit {row.right_logit:.4f}"


def percent(share: float) -> str:
    """A probability in at most five characters."""
    return f"{100 * share:.1f} %" if share >= 0.0005 else "<0.1 %"
