"""Scenes drawn by the GPU: a vispy canvas as widget, with the overlay painted on a clear widget above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from interpviz.render.camera import Camera
from interpviz.render.canvas import Pool, Visual
from interpviz.render.colormaps import colour
from interpviz.ui.camera_view import CameraView, Margins, Overlay, Scene, paint_focus
from interpviz.ui.theme import colours_of


class SceneWidget(CameraView):
    """Takes its canvas from a pool; the pointer goes through canvas and overlay to the camera."""

    def __init__(self, pool: Pool, bounds: Camera, margins: Margins, square: bool = True) -> None:
        super().__init__(bounds, margins, square)
        self._canvas = pool.take()
        self._visuals: Sequence[Visual] = ()
        self._native: QWidget = self._canvas.native
        self._native.setParent(self)
        self._native.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._top = _Clear(self, self._paint)
        for layer in (self._native, self._top):
            layer.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._overlay: Overlay | None = None
        self.moved.connect(self.refresh)

    def show_scene(self, scene: Scene, overlay: Overlay) -> None:
        """Upload the scene and show it from now on."""
        self._canvas.clear()
        self._visuals, self._overlay = scene.visuals(), overlay
        self.refresh()

    def refresh(self) -> None:
        """Draw again, soon."""
        self._canvas.show(self._visuals, self.camera, colour(colours_of(self).card))
        self._top.update()

    def refresh_overlay(self) -> None:
        self._top.update()

    @property
    def settled(self) -> bool:
        """Whether the present wish is on the screen, or will be with the next frame."""
        return True

    def give_back(self, pool: Pool) -> QWidget:
        """Return the canvas to the pool; its widget goes when whoever closes the pool deletes it."""
        self._native.setParent(None)
        pool.give_back(self._canvas)
        return self._native

    def resizeEvent(self, event: QResizeEvent) -> None:
        for layer in (self._native, self._top):
            layer.setGeometry(self.rect())
        super().resizeEvent(event)

    def _paint(self, painter: QPainter) -> None:
        if self._overlay is not None:
            self._overlay(painter)
        paint_focus(self, painter)


class _Clear(QWidget):
    """Paints over its parent and is otherwise not there."""

    def __init__(self, parent: QWidget, paint: Callable[[QPainter], None]) -> None:
        super().__init__(parent)
        self._paint = paint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint(painter)
