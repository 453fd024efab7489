"""Real windows on a light theme; views and threads are closed after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from interpviz.ui.camera_view import CameraView, Overlay, Scene
from interpviz.ui.docks import Dock
from interpviz.ui.panel import Panel
from interpviz.ui.picture import Pictures
from interpviz.ui.theme import Theme
from tests.ui.fakes import Acts

Show = Callable[[QWidget, int, int], None]


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "light")


@pytest.fixture
def acts() -> Acts:
    return Acts()


@pytest.fixture
def pictures(qtbot: QtBot) -> Iterator[Pictures]:
    made = Pictures()
    yield made
    made.close()


@pytest.fixture
def on_screen(qtbot: QtBot, theme: Theme) -> Show:
    """Brings a widget of a size to the screen, a panel in its dock, dressed in the light theme."""
    theme.choose("light")

    def show(widget: QWidget, width: int, height: int) -> None:
        whole = Dock(widget, lambda: None) if isinstance(widget, Panel) else widget
        qtbot.addWidget(whole)
        whole.resize(width, height)
        with qtbot.waitExposed(whole):
            whole.show()

    return show


def pixel(widget: QWidget, place: QPointF | QRectF) -> tuple[int, int, int]:
    """The colour on the screen at a place of a widget, or in the middle of a box."""
    at = place.center() if isinstance(place, QRectF) else place
    QApplication.processEvents()  # a panel that was given more to show may have grown
    image = widget.window().grab().toImage()
    found = QColor(image.pixelColor(widget.mapTo(widget.window(), at).toPoint()))
    return found.red(), found.green(), found.blue()


def shows(widget: QWidget, place: QPointF, colour: tuple[int, int, int], within: int = 60) -> bool:
    """Whether about this colour is at a place or beside it: for thin lines, which fall between pixels."""
    seen = (pixel(widget, place + QPointF(x, y)) for x in (-1, 0, 1) for y in (-1, 0, 1))
    return any(sum(abs(a - b) for a, b in zip(one, colour, strict=True)) <= within for one in seen)


class Still(CameraView):
    """A view that paints only what lies over its scene, at once."""

    def show_scene(self, scene: Scene, overlay: Overlay) -> None:
        self.scene, self._overlay = scene, overlay
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._overlay(QPainter(self))


def hover(widget: QWidget, place: QPointF | QRectF) -> None:
    """Move the mouse there, whatever the pointer of the screen does."""
    at = place.center() if isinstance(place, QRectF) else place
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, at, widget.mapToGlobal(at), none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


def click(widget: QWidget, place: QPointF | QRectF, button: Any = Qt.MouseButton.LeftButton, keys: Any = None) -> None:
    at = place.center() if isinstance(place, QRectF) else place
    QTest.mouseClick(widget, button, keys or Qt.KeyboardModifier.NoModifier, at.toPoint())
