"""Heat maps on the CPU: a matrix as 8-bit table entries, so that a new contrast is a new table and no new picture.

The entries and the table are what QImage's Format_Indexed8 takes; scaled up without smoothing, a cell is a rectangle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interpviz.render.camera import Camera, Size, to_scene
from interpviz.render.colormaps import BAD, LEVELS, U1, levels

# Below this many cells numpy is as fast as a compiled loop that would first have to be loaded.
_FEW = 1 << 16


def entries(values: NDArray[np.float32], limits: tuple[float, float]) -> U1:
    """The table entry of every cell of `values` (row, column); what is not finite gets the entry `BAD`."""
    if values.size <= _FEW:
        return levels(values, limits)
    from interpviz.render import kernels

    low, high = limits
    cells = np.ascontiguousarray(values, np.float32)
    found = np.empty(cells.shape, np.uint8)
    scale = LEVELS / (high - low) if high > low else 0.0
    kernels.entries(cells.ravel(), np.float32(low), np.float32(scale), found.ravel())
    return found


def contrast(table: U1, made: tuple[float, float], shown: tuple[float, float]) -> U1:
    """The table that shows entries made with the limits `made` as if the limits were `shown`.

    Exact to one entry of `made`; narrow `shown` far inside `made` shows steps: make the entries again when at rest.
    """
    low, high = made
    middle = low + (np.arange(LEVELS) + 0.5) * (high - low) / LEVELS
    recoloured = table.copy()
    recoloured[:LEVELS] = table[levels(middle, shown)]
    recoloured[BAD] = table[BAD]
    return recoloured


def image(cells: U1, table: U1, camera: Camera, size: Size, background: U1) -> U1:
    """The part of the matrix that the camera shows, as RGBA (height, width, 4): every pixel the colour of its cell.

    Scene units are cells: cell (row, column) covers x from column to column + 1 and y, downwards, from row to row + 1.
    """
    rows, columns = cells.shape
    width, height = size
    x = np.floor(to_scene(camera, size, np.c_[np.arange(width) + 0.5, np.zeros(width)])[:, 0]).astype(int)
    y = np.floor(to_scene(camera, size, np.c_[np.zeros(height), np.arange(height) + 0.5])[:, 1]).astype(int)
    picture = np.empty((height, width, 4), np.uint8)
    picture[:] = background
    across, down = np.flatnonzero((x >= 0) & (x < columns)), np.flatnonzero((y >= 0) & (y < rows))
    if across.size and down.size:
        part = table[cells[np.ix_(y[down], x[across])]]
        picture[down[0] : down[-1] + 1, across[0] : across[-1] + 1] = part
    return picture
