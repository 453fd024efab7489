"""Compiled loops that draw curved edges on the CPU. Import it where it is needed, like `kernels`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interpviz.render.curves import PIECES, point
from interpviz.render.kernels import F4, I4, U1, compiled

curve_point = compiled(point)


@compiled
def cover_piece(
    cover: U1, spans: I4, ax: float, ay: float, bx: float, by: float, half: float, clip: tuple[int, int]
) -> None:
    """Raise `cover` to what a line from a to b of half width `half` covers; widen `spans` (row, first and last)."""
    width, height = clip
    dx, dy = bx - ax, by - ay
    length2 = max(dx * dx + dy * dy, 1e-9)
    reach = half + 0.5
    dx32, dy32, scale = np.float32(dx), np.float32(dy), np.float32(1 / length2)
    edge, outer, from_x = np.float32(reach), np.float32(reach * reach), np.float32(0.5 - ax)
    # How far a row's stretch of the line reaches to each side of where the row's centre meets the line.
    wide = reach * np.sqrt(length2) / abs(dy) if abs(dy) > 1e-6 else 1e9
    for y in range(max(int(np.floor(min(ay, by) - reach)), 0), min(int(np.ceil(max(ay, by) + reach)), height)):
        low, high = min(ax, bx) - reach, max(ax, bx) + reach
        if wide < 1e8:
            middle = ax + (y + 0.5 - ay) * dx / dy
            low, high = max(low, min(middle, max(ax, bx)) - wide), min(high, max(middle, min(ax, bx)) + wide)
        first, last = max(int(np.floor(low)), 0), min(int(np.ceil(high)), width)
        line, py = cover[y], np.float32(y + 0.5 - ay)
        for x in range(np.uintp(first), np.uintp(max(last, first))):
            px = np.float32(x) + from_x
            t = min(max((px * dx32 + py * dy32) * scale, np.float32(0)), np.float32(1))
            d2 = (px - t * dx32) ** 2 + (py - t * dy32) ** 2
            if d2 < outer:
                value = np.uint8(np.float32(255) * min(edge - np.sqrt(d2), np.float32(1)))
                line[x] = max(line[x], value)
        if first < last:
            spans[y, 0], spans[y, 1] = min(spans[y, 0], first), max(spans[y, 1], last)


@compiled
def lay_under(layer: F4, cover: U1, spans: I4, y0: int, y1: int, colour: U1, opacity: float) -> None:
    """Put what `cover` holds beneath what the layer (premultiplied RGBA, 0 to 1) shows, and clear cover and spans."""
    for y in range(y0, y1):
        for x in range(spans[y, 0], spans[y, 1]):
            if cover[y, x]:
                alpha = np.float32(cover[y, x] * opacity / 255)
                part = alpha * (np.float32(1) - layer[y, x, 3])
                for k in range(3):
                    layer[y, x, k] += part * np.float32(colour[k]) * np.float32(1 / 255)
                layer[y, x, 3] += part
                cover[y, x] = 0
        spans[y, 0], spans[y, 1] = cover.shape[1], 0


@compiled
def draw_under(layer: F4, cover: U1, spans: I4, ends: F4, width: F4, colour: U1, first: int, last: int) -> None:
    """Draw curves `first` to `last` beneath those drawn before: the most important come first.

    `ends` (edge, 4) in pixels, `width` (edge,) pixels (under one: fainter), `colour` (edge, 4); `cover` (height, width)
    zeros and `spans` (height, 2) are scratch and are left as they were found: empty.
    """
    size = cover.shape[1], cover.shape[0]
    for i in range(first, last):
        half = max(width[i], 1.0) / 2
        opacity = colour[i, 3] / 255.0 * min(width[i], 1.0)
        up, down = size[1], 0
        from_x, from_y, to_x, to_y = ends[i, 0], ends[i, 1], ends[i, 2], ends[i, 3]
        ax, ay = from_x, from_y
        for piece in range(1, PIECES + 1):
            bx, by = curve_point(from_x, from_y, to_x, to_y, piece / PIECES)
            cover_piece(cover, spans, ax, ay, bx, by, half, size)
            up = min(up, int(np.floor(min(ay, by) - half - 1)))
            down = max(down, int(np.ceil(max(ay, by) + half + 1)))
            ax, ay = bx, by
        lay_under(layer, cover, spans, max(up, 0), min(down, size[1]), colour[i], opacity)


@compiled
def over(layer: F4, background: U1, image: U1) -> None:
    """The layer over a plain background, into an opaque image."""
    for y in range(layer.shape[0]):
        for x in range(layer.shape[1]):
            rest = np.float32(1) - layer[y, x, 3]
            for k in range(3):
                image[y, x, k] = np.uint8(layer[y, x, k] * 255 + background[k] * rest + np.float32(0.5))
            image[y, x, 3] = 255


def scratch(size: tuple[int, int]) -> tuple[F4, U1, NDArray[np.int32]]:
    """An empty layer, and the `cover` and `spans` that `draw_under` wants, for a picture of (width, height)."""
    width, height = size
    spans = np.zeros((height, 2), np.int32)
    spans[:, 0] = width
    return np.zeros((height, width, 4), np.float32), np.zeros((height, width), np.uint8), spans
