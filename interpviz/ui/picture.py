"""Pictures that are computed on a thread of their own and painted here: the road without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QTimer, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QShowEvent
from shiboken6 import isValid

from interpviz.render.camera import Camera, affine
from interpviz.render.warm import warm
from interpviz.ui.camera_view import CameraView, Margins, Overlay, Scene, paint_focus
from interpviz.ui.main_thread import post
from interpviz.ui.theme import colours_of

RGBA = NDArray[np.uint8]

_FRAME_MS = 16


class Pictures:
    """One thread that draws for all views, so that drawing never takes more than one core."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._warm = False

    def draw(self, make: Callable[[], RGBA], done: Callable[[Future[RGBA]], None]) -> None:
        """Call `make` on the thread and `done`, with what became of it, on the window's."""
        self.warm()
        self._thread.submit(make).add_done_callback(lambda drawn: post(lambda: done(drawn)))

    def warm(self) -> None:
        """Load the compiled loops on the thread, so that the window never waits for them."""
        if not self._warm:
            self._warm = True
            self._thread.submit(warm)

    def close(self) -> None:
        """Finish what is being drawn and end the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, eq=False)
class _Shown:
    """A finished picture, and the camera and pixels that it was drawn for."""

    image: QImage
    camera: Camera


class PictureWidget(CameraView):
    """Paints the scene's image and an overlay on top.

    The latest wish wins: at most one picture is being drawn and one waits. Until it is there the last one is moved and
    scaled to where the camera is now. `painted` says that a finished picture is on its way to the screen.
    """

    painted = Signal()

    def __init__(self, pictures: Pictures, bounds: Camera, margins: Margins, square: bool = True) -> None:
        super().__init__(bounds, margins, square)
        self._pictures = pictures
        self._scene: Scene | None = None
        self._overlay: Overlay | None = None
        self._shown: _Shown | None = None
        self._busy = False
        self._stale = False
        self._frame = QTimer(self, singleShot=True, interval=_FRAME_MS)
        self._frame.timeout.connect(self._begin)
        self.moved.connect(self.refresh)

    def show_scene(self, scene: Scene, overlay: Overlay) -> None:
        self._scene, self._overlay = scene, overlay
        self.refresh()

    def refresh(self) -> None:
        """Draw again, soon."""
        self._stale = True
        self.update()
        if not self._busy and not self._frame.isActive():
            self._frame.start()

    @property
    def ready(self) -> bool:
        return self._shown is not None

    @property
    def settled(self) -> bool:
        """Whether the picture is of the present wish and camera; so is that of a hidden view, which draws nothing."""
        return not self.isVisible() or (self._shown is not None and not self._stale and not self._busy)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = colours_of(self)
        painter.fillRect(self.rect(), colours["card"])
        if self._shown is not None:
            exact = self._shown.camera == self.camera
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not exact)
            painter.drawImage(self._target(self._shown), self._shown.image)
        if self._overlay is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._overlay(painter)
        paint_focus(self, painter)

    def _target(self, shown: _Shown) -> QRectF:
        if shown.camera == self.camera:
            return QRectF(self.rect())
        ax, bx, ay, by = affine(self.camera, self.extent)
        made = shown.camera
        corner = QPointF(ax * made.left + bx, ay * made.top + by)
        return QRectF(corner, QPointF(ax * made.right + bx, ay * made.bottom + by))

    def _begin(self) -> None:
        if self._scene is None or not self._stale or self._busy or not self.isVisible():
            return
        self._busy, self._stale = True, False
        scene, camera, ratio = self._scene, self.camera, self.devicePixelRatioF()
        size = round(self.width() * ratio), round(self.height() * ratio)
        self._pictures.draw(lambda: scene.image(camera, size, ratio), lambda drawn: self._arrive(drawn, camera))

    def _arrive(self, drawn: Future[RGBA], camera: Camera) -> None:
        if drawn.cancelled() or not isValid(self):
            return
        self._busy = False
        image = drawn.result()
        height, width = image.shape[:2]
        made = QImage(image.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
        self._shown = _Shown(made, camera)
        self.update()
        if self._stale:
            self._frame.start()
        else:
            self.painted.emit()

    def showEvent(self, event: QShowEvent) -> None:
        if self._stale:
            self._frame.start()
