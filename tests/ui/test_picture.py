from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from interpviz.render.camera import Camera, Size
from interpviz.render.canvas import Visual
from interpviz.ui.picture import RGBA, Pictures, PictureWidget
from tests.ui.conftest import Show, pixel


class Plain:
    """A scene of one colour that waits until it may be drawn, and remembers where and when it was."""

    def __init__(self, colour: tuple[int, int, int], free: threading.Event | None = None) -> None:
        self.colour, self.free = colour, free
        self.drawn: list[tuple[Camera, Size]] = []
        self.threads: set[str] = set()

    def image(self, camera: Camera, size: Size, scale: float) -> RGBA:
        if self.free is not None:
            self.free.wait(30)
        self.drawn.append((camera, size))
        self.threads.add(threading.current_thread().name)
        return np.full((size[1], size[0], 4), (*self.colour, 255), np.uint8)

    def visuals(self) -> Sequence[Visual]:
        return ()


def nothing(painter: QPainter) -> None:
    return


def made(pictures: Pictures, on_screen: Show) -> PictureWidget:
    pictures._warm = True  # loading numba is not what is tested here
    widget = PictureWidget(pictures, Camera(), (0, 0, 0, 0))
    on_screen(widget, 200, 120)
    return widget


def test_a_picture_is_drawn_on_its_own_thread_in_the_size_of_the_widget(
    pictures: Pictures, on_screen: Show, qtbot: QtBot
) -> None:
    widget, scene = made(pictures, on_screen), Plain((10, 200, 30))
    widget.show_scene(scene, nothing)
    qtbot.waitUntil(lambda: widget.settled)
    assert scene.drawn[-1] == (widget.camera, (200, 120))
    assert all(name.startswith("pictures") for name in scene.threads)
    assert pixel(widget, QPointF(100, 60)) == (10, 200, 30)


def test_the_latest_wish_wins_and_those_between_are_never_drawn(
    pictures: Pictures, on_screen: Show, qtbot: QtBot
) -> None:
    widget, free = made(pictures, on_screen), threading.Event()
    first, between, last = Plain((255, 0, 0), free), Plain((0, 255, 0)), Plain((0, 0, 255))
    widget.show_scene(first, nothing)
    qtbot.waitUntil(lambda: widget._busy)
    for scene in (between, last):
        widget.show_scene(scene, nothing)
    free.set()
    qtbot.waitUntil(lambda: widget.settled)
    assert between.drawn == []
    assert pixel(widget, QPointF(100, 60)) == (0, 0, 255)


def test_many_moves_are_few_pictures(pictures: Pictures, on_screen: Show, qtbot: QtBot) -> None:
    widget, scene = made(pictures, on_screen), Plain((1, 2, 3))
    widget.show_scene(scene, nothing)
    for _ in range(200):
        widget.zoom(1.01)
    qtbot.waitUntil(lambda: widget.settled)
    assert len(scene.drawn) <= 3
    assert scene.drawn[-1][0] == widget.camera


def test_a_widget_that_is_gone_takes_no_picture(pictures: Pictures, on_screen: Show, qtbot: QtBot) -> None:
    widget, free = made(pictures, on_screen), threading.Event()
    scene = Plain((1, 2, 3), free)
    widget.show_scene(scene, nothing)
    qtbot.waitUntil(lambda: widget._busy)
    widget.deleteLater()
    qtbot.wait(1)
    free.set()
    qtbot.waitUntil(lambda: bool(scene.drawn))
    qtbot.wait(1)
    assert not isValid(widget)
