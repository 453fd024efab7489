"""A small card painted beside the pointer: a few lines of plain text, one stretch of it emphasised."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QFont, QPainter, QPen, QTextCharFormat, QTextLayout, QTextOption

from interpviz.ui.theme import BASE, Colours, small, typeface

_WIDE, _PAD = 300.0, 10.0
_MOST_LINES = 5


def paint_card(
    painter: QPainter, at: QPointF, within: QRectF, text: str, strong: tuple[int, int], caption: str, colours: Colours
) -> None:
    """Paint `text`, the letters `strong[0]` to `strong[1]` emphasised, over `caption`, near the place `at`."""
    body = _laid_out(text, strong, colours)
    below = _laid_out(caption, (0, 0), colours, caption=True)
    width = max(_width(body), _width(below))
    size = QSizeF(width + 2 * _PAD, _height(body) + _height(below) + 2 * _PAD + 3)
    box = QRectF(_corner(at, size, within), size)
    painter.setPen(QPen(colours["line"], 1))
    painter.setBrush(colours["card"])
    painter.drawRoundedRect(box, 7, 7)
    painter.setPen(colours["text"])
    body.draw(painter, box.topLeft() + QPointF(_PAD, _PAD))
    painter.setPen(colours["muted"])
    below.draw(painter, box.topLeft() + QPointF(_PAD, _PAD + _height(body) + 3))


def _laid_out(text: str, strong: tuple[int, int], colours: Colours, caption: bool = False) -> QTextLayout:
    layout = QTextLayout(text, small() if caption else typeface(BASE))
    wrapped = QTextOption()
    wrapped.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(wrapped)
    if strong[1] > strong[0]:
        marked = QTextCharFormat()
        marked.setForeground(colours["on_accent"])
        marked.setBackground(colours["accent"])
        marked.setFontWeight(QFont.Weight.DemiBold)
        stretch = QTextLayout.FormatRange()
        stretch.start, stretch.length, stretch.format = strong[0], strong[1] - strong[0], marked
        layout.setFormats([stretch])
    layout.beginLayout()
    height = 0.0
    for _ in range(_MOST_LINES):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(_WIDE)
        line.setPosition(QPointF(0, height))
        height += line.height()
    layout.endLayout()
    return layout


def _width(layout: QTextLayout) -> float:
    return max((layout.lineAt(k).naturalTextWidth() for k in range(layout.lineCount())), default=0.0)


def _height(layout: QTextLayout) -> float:
    return sum(layout.lineAt(k).height() for k in range(layout.lineCount()))


def _corner(at: QPointF, size: QSizeF, within: QRectF) -> QPointF:
    """Right of and below the place if there is room, else on the other side."""
    x = at.x() + 14 if at.x() + 14 + size.width() < within.right() else at.x() - 14 - size.width()
    y = at.y() + 14 if at.y() + 14 + size.height() < within.bottom() else at.y() - 14 - size.height()
    return QPointF(max(x, within.left() + 2), max(y, within.top() + 2))
