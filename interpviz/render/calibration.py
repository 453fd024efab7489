"""Which road draws: the GPU where there is a real one and it is fast, numba images otherwise; a setting overrules."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from interpviz.render.canvas import Canvas

Road = Literal["gl", "cpu"]
Setting = Literal["auto", "gl", "cpu"]

_SOFTWARE = re.compile(r"llvmpipe|softpipe|swrast|swiftshader|software|basic render|gdi generic|lavapipe", re.I)

# A million points in a frame: the CPU road needs some 10 ms, and a GPU that needs four times that is no help.
_POINTS = 1_000_000
_SLOW = 0.040


@dataclass(frozen=True)
class Calibration:
    """The road that draws, the driver's name (empty without GL) and why this road, as a sentence for the doctor."""

    road: Road
    renderer: str
    reason: str


def calibrate(setting: Setting, canvas: Callable[[], Canvas]) -> Calibration:
    """Choose a road. `canvas` gives a canvas to ask and to measure with; it is not called where the setting is "cpu".

    A canvas that cannot be made or fails means that there is no GL.
    """
    if setting == "cpu":
        return Calibration("cpu", "", "The CPU renderer was chosen in the settings.")
    try:
        surface = canvas()
        renderer = surface.renderer()
        if setting == "gl":
            return Calibration("gl", renderer, "The GPU renderer was chosen in the settings.")
        if is_software(renderer):
            return Calibration("cpu", renderer, f"OpenGL is drawn by the processor here ({renderer}).")
        seconds = frame_seconds(surface)
    except (RuntimeError, OSError, ImportError) as problem:
        return Calibration("cpu", "", f"OpenGL does not work here: {problem}".splitlines()[0])
    return judged(renderer, seconds)


def is_software(renderer: str) -> bool:
    """Whether a GL renderer of this name draws on the processor; so does one without a name."""
    return not renderer or _SOFTWARE.search(renderer) is not None


def judged(renderer: str, seconds: float) -> Calibration:
    """The road for a GPU that draws a million points in so many seconds."""
    took = f"{renderer} draws a million points in {seconds * 1000:.0f} ms"
    if seconds > _SLOW:
        return Calibration("cpu", renderer, f"{took}; the processor is faster.")
    return Calibration("gl", renderer, f"{took}.")


def frame_seconds(canvas: Canvas) -> float:
    """Seconds for a frame of a million points, read back so that it is really drawn; the second of two frames."""
    from interpviz.render.camera import Camera
    from interpviz.render.points import Points
    from interpviz.render.tiles import tiled

    cloud = tiled(np.random.default_rng(0).random((_POINTS, 2), np.float32))
    ground = np.zeros(4, np.uint8)
    canvas.show([Points(cloud, np.full((256, 4), 255, np.uint8), ground)], Camera(), ground)
    canvas.image((512, 512))
    began = time.perf_counter()
    canvas.image((512, 512))
    seconds = time.perf_counter() - began
    canvas.clear()
    return seconds
