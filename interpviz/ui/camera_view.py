"""A widget with a camera: wheel zooms, drag moves, double click shows all. Pointer traffic stays in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from interpviz.render.camera import Camera, Size, fit, pan, resize, to_screen, zoom_at
from interpviz.ui.theme import colours_of

if TYPE_CHECKING:
    from interpviz.render.canvas import Visual

# The mouse may tremble by so many pixels before a click becomes a drag.
_STILL = 4
_PANS = {Qt.Key.Key_Left: (40, 0), Qt.Key.Key_Right: (-40, 0), Qt.Key.Key_Up: (0, 40), Qt.Key.Key_Down: (0, -40)}


Margins = tuple[float, float, float, float]
Overlay = Callable[[QPainter], None]


class Scene(Protocol):
    """What a view shows, for either road."""

    def image(self, camera: Camera, size: Size, scale: float) -> NDArray[np.uint8]:
        """The picture as RGBA (height, width, 4), `scale` device pixels to a logical one. Off the main thread."""

    def visuals(self) -> Sequence[Visual]:
        """The same for the GPU. Called on the main thread, once a scene."""


class CameraView(QWidget):
    """Places in signals are pixels of this widget; `hovered` carries None when the pointer leaves.

    `margins` are the pixels left, above, right and below that stay free when all is shown.
    """

    moved = Signal()
    hovered = Signal(object)
    clicked = Signal(QPointF, Qt.KeyboardModifier)
    double_clicked = Signal(QPointF)

    def __init__(self, bounds: Camera, margins: Margins, square: bool = True) -> None:
        super().__init__()
        self._bounds, self._margins, self._square = bounds, margins, square
        self._camera = bounds
        self._whole = True
        self._pressed: QPointF | None = None
        self._dragged: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)

    @property
    def camera(self) -> Camera:
        """What is in view."""
        return self._camera

    @property
    def extent(self) -> Size:
        """Width and height in logical pixels."""
        return max(self.width(), 1), max(self.height(), 1)

    @property
    def bounds(self) -> Camera:
        """What is in view when all is."""
        left, above, right, below = self._margins
        inner = max(self.width() - left - right, 1), max(self.height() - above - below, 1)
        camera = fit(self._bounds, (round(inner[0]), round(inner[1])), 0, self._square)
        x, y = (span / side for span, side in zip(camera.span, inner, strict=True))
        return Camera(
            camera.left - left * x, camera.bottom - below * y, camera.right + right * x, camera.top + above * y
        )

    def show_scene(self, scene: Scene, overlay: Overlay) -> None:
        """Show this from now on, with `overlay` painted on top."""
        raise NotImplementedError(f"{type(self).__name__} shows no scene")

    def refresh_overlay(self) -> None:
        """Paint the overlay again, soon."""
        self.update()

    @property
    def ready(self) -> bool:
        """Whether a first picture is there, and with it the compiled loops that find what lies under the pointer."""
        return True

    @property
    def settled(self) -> bool:
        """Whether what is on the screen is what was asked for last."""
        raise NotImplementedError(f"{type(self).__name__} shows no scene")

    def set_bounds(self, bounds: Camera) -> None:
        """Say what there is to see; the camera goes on showing all of it if it did."""
        self._bounds = bounds
        if self._whole:
            self._camera = self.bounds
            self.moved.emit()

    def set_margins(self, margins: Margins) -> None:
        """Keep so many pixels free when all is shown."""
        if margins != self._margins:
            self._margins = margins
            self.set_bounds(self._bounds)

    def reset(self) -> None:
        """Show all."""
        self._whole = True
        self._camera = self.bounds
        self.moved.emit()

    def zoom(self, factor: float, place: QPointF | None = None) -> None:
        """Magnify about a place, or about the middle."""
        at = place or QPointF(self.width() / 2, self.height() / 2)
        self._show(zoom_at(self._camera, self.extent, (at.x(), at.y()), factor, self.bounds))

    def place_of(self, xy: tuple[float, float]) -> QPointF:
        """Where a place of the scene lies in this widget."""
        return QPointF(*to_screen(self._camera, self.extent, xy))

    def resizeEvent(self, event: QResizeEvent) -> None:
        old = event.oldSize()
        if self._whole or not old.isValid():
            self._camera = self.bounds
        else:
            self._camera = resize(self._camera, (old.width(), old.height()), self.extent)
        self.moved.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom(1.0015 ** event.angleDelta().y(), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed = self._dragged = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        if self._pressed is None or self._dragged is None:
            self.hovered.emit(place)
        elif self._dragged != self._pressed or (place - self._pressed).manhattanLength() > _STILL:
            step = place - self._dragged
            self._dragged = place
            self._show(pan(self._camera, self.extent, (step.x(), step.y())))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        still = self._pressed is not None and self._dragged == self._pressed
        self._pressed = self._dragged = None
        if still and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position(), event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.double_clicked.emit(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(1.25)
        elif key == Qt.Key.Key_Minus:
            self.zoom(0.8)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.reset()
        elif key in _PANS:
            self._show(pan(self._camera, self.extent, _PANS[key]))
        else:
            super().keyPressEvent(event)

    def _show(self, camera: Camera) -> None:
        self._whole = False
        self._camera = camera
        self.moved.emit()


def paint_focus(view: QWidget, painter: QPainter) -> None:
    """A thin frame around the view that has the keyboard."""
    if view.hasFocus():
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colours_of(view)["accent"], 1))
        painter.drawRoundedRect(QRectF(view.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
