"""The GL road's surface: vispy canvases in a pool, each drawing the visuals it is given. Main thread only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from vispy import app, gloo

from interpviz.render.camera import Camera, Size
from interpviz.render.colormaps import U1

_GLSL = Path(__file__).parent / "glsl"

# A driver that loses its context more often than this will lose it again.
_RETRIES = 3

LOST = (
    "The graphics driver stopped drawing and could not be started again. "
    "Choose the CPU renderer in the settings, or restart the program."
)


class Visual(Protocol):
    """Something that is drawn. It keeps what it shows on the CPU, so that a new context can be filled again."""

    def draw(self, camera: Camera, size: Size, scale: float) -> None:
        """Draw into the current framebuffer of `size` pixels; GL objects are made at the first call."""

    def forget(self) -> None:
        """Let go of all GL objects: their context is gone."""


def program(name: str) -> Any:
    """The GL program of the shaders glsl/NAME.vert and .frag."""
    return gloo.Program(*((_GLSL / f"{name}.{stage}").read_text("utf-8") for stage in ("vert", "frag")))


def texture_of(table: U1) -> Any:
    """A colour table (256, 4) as a texture that is read entry by entry."""
    return gloo.Texture2D(np.ascontiguousarray(table[None]), interpolation="nearest", wrapping="clamp_to_edge")


def texture_limit() -> int:
    """The widest texture that the current context takes, in texels."""
    return int(gloo.gl.glGetParameter(gloo.gl.GL_MAX_TEXTURE_SIZE))


class Canvas:
    """One GL surface. `native` is the window system's widget; `image` draws the same off screen.

    `lost` is called with a sentence once drawing failed for good; `failed` is then true and nothing is drawn any more.
    """

    def __init__(self, lost: Callable[[str], None] | None = None, **options: Any) -> None:
        self._canvas = app.Canvas(show=False, autoswap=True, **options)
        self._canvas.events.draw.connect(self._draw)
        self._canvas.events.initialize.connect(self._begin)
        self._visuals: tuple[Visual, ...] = ()
        self._camera = Camera()
        self._background = np.zeros(4, np.uint8)
        self._lost = lost
        self._left = _RETRIES
        self._begun = False
        self.failed = False

    @property
    def native(self) -> Any:
        """The widget (Qt) to put into a layout; None without a window system."""
        return self._canvas.native

    def show(self, visuals: Sequence[Visual], camera: Camera, background: U1) -> None:
        """From now on draw these, first to last, over the background; asks for one repaint."""
        self._visuals, self._camera, self._background = tuple(visuals), camera, background
        self._canvas.update()

    def clear(self) -> None:
        """Draw nothing and let go of the visuals' GL objects, before the canvas goes back to its pool."""
        for visual in self._visuals:
            visual.forget()
        self._visuals = ()

    def image(self, size: Size, scale: float = 1.0) -> U1:
        """What is shown, drawn off screen as RGBA (height, width, 4)."""
        self._make_current()
        shape = size[1], size[0]
        frame = gloo.FrameBuffer(color=gloo.RenderBuffer(shape, "color"))
        with frame:
            self._paint(size, scale)
            picture: U1 = frame.read()
        self._canvas.context.flush_commands()
        frame.delete()
        return np.ascontiguousarray(picture)

    def renderer(self) -> str:
        """What the driver calls itself, for instance "llvmpipe (LLVM 15.0.6, 256 bits)"."""
        self._make_current()
        return str(gloo.gl.glGetParameter(gloo.gl.GL_RENDERER))

    def texture_limit(self) -> int:
        """The widest texture that the driver takes, in texels."""
        self._make_current()
        return texture_limit()

    def close(self) -> None:
        """Give the surface back to the system."""
        self.clear()
        self._canvas.close()

    def _make_current(self) -> None:
        """A Qt widget that was never shown has no context, and GL would silently go to another: make it begin."""
        if not self._begun and hasattr(self.native, "grabFramebuffer"):
            self.native.grabFramebuffer()
            if not self.native.isValid():
                raise RuntimeError("the window system gives no OpenGL context")
        self._canvas.set_current()

    def _begin(self, event: object) -> None:
        """A context is new: what belonged to an older one (a dock was floated) is made again at the next draw."""
        self._begun = True
        for visual in self._visuals:
            visual.forget()

    def _draw(self, event: object) -> None:
        if self.failed:
            return
        try:
            self._paint(tuple(self._canvas.physical_size), float(self._canvas.pixel_scale))
        except RuntimeError:
            self._recover()

    def _recover(self) -> None:
        self._left -= 1
        for visual in self._visuals:
            visual.forget()
        if self._left:
            self._canvas.update()
            return
        self.failed = True
        if self._lost is not None:
            self._lost(LOST)

    def _paint(self, size: Size, scale: float) -> None:
        gloo.set_viewport(0, 0, *size)
        gloo.set_state(depth_test=False, cull_face=False, blend=True)
        gloo.set_blend_func("src_alpha", "one_minus_src_alpha", "one", "one_minus_src_alpha")
        gloo.clear(color=tuple(float(v) / 255 for v in self._background))
        for visual in self._visuals:
            visual.draw(self._camera, size, scale)


class Pool:
    """Canvases that are used again: one opened and closed would keep 1.2 MB, or 18 if its deletion is deferred."""

    def __init__(self, make: Callable[[], Canvas] = Canvas) -> None:
        self._make = make
        self._free: list[Canvas] = []

    def take(self) -> Canvas:
        """A canvas that nobody shows."""
        return self._free.pop() if self._free else self._make()

    def give_back(self, canvas: Canvas) -> None:
        """Keep the canvas for the next who asks; a failed one is closed."""
        canvas.clear()
        if canvas.failed:
            canvas.close()
        else:
            self._free.append(canvas)

    def close(self) -> None:
        """Close every canvas that nobody shows."""
        while self._free:
            self._free.pop().close()
