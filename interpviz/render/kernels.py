"""Compiled loops of the CPU road. Import it where it is needed and never at the top: numba takes half a second.

Every kernel releases the interpreter lock and is kept on disk. Pixels are counted from the upper left corner; the
centre of pixel i is at i + 0.5. Coverage of an edge is its distance to the pixel's centre, clipped to one pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")

U1 = NDArray[np.uint8]
U4 = NDArray[np.uint32]
U8 = NDArray[np.uint64]
I4 = NDArray[np.int32]
F4 = NDArray[np.float32]

# Shapes of glyphs, as in glsl/glyphs.frag.
CIRCLE, SQUARE, DIAMOND, PILL = range(4)


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call, keep the machine code on disk, release the interpreter lock while it runs."""
    return cast(Callable[P, R], numba.njit(nogil=True, cache=True, error_model="numpy")(function))


@compiled
def entries(values: F4, low: np.float32, scale: np.float32, found: U1) -> None:
    """Table entries of `values`: 0 to 254 over the limits, 255 where not finite. As `colormaps.levels`."""
    top = np.float32(254)
    for i in range(values.size):
        value = values[i]
        step = (value - low) * scale
        step = min(max(step, np.float32(0)), top)
        found[i] = np.uint8(step) if abs(value) < np.inf else np.uint8(255)


@compiled
def stretch(tile: int, a: float, b: float) -> tuple[float, float]:
    """The pixels from which and to which a column (or row) of tiles reaches."""
    low = a * (float(tile) * 256 - 32768) + b
    high = low + a * 255
    return min(low, high), max(low, high)


@compiled
def count(
    xy: NDArray[np.int16],
    category: U1,
    starts: I4,
    columns: U1,
    rows: U1,
    share: float,
    way: tuple[float, float, float, float],
    colours: U8,
    sums: U8,
    size: tuple[int, int],
) -> None:
    """Add to `sums` (pixel, 2) the colours of the first `share` of every tile's points.

    A colour (256, 2) is four u4 in two u8: red, green, blue, one; so is a sum, exact up to 16 million points a pixel.
    `way` leads from steps to pixels: x = ax * step + bx. Tiles outside are skipped, points of tiles inside not tested.
    Places are unsigned: numba then leaves out the test for counting from the end (10M points: 80 ms to 62).
    """
    width, height = size
    across, one, zero = np.uintp(width), np.uintp(1), np.uintp(0)
    ax, bx, ay, by = np.float32(way[0]), np.float32(way[1]), np.float32(way[2]), np.float32(way[3])
    for tile in range(columns.size):
        first, last = starts[tile], starts[tile + 1]
        if first == last:
            continue
        left, right = stretch(columns[tile], way[0], way[1])
        up, down = stretch(rows[tile], way[2], way[3])
        if right < 0 or left >= width or down < 0 or up >= height:
            continue
        inside = left >= 0.01 and right < width - 0.01 and up >= 0.01 and down < height - 0.01
        last = first + np.int32(np.ceil((last - first) * share))
        for i in range(np.uintp(first), np.uintp(last)):
            x = ax * np.float32(xy[i, zero]) + bx
            y = ay * np.float32(xy[i, one]) + by
            if inside or (x >= 0 and x < width and y >= 0 and y < height):
                cell = np.uintp(np.int32(y)) * across + np.uintp(np.int32(x))
                entry = np.uintp(category[i])
                sums[cell, zero] += colours[entry, zero]
                sums[cell, one] += colours[entry, one]


@compiled
def nearest(
    xy: NDArray[np.int16],
    row: I4,
    starts: I4,
    tile_of: I4,
    columns: tuple[int, int, int],
    rows: tuple[int, int, int],
    way: tuple[float, float, float, float],
    radius: float,
) -> int:
    """The row of the point nearest to (0, 0), in pixels that `way` leads to, at most `radius` away; else -1.

    `columns` and `rows` are the first, the last and the most likely of the tiles to look at; that tile comes first.
    """
    ax, bx, ay, by = way
    best, found = radius * radius, -1
    for turn in range((columns[1] - columns[0] + 1) * (rows[1] - rows[0] + 1) + 1):
        down = rows[1] - rows[0] + 1
        column = columns[2] if turn == 0 else columns[0] + (turn - 1) // down
        line = rows[2] if turn == 0 else rows[0] + (turn - 1) % down
        left, right = stretch(column, ax, bx)
        top, bottom = stretch(line, ay, by)
        if max(left, -right, 0.0) ** 2 + max(top, -bottom, 0.0) ** 2 > best:
            continue
        tile = tile_of[column, line]
        for i in range(starts[tile], starts[tile + 1]):
            x, y = ax * xy[i, 0] + bx, ay * xy[i, 1] + by
            away = x * x + y * y
            if away < best or (away == best and (found < 0 or row[i] < found)):
                best, found = away, row[i]
    return found


@compiled
def tone(sums: U4, opacity: F4, background: U1, image: U1) -> None:
    """Each pixel's mean colour over the background, as opaque as `opacity` (count,) says; more counts as the last."""
    most = np.uint32(opacity.size - 1)
    for y in range(sums.shape[0]):
        for x in range(sums.shape[1]):
            n = sums[y, x, 3]
            if n == 0:
                for k in range(3):
                    image[y, x, k] = background[k]
            else:
                alpha = opacity[min(n, most)]
                part = alpha / np.float32(n)
                for k in range(3):
                    mixed = np.float32(background[k]) * (np.float32(1) - alpha) + np.float32(sums[y, x, k]) * part
                    image[y, x, k] = np.uint8(mixed + np.float32(0.5))
            image[y, x, 3] = 255


