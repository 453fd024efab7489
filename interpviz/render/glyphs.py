"""Shapes with a rim on the GPU, in one buffer: the nodes of a circuit, the marks in a cloud."""

from __future__ import annotations

from typing import Any

import numpy as np
from vispy import gloo

from interpviz.render.camera import Camera, Size, affine
from interpviz.render.canvas import program
from interpviz.render.circuits import Nodes

_LAYOUT = np.dtype(
    [
        ("a_position", np.float32, 2),
        ("a_radius", np.float32),
        ("a_shape", np.float32),
        ("a_fill", np.float32, 4),
        ("a_rim", np.float32, 4),
        ("a_rim_width", np.float32),
    ]
)


class Glyphs:
    """Circles, squares, diamonds and pills, one after another."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._program: Any = None
        self._scale = 0.0

    def draw(self, camera: Camera, size: Size, scale: float) -> None:
        """Draw into the current framebuffer."""
        if not len(self._nodes.xy):
            return
        if self._program is None:
            self._program = program("glyphs")
        if scale != self._scale:
            self._program.bind(gloo.VertexBuffer(self._vertices(scale)))
            self._scale = scale
        self._program["u_view"] = affine(camera, size)
        self._program["u_size"] = size
        self._program.draw("points")

    def forget(self) -> None:
        """Let go of all GL objects."""
        self._program = None
        self._scale = 0.0

    def _vertices(self, scale: float) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        nodes = self._nodes
        vertices = np.zeros(len(nodes.xy), _LAYOUT)
        vertices["a_position"], vertices["a_shape"] = nodes.xy, nodes.glyph
        vertices["a_fill"], vertices["a_rim"] = nodes.fill, nodes.rim
        vertices["a_radius"], vertices["a_rim_width"] = nodes.radius * scale, nodes.rim_width * scale
        return vertices
