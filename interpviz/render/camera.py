"""Which rectangle of the scene a picture shows, and the way between scene and screen. Both roads use it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Size = tuple[int, int]

# A camera narrower than this share of its bounds shows the steps of 16-bit positions.
_DEEPEST = 1e-3


@dataclass(frozen=True)
class Camera:
    """A rectangle in scene units. y points up where `top > bottom`, down (rows of a matrix) where `top < bottom`."""

    left: float = 0.0
    bottom: float = 0.0
    right: float = 1.0
    top: float = 1.0

    @property
    def span(self) -> tuple[float, float]:
        """Width and height in scene units; the height is negative where y points down."""
        return self.right - self.left, self.top - self.bottom

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the picture, in scene units."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def affine(camera: Camera, size: Size) -> tuple[float, float, float, float]:
    """`ax, bx, ay, by` of `screen x = ax * x + bx` and `screen y = ay * y + by`, pixels from the upper left corner."""
    (width, height), (across, up) = (max(size[0], 1), max(size[1], 1)), camera.span
    return width / across, -camera.left * width / across, -height / up, camera.top * height / up


def to_screen(camera: Camera, size: Size, xy: ArrayLike) -> NDArray[np.float64]:
    """Where scene positions `xy` (..., 2) lie on the screen, in pixels from the upper left corner."""
    ax, bx, ay, by = affine(camera, size)
    return np.asarray(xy, np.float64) * (ax, ay) + (bx, by)


def to_scene(camera: Camera, size: Size, pixels: ArrayLike) -> NDArray[np.float64]:
    """Which scene positions lie under the screen positions `pixels` (..., 2)."""
    ax, bx, ay, by = affine(camera, size)
    return (np.asarray(pixels, np.float64) - (bx, by)) / (ax, ay)


def fit(bounds: Camera, size: Size, margin: float = 0.0, square: bool = True) -> Camera:
    """The camera that shows all of `bounds` with `margin` pixels free around them.

    `square`: a unit is equally long on both axes. Sizes too small for the margin are shown without one.
    """
    width, height = (float(max(side, 1)) for side in size)
    inner = max(width - 2 * margin, 1.0), max(height - 2 * margin, 1.0)
    across, up = bounds.span
    unit = across / inner[0], abs(up) / inner[1]
    if square:
        unit = (max(unit),) * 2
    return _around(bounds.centre, (unit[0] * width, np.copysign(unit[1] * height, up)))


def pan(camera: Camera, size: Size, moved: tuple[float, float]) -> Camera:
    """The camera after the scene was dragged by `moved` pixels (right, down)."""
    ax, _, ay, _ = affine(camera, size)
    dx, dy = moved[0] / ax, moved[1] / ay
    return Camera(camera.left - dx, camera.bottom - dy, camera.right - dx, camera.top - dy)


def zoom_at(
    camera: Camera, size: Size, pixel: tuple[float, float], factor: float, bounds: Camera | None = None
) -> Camera:
    """The camera magnified by `factor` so that what lies under `pixel` stays there.

    With `bounds` the picture never shows less than a thousandth or more than four times of their width.
    """
    across = camera.span[0]
    if bounds is not None:
        full = abs(bounds.span[0])
        factor = float(np.clip(factor, across / (4 * full), across / (_DEEPEST * full)))
    x, y = (float(v) for v in to_scene(camera, size, pixel))
    return Camera(
        x + (camera.left - x) / factor,
        y + (camera.bottom - y) / factor,
        x + (camera.right - x) / factor,
        y + (camera.top - y) / factor,
    )


def resize(camera: Camera, old: Size, new: Size) -> Camera:
    """The camera that keeps centre and magnification when the picture changes from `old` to `new` pixels."""
    across, up = camera.span
    return _around(camera.centre, (across * new[0] / max(old[0], 1), up * new[1] / max(old[1], 1)))


def _around(centre: tuple[float, float], span: tuple[float, float]) -> Camera:
    (x, y), (across, up) = centre, span
    return Camera(x - across / 2, y - up / 2, x + across / 2, y + up / 2)
