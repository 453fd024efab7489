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

    Tiles are looked at nearest first, and only while one could still hold something nearer. Of points at the same
    distance the lowest row wins.
    """
    ax, bx, ay, by = affine(steps_camera(camera), size)
    best, found = radius * radius, -1
    tiles, bounds = _tiles_around(ax, bx, ay, by, pixel, radius)
    for tile, bound in zip(tiles.tolist(), bounds.tolist(), strict=True):
        if bound > best:
            break
        first, last = points.starts[tile : tile + 2]
        if first == last:
            continue
        x = points.xy[first:last, 0] * ax + (bx - pixel[0])
        y = points.xy[first:last, 1] * ay + (by - pixel[1])
        away = x * x + y * y
        nearest = float(away.min())
        if nearest > best:
            continue
        row = int(points.row[first:last][away == nearest].min())
        found = row if nearest < best or found < 0 else min(found, row)
        best = nearest
    return found if found >= 0 else None


def _tiles_around(
    ax: float, bx: float, ay: float, by: float, pixel: tuple[float, float], radius: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The tiles that a circle may touch, nearest first, and the square of the pixels to the nearest place of each."""
    columns, across = _strip(ax, bx, pixel[0], radius)
    rows, down = _strip(ay, by, pixel[1], radius)
    tiles = TILE_OF[columns, rows].ravel()
    bounds = (across[:, None] ** 2 + down[None, :] ** 2).ravel()
    order = np.argsort(bounds, kind="stable")
    return tiles[order], bounds[order]


def _strip(a: float, b: float, pixel: float, radius: float) -> tuple[slice, NDArray[np.float64]]:
    """The columns (or rows) of tiles within `radius` of a pixel, and how many pixels away each begins."""
    ends = sorted((side - b) / a for side in (pixel - radius, pixel + radius))
    first, last = (int(np.clip((end + 32768) // SIDE, -1, SIDE)) for end in ends)
    columns = slice(max(first, 0), min(last + 1, SIDE))
    low = a * (np.arange(columns.start, columns.stop) * SIDE - 32768.0) + b
    high = low + a * (SIDE - 1)
    return columns, np.maximum(np.maximum(np.minimum(low, high) - pixel, pixel - np.maximum(low, high)), 0.0)


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
