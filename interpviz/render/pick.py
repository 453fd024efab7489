"""What lies under the pointer: the nearest point by tiles, the nearest node or edge of a circuit. On the CPU, exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interpviz.render.camera import Camera, Size, affine
from interpviz.render.curves import paths
from interpviz.render.tiles import SIDE, TILE_OF, TiledPoints, steps_camera


def nearest_point(
    points: TiledPoints, camera: Camera, size: Size, pixel: tuple[float, float], radius: float = 12.0
) -> int | None:
    """The row of the data whose point is nearest to `pixel`, at most `radius` pixels away; None where there is none.

    Tiles are passed over that cannot hold anything nearer. Of points at the same distance the lowest row wins.
    """
    from interpviz.render import kernels

    ax, bx, ay, by = affine(steps_camera(camera), size)
    columns = _strip(ax, bx, pixel[0], radius)
    rows = _strip(ay, by, pixel[1], radius)
    way = (ax, bx - pixel[0], ay, by - pixel[1])
    found = kernels.nearest(points.xy, points.row, points.starts, TILE_OF, columns, rows, way, float(radius))
    return found if found >= 0 else None


def _strip(a: float, b: float, pixel: float, radius: float) -> tuple[int, int, int]:
    """The first and last column (or row) of tiles within `radius` of a pixel, and the one nearest to it."""
    places = [((side - b) / a + 32768) // SIDE for side in (pixel - radius, pixel, pixel + radius)]
    first, middle, last = sorted(int(min(max(place, -1), SIDE)) for place in places)
    return max(first, 0), min(last, SIDE - 1), min(max(middle, 0), SIDE - 1)


def nearest_node(xy: NDArray[np.float64], pixel: tuple[float, float], radius: float = 30.0) -> int | None:
    """Which of the positions `xy` (node, 2), in pixels, is nearest to `pixel` and at most `radius` away."""
    if not len(xy):
        return None
    away = np.hypot(*(xy - pixel).T)
    nearest = int(np.argmin(away))
    return nearest if away[nearest] <= radius else None


def nearest_edge(ends: NDArray[np.float32], pixel: tuple[float, float], radius: float = 5.0) -> int | None:
    """Which of the drawn curves `ends` (edge, 4), in pixels as `circuits.edge_ends` gives them, passes nearest."""
    if not len(ends):
        return None
    path = paths(ends) - np.asarray(pixel, np.float32)
    start, step = path[:, :-1], np.diff(path, axis=1)
    length = np.maximum((step**2).sum(-1), 1e-9)
    along = np.clip(-(start * step).sum(-1) / length, 0, 1)
    away = np.sqrt(((start + along[..., None] * step) ** 2).sum(-1)).min(axis=1)
    nearest = int(np.argmin(away))
    return nearest if away[nearest] <= radius else None
