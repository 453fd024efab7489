"""A heat map on the GPU: values as float textures, limits as uniforms, its own colour for what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vispy import gloo

from interpviz.render.camera import Camera, Size, affine
from interpviz.render.canvas import program, texture_limit, texture_of
from interpviz.render.colormaps import LEVELS, U1

# A number that stands for a missing one: drivers disagree about NaN in shaders, none about this.
_MISSING = np.float32(3e38)
_LARGEST = np.float32(1e34)

_CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)


class Heat:
    """A matrix (row, column); scene units are cells, y points down.

    Where it is wider than a texture may be (`limit`, else the driver is asked) it is drawn in tiles.
    """

    def __init__(
        self, values: NDArray[np.float32], limits: tuple[float, float], table: U1, limit: int | None = None
    ) -> None:
        self._values = values
        self.limits = limits
        self._table = table
        self._limit = limit
        self._tiles: list[Any] = []

    def recolour(self, table: U1) -> None:
        """Show the values in other colours: 1 KB a tile is uploaded."""
        self._table = table
        for tile in self._tiles:
            tile["u_table"].set_data(np.ascontiguousarray(table[None]))

    def draw(self, camera: Camera, size: Size, scale: float) -> None:
        """Draw into the current framebuffer."""
        if not self._values.size:
            return
        if not self._tiles:
            self._upload(self._limit or texture_limit())
        low, high = self.limits
        for tile in self._tiles:
            tile["u_view"] = affine(camera, size)
            tile["u_size"] = size
            tile["u_limits"] = low, LEVELS / (high - low) if high > low else 0.0
            tile.draw("triangle_strip")

    def forget(self) -> None:
        """Let go of all GL objects."""
        self._tiles = []

    def _upload(self, limit: int) -> None:
        rows, columns = (range(0, side, limit) for side in self._values.shape)
        self._tiles = [self._tile(row, column, limit) for row in rows for column in columns]

    def _tile(self, row: int, column: int, limit: int) -> Any:
        part = self._values[row : row + limit, column : column + limit].astype(np.float32)
        part = np.where(np.isfinite(part), np.clip(part, -_LARGEST, _LARGEST), _MISSING)
        tile = program("heat")
        tile["a_corner"] = gloo.VertexBuffer(_CORNERS)
        tile["u_tile"] = column, row, part.shape[1], part.shape[0]
        tile["u_values"] = gloo.Texture2D(
            part, interpolation="nearest", wrapping="clamp_to_edge", internalformat="r32f", format="red"
        )
        tile["u_table"] = texture_of(self._table)
        return tile