@compiled
def distance(shape: int, x: float, y: float, radius: float) -> float:
    """Signed distance in pixels from (x, y) to the border of a shape around the origin; negative inside.

    The shapes cover about the same area as the circle of `radius`, but the pill, which is a wide one.
    """
    if shape == 0:
        return float(np.sqrt(x * x + y * y)) - radius
    if shape == 2:
        return (abs(x) + abs(y) - 1.25 * radius) * 0.7071067811865476
    half_x, half_y, corner = 0.88 * radius, 0.88 * radius, 0.18 * radius
    if shape == 3:
        half_x, half_y, corner = 1.3 * radius, 0.8 * radius, 0.8 * radius
    dx, dy = abs(x) - half_x + corner, abs(y) - half_y + corner
    outside = float(np.sqrt(max(dx, 0.0) ** 2 + max(dy, 0.0) ** 2))
    return outside + min(max(dx, dy), 0.0) - corner


@compiled
def stamp(image: U1, xy: F4, radius: F4, shape: U1, fill: U1, rim: U1, rim_width: F4) -> None:
    """Draw shapes with a rim around them onto an opaque image, one after another.

    `xy` (n, 2) and `radius` (n,) in pixels, `fill` and `rim` (n, 4) RGBA, `rim_width` (n,) pixels outside the radius.
    """
    height, width = image.shape[:2]
    for i in range(xy.shape[0]):
        cx, cy, r, edge = xy[i, 0], xy[i, 1], radius[i], rim_width[i]
        reach = (1.3 * r if shape[i] else r) + edge + 1
        x0, x1 = max(int(np.floor(cx - reach)), 0), min(int(np.ceil(cx + reach)), width)
        y0, y1 = max(int(np.floor(cy - reach)), 0), min(int(np.ceil(cy + reach)), height)
        inside, outside = fill[i, 3] / 255.0, rim[i, 3] / 255.0
        for y in range(y0, y1):
            for x in range(x0, x1):
                d = distance(shape[i], x + 0.5 - cx, y + 0.5 - cy, r)
                if d >= edge + 0.5:
                    continue
                core = min(max(0.5 - d, 0.0), 1.0)
                ring = min(max(0.5 - d + edge, 0.0), 1.0) - core
                a, b = np.float32(core * inside), np.float32(ring * outside)
                rest = np.float32(1) - a - b
                for k in range(3):
                    mixed = image[y, x, k] * rest + fill[i, k] * a + rim[i, k] * b
                    image[y, x, k] = np.uint8(mixed + np.float32(0.5))


# Dots are stamped from masks at 8 x 8 places inside a pixel: an eighth of a pixel is finer than an eye sees.
FINE = 8


@compiled
def dots(image: U4, xy: F4, masks: U4, fill: U4, rim: np.uint32) -> None:
    """Draw equal dots at `xy` (n, 2) pixels onto an opaque image, one after another, in the colours `fill` (n,).

    Image (height, width) and colours are RGBA bytes in one u4. `masks` (8, 8, side, side) u4 is the opacity, 0 to 255,
    of the dot (low byte) and of its rim (next byte) by eighths of a pixel: (row, column) of the place. Two channels are
    mixed in one multiplication: with 8-bit weights that sum to 256 they cannot run into each other.
    """
    height, width = image.shape
    side = masks.shape[2]
    half = side // 2
    even, byte, eight = np.uint32(0x00FF00FF), np.uint32(255), np.uint32(8)
    rim_even, rim_odd = rim & even, (rim >> eight) & byte
    for i in range(xy.shape[0]):
        x, y = np.int32(np.floor(xy[i, 0])), np.int32(np.floor(xy[i, 1]))
        mask = masks[np.int32((xy[i, 1] - y) * FINE), np.int32((xy[i, 0] - x) * FINE)]
        left, top = x - half, y - half
        first, last = max(-left, 0), min(side, width - left)
        even_fill, odd_fill = fill[i] & even, (fill[i] >> eight) & byte
        for row in range(max(-top, 0), min(side, height - top)):
            line, weights = image[top + row], mask[row]
            for column in range(first, last):
                weight = weights[column]
                a, b = weight & byte, weight >> eight
                rest = np.uint32(256) - a - b
                old = line[left + column]
                new_even = ((old & even) * rest + even_fill * a + rim_even * b) >> eight
                new_odd = ((old >> eight) & byte) * rest + odd_fill * a + rim_odd * b
                line[left + column] = (new_even & even) | (new_odd & np.uint32(0xFF00)) | np.uint32(0xFF000000)


def dot_masks(radius: float, fill: float, rim: float, rim_width: float) -> U4:
    """The masks of `dots`: a disc of `radius` pixels and opacity `fill` inside a ring of `rim_width` pixels."""
    half = int(np.ceil(radius + rim_width + 0.5))
    at = np.arange(-half, half + 1) + 0.5
    place = (np.arange(FINE) + 0.5) / FINE
    offset = at[None, :] - place[:, None]
    away = np.hypot(offset[:, None, :, None], offset[None, :, None, :]) - radius
    core = np.clip(0.5 - away, 0, 1)
    ring = np.clip(0.5 - away + rim_width, 0, 1) - core
    low, high = (np.round(part * 255).astype(np.uint32) for part in (core * fill, ring * rim))
    return np.bitwise_or(low, np.left_shift(high, 8), dtype=np.uint32)
