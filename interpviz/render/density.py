"""Clouds on the CPU: few points as smooth dots, many as a picture of their density, in the colours of their categories.

Pure functions that release the interpreter lock: they run on the pictures lane. A million points take a few
milliseconds, ten million some forty.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from interpviz.render.camera import Camera, Size, affine, to_screen
from interpviz.render.colormaps import U1
from interpviz.render.pick import nearest_point
from interpviz.render.tiles import COLUMN_OF, ROW_OF, TiledPoints, in_view, steps_camera, tiled

# More points in view than this are counted per pixel and no longer drawn one by one (100,000 dots: 9 ms).
DOTS = 100_000

# Dots are slightly transparent, so that a crowd looks denser than a few; single pixels must add up over hundreds.
FILL = 0.88
FAINT = 0.4
# Logical pixels of the rim around a dot.
RIM = 0.7


@dataclass(frozen=True)
class Mark:
    """A point that stands out: larger, with a ring. `xy` in the unit box, colours RGBA, `grow` times a dot's radius."""

    xy: tuple[float, float]
    fill: tuple[int, int, int, int]
    ring: tuple[int, int, int, int]
    grow: float = 1.8


def cloud_image(
    points: TiledPoints,
    camera: Camera,
    size: Size,
    colours: U1,
    background: U1,
    marks: tuple[Mark, ...] = (),
    scale: float = 1.0,
    share: float = 1.0,
) -> U1:
    """The cloud as RGBA (height, width, 4).

    `colours` (256, 4) by category; `scale` is device pixels per logical pixel; `share` of every tile's points is drawn
    (a level of detail while the camera moves). Marks are drawn last, the last on top.
    """
    width, height = max(size[0], 1), max(size[1], 1)
    visible = in_view(points, camera)
    radius = dot_radius(visible, (width, height), scale)
    if visible * share > DOTS:
        image = _density(points, camera, (width, height), colours, background, share)
    else:
        image = plain((width, height), background)
        _dots(image, points, camera, colours, background, radius, scale, share)
    _marks(image, marks, camera, radius, scale)
    _load_pick()
    return image


def plain(size: Size, background: U1) -> U1:
    """An image of nothing but the background (4,)."""
    pixels = np.full((size[1], size[0]), background.view(np.uint32)[0], np.uint32)
    return pixels.view(np.uint8).reshape(size[1], size[0], 4)


def dot_radius(visible: int, size: Size, scale: float) -> float:
    """Radius of a dot in device pixels: 1.5 to 4 logical ones; together they would cover a quarter of the picture."""
    logical = np.sqrt(0.25 * size[0] * size[1] / (np.pi * max(visible, 1))) / scale
    return float(np.clip(logical, 1.5, 4.0) * scale)


def rim_opacity(radius: float, scale: float) -> float:
    """Opacity of the rim in the background's colour: it keeps neighbours apart, but small dots would lose by it."""
    return 0.55 if radius >= 2.0 * scale else 0.0


@cache
def _load_pick() -> None:
    """Load the loop of `pick` where the picture is drawn: the pointer will ask for it on the window's thread."""
    nearest_point(tiled(np.zeros((1, 2), np.float32)), Camera(), (2, 2), (0.0, 0.0))


def _density(points: TiledPoints, camera: Camera, size: Size, colours: U1, background: U1, share: float) -> U1:
    from interpviz.render import kernels

    way = affine(steps_camera(camera), size)
    sums = np.zeros((size[0] * size[1], 2), np.uint64)
    weights = colours.astype(np.uint32)
    weights[:, 3] = 1
    pairs = weights.view(np.uint64)
    kernels.count(points.xy, points.category, points.starts, COLUMN_OF, ROW_OF, share, way, pairs, sums, size)
    pixels = sums.view(np.uint32).reshape(size[1], size[0], 4)
    image = np.empty(pixels.shape, np.uint8)
    kernels.tone(pixels, opacity(pixels[..., 3]), background, image)
    return image


def opacity(counts: NDArray[np.uint32]) -> NDArray[np.float32]:
    """How opaque a pixel of n points is, for n from 0 to the 99.9 percentile of the pixels that hold any.

    It grows with log(1 + n), from 0.4 for a single point, so that a lone point is seen and a crowd still has shape.
    """
    sample = counts[:: max(counts.shape[0] // 64, 1)]
    held = sample[sample > 0]
    most = int(np.clip(np.percentile(held, 99.9) if held.size else 1, 1, 65535))
    shades = np.linspace(0, most, most + 1, dtype=np.float32)
    shades = np.float32(0.4) + np.float32(0.6 / np.log1p(most)) * np.log1p(shades)
    shades[0] = 0.0
    return shades


def _dots(
    image: U1,
    points: TiledPoints,
    camera: Camera,
    colours: U1,
    background: U1,
    radius: float,
    scale: float,
    share: float,
) -> None:
    from interpviz.render import kernels

    height, width = image.shape[:2]
    places = _places(points, camera, share)
    ax, bx, ay, by = affine(steps_camera(camera), (width, height))
    xy = (points.xy[places] * (ax, ay) + (bx, by)).astype(np.float32)
    masks = kernels.dot_masks(radius, FILL, rim_opacity(radius, scale), RIM * scale)
    fill = np.ascontiguousarray(colours).view(np.uint32).ravel()[points.category[places]]
    kernels.dots(image.view(np.uint32)[..., 0], xy, masks, fill, background.view(np.uint32)[0])


def _places(points: TiledPoints, camera: Camera, share: float) -> NDArray[np.intp]:
    """The points to draw, in the order of their rows in the data, which is the same from frame to frame."""
    left, bottom, right, top = (v * 65535.0 - 32768 for v in (camera.left, camera.bottom, camera.right, camera.top))
    margin = 0.02 * abs(right - left)
    x, y = points.xy[:, 0], points.xy[:, 1]
    near = (
        (x >= left - margin)
        & (x <= right + margin)
        & (y >= min(bottom, top) - margin)
        & (y <= max(bottom, top) + margin)
    )
    if share < 1:
        counts = np.diff(points.starts)
        first = np.repeat(points.starts[:-1], counts)
        near &= np.arange(len(x)) - first < np.ceil(np.repeat(counts, counts) * share)
    places = np.flatnonzero(near)
    return places[np.argsort(points.row[places], kind="stable")]


def _marks(image: U1, marks: tuple[Mark, ...], camera: Camera, radius: float, scale: float) -> None:
    if not marks:
        return
    from interpviz.render import kernels

    n = len(marks)
    at = to_screen(camera, (image.shape[1], image.shape[0]), [mark.xy for mark in marks])
    kernels.stamp(
        image,
        at.astype(np.float32),
        np.array([radius * mark.grow for mark in marks], np.float32),
        np.zeros(n, np.uint8),
        np.array([mark.fill for mark in marks], np.uint8),
        np.array([mark.ring for mark in marks], np.uint8),
        np.full(n, 1.6 * scale, np.float32),
    )
