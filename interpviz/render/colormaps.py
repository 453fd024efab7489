"""Colour tables: (256, 4) u1, RGBA. Sequential viridis, cividis, batlow; diverging PRGn, vik; and categories.

Nothing here is red against green alone. Backgrounds are handed in by whoever knows the theme.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]

Sequential = Literal["viridis", "cividis", "batlow"]
Diverging = Literal["PRGn", "vik"]

_CATALOGUE = {
    "viridis": "bids:viridis",
    "cividis": "cividis:cividis",
    "batlow": "crameri:batlow",
    "PRGn": "colorbrewer:PRGn",
    "vik": "crameri:vik",
}

# Table entry for what has no value. A table shows limits with entries 0 to 254, so that no value looks missing.
BAD = 255
LEVELS = 255

# First the six of Okabe and Ito 2008 that are seen on light and dark, then six that stay furthest from all before
# them in OKLab under normal sight and three kinds of colour blindness. All stand at 2.2:1 or more on #ffffff.
_CATEGORIES = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00",
    "#6f2fe0", "#994433", "#9f86ff", "#775577", "#cc33cc", "#8a8a00",
)  # fmt: skip


def colour(text: str, alpha: int = 255) -> U1:
    """`#rrggbb` as (4,) u1."""
    return np.frombuffer(bytes.fromhex(text.removeprefix("#")) + bytes([alpha]), np.uint8).copy()


@cache
def table(name: Sequential | Diverging, bad: str = "#ff00ff") -> U1:
    """The colours of the map `name`, low to high in entries 0 to 254; entry 255 is the colour of a missing value."""
    from cmap import Colormap

    colours = np.round(np.asarray(Colormap(_CATALOGUE[name])(np.linspace(0, 1, LEVELS))) * 255).astype(np.uint8)
    return _frozen(np.vstack([colours, colour(bad)]))


@cache
def ramp(name: Sequential, dark: bool) -> U1:
    """The map `name` for marks on a background: the end that would sink into the background is left out."""
    full = table(name)
    first, last = (64, 254) if dark else (0, 214)
    return _frozen(full[np.linspace(first, last, 256).round().astype(int)])


@cache
def categories(cycle: int = 12, dark: bool = False) -> U1:
    """A colour for each category 0 to 255: the first `cycle` colours (at most 12), over and over.

    `dark` says that the background is: the colours are then a quarter lighter.
    """
    colours = np.array([colour(text) for text in _CATEGORIES[:cycle]])
    if dark:
        colours = np.round(colours + (255.0 - colours) * 0.25).astype(np.uint8)
    return _frozen(np.resize(colours, (256, 4)))


def levels(values: ArrayLike, limits: tuple[float, float]) -> U1:
    """The table entry of each value: 0 at or below the lower limit, 254 at or above the upper, 255 where not finite.

    An infinite value is missing too: a colour would claim that it was measured.
    """
    given = np.asarray(values, np.float32)
    low, high = limits
    scaled = (given - np.float32(low)) * np.float32(LEVELS / (high - low) if high > low else 0.0)
    entries: U1 = np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0).clip(0, LEVELS - 1).astype(np.uint8)
    entries[~np.isfinite(given)] = BAD
    return entries


def signed(weights: ArrayLike, limit: float, dark: bool) -> U1:
    """Colours (n, 4) of signed weights: PRGn's green for positive, purple for negative, never its pale middle.

    The size of a weight is shown by its opacity, from a quarter at zero to nine tenths at `limit`.
    """
    given = np.asarray(weights, np.float32)
    size = np.sqrt(np.clip(np.abs(given) / limit, 0, 1))
    ends = table("PRGn")[[52, 204] if dark else [22, 232]]
    colours: U1 = ends[(given > 0).astype(int)]
    colours[:, 3] = np.round(255 * (0.25 + 0.65 * size)).astype(np.uint8)
    return colours


def _frozen(values: U1) -> U1:
    values.setflags(write=False)
    return values
