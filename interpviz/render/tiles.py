"""Points in five bytes each, sorted by tile: what both roads draw and what `pick` searches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from interpviz.render.camera import Camera

# 256 x 256 tiles of the unit box: 4 by 4 pixels in a picture of 1,000, so that one tile's pixels stay in the L1 cache.
SIDE = 256
_STEPS = 65535.0


_GRID = np.arange(SIDE)
# Eight bits moved to the even places of sixteen.
_SPREAD = np.sum([(_GRID >> bit & 1) << 2 * bit for bit in range(8)], axis=0)
# The place in the Morton order of tile (column, row), and the other way round.
TILE_OF = (_SPREAD[:, None] | (_SPREAD[None, :] << 1)).astype(np.int32)
COLUMN_OF = np.empty(SIDE * SIDE, np.uint8)
ROW_OF = np.empty(SIDE * SIDE, np.uint8)
COLUMN_OF[TILE_OF] = np.broadcast_to(_GRID[:, None], TILE_OF.shape)
ROW_OF[TILE_OF] = np.broadcast_to(_GRID[None, :], TILE_OF.shape)


@dataclass(frozen=True, eq=False)
class TiledPoints:
    """Points in the unit box, sorted by tile in Morton order and at random inside a tile.

    `xy` (n, 2) i2 steps of 1/65535 from -32768, `category` (n,) u1, `row` (n,) i4 the given row of each, `place` the
    place of each given row (-1 where it was missing), `starts` (65537,) i4 the first point of each tile. `missing` rows
    had no finite position. The first k of a tile are a random sample: a level of detail.
    """

    xy: NDArray[np.int16]
    category: NDArray[np.uint8]
    row: NDArray[np.int32]
    place: NDArray[np.int32]
    starts: NDArray[np.int32]
    missing: int

    def position(self, row: int) -> tuple[float, float] | None:
        """Where the given row lies in the unit box; None where it is missing."""
        place = int(self.place[row])
        if place < 0:
            return None
        x, y = (self.xy[place].astype(np.float64) + 32768) / _STEPS
        return float(x), float(y)

    def coloured(self, category: NDArray[np.uint8]) -> TiledPoints:
        """The same points with another category (given row,)."""
        return replace(self, category=category[self.row])


def tiled(xy: NDArray[np.float32], category: NDArray[np.uint8] | None = None, seed: int = 0) -> TiledPoints:
    """Sort points `xy` (n, 2) in the unit box with their `category` (n,); rows that are not finite are left out.

    Positions outside the box are moved to its border.
    """
    given = np.zeros(len(xy), np.uint8) if category is None else category
    known = np.isfinite(xy[:, 0]) & np.isfinite(xy[:, 1])
    steps = np.round(np.clip(np.where(known[:, None], xy, 0), 0, 1) * np.float32(_STEPS)).astype(np.uint16)
    tile = TILE_OF[steps[:, 0] >> 8, steps[:, 1] >> 8]
    rows = _shuffled(tile, seed)
    rows = rows[known[rows]]
    starts = np.zeros(SIDE * SIDE + 1, np.int32)
    np.cumsum(np.bincount(tile[known], minlength=SIDE * SIDE), out=starts[1:])
    place = np.full(len(xy), -1, np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    signed = (steps[rows] ^ np.uint16(0x8000)).view(np.int16)
    return TiledPoints(signed, given[rows], rows, place, starts, len(xy) - len(rows))


def _shuffled(tile: NDArray[np.int32], seed: int) -> NDArray[np.int32]:
    """Rows by tile, at random inside a tile. One sort of packed words; an argsort takes eight times longer."""
    chance = np.random.default_rng(seed).integers(0, 1 << 16, len(tile), np.uint16)
    words = tile.astype(np.uint64) << 48 | chance.astype(np.uint64) << 32 | np.arange(len(tile), dtype=np.uint64)
    words.sort()
    return (words & 0xFFFFFFFF).astype(np.int32)


def steps_camera(camera: Camera) -> Camera:
    """The same rectangle in the i2 steps of `TiledPoints.xy`."""
    left, bottom, right, top = (v * _STEPS - 32768 for v in (camera.left, camera.bottom, camera.right, camera.top))
    return Camera(left, bottom, right, top)


def in_view(points: TiledPoints, camera: Camera) -> int:
    """How many points lie in tiles that the camera touches."""
    columns = _touched(camera.left, camera.right)
    rows = _touched(min(camera.bottom, camera.top), max(camera.bottom, camera.top))
    if columns == rows == slice(0, SIDE):
        return len(points.xy)
    return int(np.diff(points.starts)[TILE_OF[columns, rows]].sum())


def _touched(low: float, high: float) -> slice:
    first, last = (int(np.clip(np.floor(v * _STEPS / SIDE), -1, SIDE)) for v in (low, high))
    return slice(max(first, 0), min(last + 1, SIDE))
