"""The edges of a circuit on the GPU: curved ribbons in one buffer; pruning is one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from vispy import gloo

from interpviz.render.camera import Camera, Size, affine
from interpviz.render.canvas import program
from interpviz.render.circuits import Edges
from interpviz.render.curves import PIECES

_LAYOUT = np.dtype(
    [
        ("a_ends", np.float32, 4),
        ("a_place", np.float32, 2),
        ("a_width", np.float32),
        ("a_colour", np.float32, 4),
        ("a_rank", np.float32),
    ]
)


class Ribbons:
    """All edges in one buffer, the most important last and so on top. 48 bytes a corner, 52 corners an edge."""

    def __init__(self, edges: Edges, kept: int | None = None) -> None:
        self._edges = edges
        self.kept = len(edges.ends) if kept is None else kept
        self._program: Any = None

    def draw(self, camera: Camera, size: Size, scale: float) -> None:
        """Draw the first `kept` edges into the current framebuffer."""
        if not len(self._edges.ends) or not self.kept:
            return
        if self._program is None:
            self._program = program("edges")
            self._program.bind(gloo.VertexBuffer(_corners(self._edges)))
        self._program["u_view"] = affine(camera, size)
        self._program["u_size"] = size
        self._program["u_scale"] = scale
        self._program["u_kept"] = float(self.kept)
        self._program.draw("triangle_strip")

    def forget(self) -> None:
        """Let go of all GL objects."""
        self._program = None


def _corners(edges: Edges) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """One strip through all edges: the first and last corner of each stand twice, so that the strip jumps unseen."""
    t = np.repeat(np.linspace(0, 1, PIECES + 1), 2)
    side = np.tile([-1.0, 1.0], PIECES + 1)
    place = np.stack([t, side], axis=-1)[np.r_[0, 0 : len(t), len(t) - 1]]
    corners = np.zeros((len(edges.ends), len(place)), _LAYOUT)
    corners["a_ends"] = edges.ends[::-1, None]
    corners["a_place"] = place
    corners["a_width"] = edges.width[::-1, None]
    corners["a_colour"] = edges.colour[::-1, None]
    corners["a_rank"] = np.arange(len(edges.ends))[::-1, None]
    return corners.ravel()
