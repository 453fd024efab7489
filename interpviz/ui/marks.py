"""Small things that several panels paint: texts in a box, colour bars, badges, crosses."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QFontMetricsF, QImage, QPainter, QPen

from interpviz.render.colormaps import table
from interpviz.ui.theme import Colours, small

Align = Qt.AlignmentFlag


def write(
    painter: QPainter,
    box: QRectF,
    text: str,
    colour: QColor,
    align: Align = Align.AlignCenter,
    font: QFont | None = None,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> None:
    """One line of text inside the box, cut with `…` where it does not fit."""
    chosen = font or small()
    painter.setFont(chosen)
    painter.setPen(colour)
    painter.drawText(box, _flags(align), _elided(text, chosen.key(), elide, int(box.width()) + 1))


def write_up(
    painter: QPainter,
    box: QRectF,
    text: str,
    colour: QColor,
    font: QFont | None = None,
    align: Align = Align.AlignRight,
) -> None:
    """One line of text turned a quarter to the left, ended at the top of the box or, to the left, begun at its foot."""
    painter.save()
    painter.translate(box.center())
    painter.rotate(-90)
    turned = QRectF(-box.height() / 2, -box.width() / 2, box.height(), box.width())
    write(painter, turned, text, colour, align, font)
    painter.restore()


def stride(pitch: float, extent: float) -> int:
    """Every how many-th label of `extent` pixels fits where places are `pitch` pixels apart: 1, 2, 5, 10, 20 …"""
    for step in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500):
        if step * pitch >= extent:
            return step
    return 1000


def width_of(text: str, font: QFont) -> float:
    """Pixels that the text takes."""
    return _width(text, font.key())


# A repaint writes some hundred texts that were measured before: 40 us each for measuring, 1 us for remembering.
@lru_cache(8192)
def _width(text: str, font: str) -> float:
    return QFontMetricsF(_font(font)).horizontalAdvance(text)


@lru_cache(8192)
def _elided(text: str, font: str, elide: Qt.TextElideMode, width: int) -> str:
    return QFontMetrics(_font(font)).elidedText(text, elide, width)


def _font(key: str) -> QFont:
    font = QFont()
    font.fromString(key)
    return font


@lru_cache
def _flags(align: Align) -> int:
    return int(align | Align.AlignVCenter | Qt.TextFlag.TextSingleLine)


def colour_bar(
    painter: QPainter,
    box: QRectF,
    shades: NDArray[np.uint8],
    ends: tuple[str, str],
    title: str,
    colours: Colours,
) -> None:
    """A bar of the table's colours with the values of its ends on its sides and what it measures after them."""
    font = small()
    left, right = (width_of(end, font) + 6 for end in ends)
    name = width_of(title, font) + 12 if title else 0
    bar = box.adjusted(left, 0, -right - name, 0)
    strip = QRectF(bar.left(), bar.center().y() - 3.5, bar.width(), 7)
    row = np.ascontiguousarray(shades[None, :255])
    painter.drawImage(strip, QImage(row.data, 255, 1, 255 * 4, QImage.Format.Format_RGBA8888).copy())
    write(painter, QRectF(box.left(), box.top(), left, box.height()), ends[0], colours["muted"], Align.AlignLeft)
    write(painter, QRectF(bar.right() + 6, box.top(), right, box.height()), ends[1], colours["muted"], Align.AlignLeft)
    write(painter, QRectF(box.right() - name, box.top(), name, box.height()), title, colours["muted"], Align.AlignRight)


def cross(painter: QPainter, box: QRectF, colour: QColor, halo: QColor) -> None:
    """The mark of what is cut: a cross that reads on light and dark grounds alike."""
    inset = min(box.width(), box.height()) * 0.27
    reach = max(min(box.width(), box.height()) / 2 - inset, 2.5)
    inner = QRectF(box.center().x() - reach, box.center().y() - reach, 2 * reach, 2 * reach)
    thick = min(max(reach / 3.2, 1.3), 2.6)
    for pen in (QPen(halo, thick + 2.2), QPen(colour, thick)):
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLine(inner.topLeft(), inner.bottomRight())
        painter.drawLine(inner.topRight(), inner.bottomLeft())


def badge(painter: QPainter, at: QPointF, text: str, ground: QColor, ink: QColor) -> float:
    """A small word in a rounded box whose left middle is `at`; returns its width."""
    font = small(QFont.Weight.Medium)
    box = QRectF(at.x(), at.y() - 8, width_of(text, font) + 12, 16)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(box, 4, 4)
    write(painter, box, text, ink, font=font)
    return box.width()


def round_limit(value: float) -> str:
    """A limit of a scale in three digits, thousands and more in full."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """`share` of the one colour and the rest of the other."""
    pairs = zip(rgb(one), rgb(other), strict=True)
    return QColor(*(round(share * a + (1 - share) * b) for a, b in pairs))


def faint(colour: QColor, opacity: float) -> QColor:
    """The colour, letting what is beneath shine through."""
    return QColor(colour.red(), colour.green(), colour.blue(), round(255 * opacity))


def rgb(colour: QColor) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255."""
    return colour.red(), colour.green(), colour.blue()


def diverging(colours: Colours) -> NDArray[np.uint8]:
    """Purple for below zero, green for above: PRGn, whose pale middle becomes the dark theme's ground."""
    full = table("PRGn", colours.missing)
    if not colours.dark:
        return full
    ground = np.array(rgb(colours["hover"]))
    size = np.abs(np.linspace(-1, 1, 255))[:, None] ** 0.9
    ends = np.where(np.arange(255)[:, None] < 127, full[44, :3], full[210, :3])
    dark = full.copy()
    dark[:255, :3] = np.round(size * ends + (1 - size) * ground)
    return dark


def signed(value: float, digits: int) -> str:
    """A number with its sign, a true minus; what rounds to nothing has none."""
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text[1:] if not text.strip("+−0.") else text
