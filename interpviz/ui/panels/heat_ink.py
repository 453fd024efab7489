"""Colours of activations behind words, and ink that can be read on them."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QColor

from interpviz.ui.marks import diverging
from interpviz.ui.theme import Colours

_DARK_INK, _LIGHT_INK = QColor("#000000"), QColor("#ffffff")  # softer ones sink into the middle tones
_MIDDLE, _REACH = 127, 118  # of the diverging colours, whose last steps are nearly black


def heat(share: float, colours: Colours) -> QColor:
    """The colour of a share, -1 to 1, of the largest activation: green above zero, purple below, as effects are."""
    return _shade(_MIDDLE + round(_REACH * max(min(share, 1.0), -1.0)), colours)


@cache  # a page paints some hundred tokens; to make the dark table anew for each takes 0.3 ms
def _shade(place: int, colours: Colours) -> QColor:
    return QColor(*(int(part) for part in diverging(colours)[place, :3]))


def ink_on(ground: QColor) -> QColor:
    """Dark or light ink, whichever stands out more: at least 4.5 to 1 on any ground."""
    bright = luminance(ground) + 0.05
    dark, light = luminance(_DARK_INK) + 0.05, luminance(_LIGHT_INK) + 0.05
    return _DARK_INK if bright / dark >= light / bright else _LIGHT_INK


def luminance(colour: QColor) -> float:
    """Relative luminance, 0 to 1. Source: WCAG 2.2."""
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
