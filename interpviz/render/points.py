"""A cloud on the GPU: five bytes a point and one of selection; a new palette uploads one kilobyte."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vispy import gloo
from vispy.gloo import gl
from vispy.gloo.glir import GlirProgram

from interpviz.render.camera import Camera, Size, affine
from interpviz.render.canvas import program, texture_of
from interpviz.render.colormaps import U1
from interpviz.render.density import DOTS, FAINT, FILL, RIM, dot_radius, rim_opacity
from interpviz.render.tiles import TiledPoints, in_view, steps_camera

# Types of buffers that vispy's drawing language does not name.
GlirProgram.ATYPEINFO |= {"short2": (2, gl.GL_SHORT, np.int16), "byte": (1, gl.GL_UNSIGNED_BYTE, np.uint8)}


class Points:
    """GL_POINTS in the colours of their categories; selected ones are larger."""

    def __init__(self, points: TiledPoints, colours: U1, background: U1) -> None:
        self._points = points
        self._colours = colours
        self._background = background
        self._selected = np.zeros(len(points.xy), np.uint8)
        self._program: Any = None

    def recolour(self, colours: U1) -> None:
        """Show the categories in other colours (256, 4): 1 KB is uploaded."""
        self._colours = colours
        if self._program is not None:
            self._program["u_palette"].set_data(np.ascontiguousarray(colours[None]))

    def select(self, rows: NDArray[np.integer]) -> None:
        """Enlarge the points of these rows of the data: one byte a point is uploaded."""
        places = self._points.place[rows]
        self._selected[:] = 0
        self._selected[places[places >= 0]] = 1
        if self._program is not None:
            self._program["a_selected"].set_data(self._selected)

    def draw(self, camera: Camera, size: Size, scale: float) -> None:
        """Draw into the current framebuffer."""
        if not len(self._points.xy):
            return
        if self._program is None:
            self._upload()
        visible = in_view(self._points, camera)
        crowded = visible > DOTS
        radius = 0.5 if crowded else dot_radius(visible, size, scale)
        ground = np.append(self._background[:3] / 255, rim_opacity(radius, scale))
        values = {
            "u_view": affine(steps_camera(camera), size),
            "u_size": size,
            "u_radius": radius,
            "u_rim": 0.0 if crowded else RIM * scale,
            "u_ground": ground,
            "u_opacity": FAINT if crowded else FILL,
            "u_plain": float(crowded),
        }
        for name, value in values.items():
            self._program[name] = value
        self._program.draw("points")

    def forget(self) -> None:
        """Let go of all GL objects."""
        self._program = None

    def _upload(self) -> None:
        self._program = program("points")
        _attach(self._program, "a_position", self._points.xy, "short2")
        _attach(self._program, "a_category", self._points.category, "byte")
        _attach(self._program, "a_selected", self._selected, "byte")
        self._program["u_palette"] = texture_of(self._colours)


def _attach(program: Any, name: str, values: NDArray[Any], type_: str) -> None:
    """Give an attribute narrow integers. By itself vispy reads every buffer as the 32-bit type of the shader."""
    buffer = gloo.VertexBuffer(values)
    program[name] = buffer
    program.glir.command("ATTRIBUTE", program.id, name, type_, (buffer.id, values.strides[0], 0), None)
