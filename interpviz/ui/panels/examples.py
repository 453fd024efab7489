"""Examples of a feature: stretches of the cache in which the tokens that it is active at are coloured."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

from interpviz.core.feature_results import Example, ExampleGroup
from interpviz.ui.marks import Align, width_of, write
from interpviz.ui.panels.examples_rows import HEADING, LINE, VALUE, ExampleRows, shown
from interpviz.ui.panels.heat_ink import heat, ink_on
from interpviz.ui.text import code_points, tooltip, visible
from interpviz.ui.theme import BASE, Colours, colours_of, small, typeface

Key = Qt.Key
_COPY, _FOLD = 0, 1
_SAYS = ("Copy the text", "Show the whole context")


class Examples(QAbstractScrollArea):
    """Groups of examples. Hover or arrow keys point at a token, click or Enter opens it, Space unfolds, Ctrl+C copies.

    `pointed(example, place)` says which token is pointed at, (None, -1) none; `opened(example, place)` which was
    clicked.
    """

    pointed = Signal(object, int)
    opened = Signal(object, int)

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumSize(200, 96)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.setAccessibleName("Examples")
        self._groups: Sequence[ExampleGroup] = ()
        self._limit = 1.0
        self._closed: frozenset[str] = frozenset()
        self._unfolded: frozenset[tuple[int, int]] = frozenset()
        self._hovered: tuple[int, int] | None = None
        self._cursor: tuple[int, int] | None = None
        self.rows = ExampleRows((), 0, self._closed, self._unfolded)

    def show_groups(self, groups: Sequence[ExampleGroup], limit: float) -> None:
        """Show these; `limit` is the activation of the fullest colour."""
        if groups is self._groups:
            return
        self._groups, self._limit = groups, limit or 1.0
        self._unfolded, self._hovered, self._cursor = frozenset(), None, None
        self.verticalScrollBar().setValue(0)
        self._lay_out()
        self.setAccessibleDescription(
            f"{sum(len(group.examples) for group in groups)} examples in {len(groups)} groups"
        )
        self.pointed.emit(None, -1)

    def token_box(self, row: int, place: int) -> QRectF:
        """Where a token is painted, in pixels of the viewport."""
        found = next(box for one, box in self.rows.boxes(row) if one == place)
        return found.translated(0, -self.verticalScrollBar().value())

    def fold(self, row: int) -> None:
        """Close or open a group, or show all of an example or one line of it."""
        one = self.rows.rows[row]
        if one.example is None:
            self._closed ^= {self._groups[one.group].name}
        else:
            self._unfolded ^= {(one.group, one.example)}
        self._lay_out()

    def copy(self, row: int) -> None:
        """Put the text of an example on the clipboard."""
        example = self.rows.example(row)
        if example is not None:
            QGuiApplication.clipboard().setText("".join(example.texts))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self.viewport()), colours_of(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = self.verticalScrollBar().value()
        painter.translate(0, -top)
        first = self.rows.at(top)
        for row in range(first or 0, len(self.rows.rows) if first is not None else 0):
            if self.rows.rows[row].top > top + self.viewport().height():
                break
            example = self.rows.example(row)
            if example is None:
                self._paint_heading(painter, row, colours)
            else:
                self._paint_example(painter, row, example, colours)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), tooltip(self._tip(QPointF(event.pos()))), self)
            return True
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        return super().viewportEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._token_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.rows.at(event.position().y() + self.verticalScrollBar().value())
        if row is None or event.button() != Qt.MouseButton.LeftButton:
            return
        tool, token = self._tool_at(row, event.position()), self._token_at(event.position())
        example = self.rows.example(row)
        if tool == _COPY:
            self.copy(row)
        elif tool == _FOLD or example is None:
            self.fold(row)
        elif token is not None:
            self._cursor = token
            self.opened.emit(example, token[1])
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Key(event.key())
        row, place = self._cursor or (-1, 0)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy(row)
        elif key in (Key.Key_Down, Key.Key_Up):
            self._step(1 if key == Key.Key_Down else -1)
        elif key in (Key.Key_Left, Key.Key_Right) and row >= 0:
            self._point(row, place + (1 if key == Key.Key_Right else -1))
        elif key == Key.Key_Space and row >= 0:
            self.fold(row)
        elif key in (Key.Key_Return, Key.Key_Enter) and (example := self._example(row)) is not None:
            self.opened.emit(example, place)
        else:
            super().keyPressEvent(event)

    def _example(self, row: int) -> Example | None:
        return self.rows.example(row) if 0 <= row < len(self.rows.rows) else None

    def _step(self, by: int) -> None:
        """To the next row up or down; a heading can be stopped at, so that its group can be folded."""
        row = (self._cursor[0] if self._cursor else -1) + by
        if 0 <= row < len(self.rows.rows):
            example = self.rows.example(row)
            self._point(row, example.at if example else 0)

    def _point(self, row: int, place: int) -> None:
        example = self.rows.example(row)
        place = min(max(place, 0), len(example.texts) - 1) if example else 0
        self._cursor = (row, place)
        one, bar = self.rows.rows[row], self.verticalScrollBar()
        bar.setValue(min(max(bar.value(), one.top + one.height - self.viewport().height()), one.top))
        self.pointed.emit(example, place if example else -1)
        self.setAccessibleDescription(self.told(row, place))
        self.viewport().update()

    def told(self, row: int, place: int) -> str:
        """A row in words: a heading, or an example with the token that is pointed at."""
        example = self.rows.example(row)
        if example is None:
            return self._heading(self.rows.rows[row].group)
        token = f"{visible(example.texts[place])} {float(example.values[place]):.3g}"
        return f"{token} in: {''.join(map(shown, example.texts))}"

    def _hover(self, token: tuple[int, int] | None) -> None:
        if token != self._hovered:
            self._hovered = token
            aim = token or self._cursor
            example = self._example(aim[0]) if aim else None
            self.pointed.emit(example, aim[1] if aim and example else -1)
            self.viewport().update()

    def _token_at(self, at: QPointF) -> tuple[int, int] | None:
        place = at + QPointF(0, self.verticalScrollBar().value())
        row = self.rows.at(place.y())
        if row is None:
            return None
        return next(((row, token) for token, box in self.rows.boxes(row) if box.contains(place)), None)

    def _tool_at(self, row: int, at: QPointF) -> int | None:
        place = at + QPointF(0, self.verticalScrollBar().value())
        if self.rows.example(row) is None:
            return None
        return next((tool for tool in (_COPY, _FOLD) if self.rows.tool_box(row, tool).contains(place)), None)

    def _tip(self, at: QPointF) -> str:
        token = self._token_at(at)
        if token is not None and (example := self.rows.example(token[0])) is not None:
            text, row = example.texts[token[1]], example.row - example.at + token[1]
            value = f"{visible(text)}  {float(example.values[token[1]]):.4g}"
            return f"{value}\ndocument {example.document} · row {row:,} · {code_points(text)}"
        under = self.rows.at(at.y() + self.verticalScrollBar().value())
        tool = self._tool_at(under, at) if under is not None else None
        return _SAYS[tool] if tool is not None else ""

    def _lay_out(self) -> None:
        cursor = self.rows.rows[self._cursor[0]] if self._cursor and self._cursor[0] < len(self.rows.rows) else None
        self.rows = ExampleRows(self._groups, self.viewport().width(), self._closed, self._unfolded)
        if self._cursor and cursor:
            alike = (
                k for k, row in enumerate(self.rows.rows) if (row.group, row.example) == (cursor.group, cursor.example)
            )
            found = next(alike, None)
            self._cursor = None if found is None else (found, self._cursor[1])
        self._hovered = None
        bar, page = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(self.rows.height - page, 0))
        bar.setPageStep(max(page, 1))
        bar.setSingleStep(LINE)
        self.viewport().update()

    def _heading(self, group: int) -> str:
        one = self._groups[group]
        ends = f"{one.low:.3g} – {one.high:.3g}" if one.examples else "none"
        return f"{one.name}  ·  {ends}"

    def _paint_heading(self, painter: QPainter, row: int, colours: Colours) -> None:
        one = self.rows.rows[row]
        group = self._groups[one.group]
        box = QRectF(0, one.top, self.viewport().width(), HEADING)
        sign = "▸" if group.name in self._closed else "▾"
        write(painter, box.adjusted(0, 4, 0, 0), sign, colours["muted"], Align.AlignLeft)
        name = small(QFont.Weight.DemiBold)
        write(painter, box.adjusted(14, 4, -60, 0), self._heading(one.group), colours["text"], Align.AlignLeft, name)
        write(painter, box.adjusted(0, 4, -4, 0), f"{len(group.examples)}", colours["muted"], Align.AlignRight)
        self._paint_focus(painter, row, box, colours)

    def _paint_example(self, painter: QPainter, row: int, example: Example, colours: Colours) -> None:
        one = self.rows.rows[row]
        value = QRectF(0, one.top, VALUE, LINE)
        write(painter, value, f"{float(example.values[example.at]):.3g}", colours["muted"], Align.AlignRight)
        font = typeface(BASE)
        for place, box in self.rows.boxes(row):
            self._paint_token(painter, box, example, place, font, colours)
            if (row, place) in (self._hovered, self._cursor if self.hasFocus() else None):
                painter.setPen(QPen(colours["text"], 1.2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(box.adjusted(0.5, 1.5, -0.5, -1.5), 2, 2)
        self._paint_tools(painter, row, colours)
        self._paint_focus(painter, row, QRectF(0, one.top, self.viewport().width(), one.height), colours)

    def _paint_token(
        self, painter: QPainter, box: QRectF, example: Example, place: int, font: QFont, colours: Colours
    ) -> None:
        ink, value = colours["text"], float(example.values[place])
        if value:
            fill = heat(value / self._limit, colours)
            painter.fillRect(box.adjusted(0, 2, 0, -2), fill)
            ink = ink_on(fill)
        text = shown(example.texts[place])
        cut = box.width() < width_of(text, font) - 1 and place < example.at  # what is cut off on the left shows its end
        side = Align.AlignRight if cut else Align.AlignLeft
        write(painter, box, text, ink, side, font, Qt.TextElideMode.ElideNone)

    def _paint_tools(self, painter: QPainter, row: int, colours: Colours) -> None:
        pointed = any(aim is not None and aim[0] == row for aim in (self._hovered, self._cursor))
        sign = "▴" if self.rows.is_unfolded(row) else "▾"
        write(painter, self.rows.tool_box(row, _FOLD), sign, colours["text" if pointed else "clean"])
        if pointed:
            corner = self.rows.tool_box(row, _COPY).center() - QPointF(5, 6)
            painter.setPen(QPen(colours["text"], 1.1))
            painter.setBrush(colours["card"])
            for shift in (3, 0):  # two sheets, one over the other
                painter.drawRoundedRect(QRectF(corner.x() + shift, corner.y() + 3 - shift, 8, 9), 1.5, 1.5)

    def _paint_focus(self, painter: QPainter, row: int, box: QRectF, colours: Colours) -> None:
        if self.hasFocus() and self._cursor is not None and self._cursor[0] == row:
            painter.setPen(QPen(colours["accent"], 1.2, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -1.5, -0.5), 3, 3)
