"""The painted table of next tokens: probabilities as two bars, clean above edited, and the numbers beside them."""

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
_HEADINGS = ("clean", "edited", "Δ logit")


class Bars(QWidget):
    """One line a token. Grey is the clean run, the colour of edits the edited one."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Next tokens")
        self._rows: tuple[OutputRow, ...] = ()
        self._cut = False

    def show_rows(self, rows: Sequence[OutputRow], cut: bool) -> None:
        """Paint these; `cut` says whether there is an edited run to set beside the clean one."""
        self._rows, self._cut = tuple(rows), cut
        self.setMinimumHeight(_HEAD + _LOWEST * len(rows))
        self.setAccessibleDescription("; ".join(map(told, rows)))
        self.update()

    def bar_box(self, row: int, edited: bool) -> QRectF:
        """Where a token's bar is painted: its width is the probability's share of the column."""
        line, column = self._rows[row], self._column(row)
        share = line.edited_probability if edited else line.clean_probability
        top = column.center().y() + (1.5 if edited else -7.5) if self._cut else column.center().y() - 4
        height = 6 if self._cut else 8
        return QRectF(column.left(), top, max(column.width() * share, 1.5), height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = colours_of(self)
        for place, heading in enumerate(_HEADINGS if self._cut else ("", "p", "logit")):
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
        return f"{told(line)}\nid {line.id} · {code_points(line.text)}"

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
        left, right = self._name(row).right() + 8, self._number(row, 0 if self._cut else 1).left() - 2
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
        for edited in (False, True)[: 1 + self._cut]:
            painter.setBrush(colours["edit" if edited else "clean"])
            painter.drawRoundedRect(self.bar_box(row, edited), 1.5, 1.5)

    def _paint_numbers(self, painter: QPainter, row: int, line: OutputRow, colours: Colours) -> None:
        change = line.edited_logit - line.clean_logit
        if self._cut:
            cells = (percent(line.clean_probability), percent(line.edited_probability), signed(change, 2))
        else:
            cells = ("", percent(line.clean_probability), f"{line.clean_logit:.2f}".replace("-", "−"))
        for place, text in enumerate(cells):
            strong = place == 1
            ink = colours["text"] if strong else colours["muted"]
            write(painter, self._number(row, place), text, ink, Align.AlignRight, typeface(9))


def told(row: OutputRow) -> str:
    """A row in words: `' Mary' clean p 0.91200 logit 14.2030 edited p 0.64400 logit 12.8880`."""
    role = f" ({row.role})" if row.role else ""
    clean = f"clean p {row.clean_probability:.5f} logit {row.clean_logit:.4f}"
    return f"'{row.text}'{role} {clean} edited p {row.edited_probability:.5f} logit {row.edited_logit:.4f}"


def percent(share: float) -> str:
    """A probability in at most five characters."""
    return f"{100 * share:.1f} %" if share >= 0.0005 else "<0.1 %"
