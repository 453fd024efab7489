"""Which road draws the scenes of a window, and the views on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from interpviz.render.calibration import Road, Setting, calibrate, is_software
from interpviz.render.camera import Camera
from interpviz.ui.camera_view import CameraView, Margins
from interpviz.ui.errors import gl_renderer
from interpviz.ui.picture import Pictures, PictureWidget

if TYPE_CHECKING:
    from interpviz.render.canvas import Canvas, Pool
    from interpviz.ui.scene import SceneWidget


def chosen_road(setting: Setting) -> Road:
    """The road for this screen. Asking Qt for the driver's name is quick; only a real GPU is measured."""
    if setting == "cpu" or (setting == "auto" and is_software(gl_renderer().removeprefix("none"))):
        return "cpu"
    from interpviz.render.canvas import Canvas

    made: list[Canvas] = []

    def canvas() -> Canvas:
        made.append(Canvas())
        return made[-1]

    road = calibrate(setting, canvas).road
    for one in made:
        one.close()
    return road


class Views:
    """Makes the views of one window, all on one road, and takes their threads or canvases back at its end."""

    def __init__(self, road: Road, lost: Callable[[str], None]) -> None:
        self._road, self._lost = road, lost
        self._pictures = Pictures()
        self._pool: Pool | None = None
        self._scenes: list[SceneWidget] = []

    def make(self, bounds: Camera, margins: Margins, square: bool) -> CameraView:
        """A view that shows `bounds` when all is shown."""
        if self._road == "cpu":
            return PictureWidget(self._pictures, bounds, margins, square)
        from interpviz.render.canvas import Canvas, Pool
        from interpviz.ui.scene import SceneWidget

        self._pictures.warm()
        self._pool = self._pool or Pool(lambda: Canvas(self._lost))
        self._scenes.append(SceneWidget(self._pool, bounds, margins, square))
        return self._scenes[-1]

    def close(self) -> None:
        """End the thread and close the canvases."""
        self._pictures.close()
        if self._pool is not None:
            widgets = [scene.give_back(self._pool) for scene in self._scenes]
            self._pool.close()
            for widget in widgets:
                widget.deleteLater()
