"""Pictures of the window and its panels, drawn into a folder once all that they show is computed and painted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from interpviz.ui.camera_view import CameraView
from interpviz.ui.main_window import MainWindow

PANELS = (
    "components",
    "outputs",
    "maps",
    "cloud",
    "circuit",
    "interventions",
    "continuation",
    "patching",
    "paths",
)
OF_FEATURES = ("features", "feature", "activations", "fit")
"""Drawn as well where they are open and have something to show."""
_LOOK_MS = 100
_PATIENCE_S = 600


class Shots(QObject):
    """Draws window-light, window-dark and each panel as .png into `folder`, then calls `done("")`.

    `settled` says whether everything that the window shows is computed. Where that does not come, or a picture cannot
    be written, `done` is given a sentence instead.
    """

    def __init__(
        self, window: MainWindow, folder: Path, settled: Callable[[], bool], done: Callable[[str], None]
    ) -> None:
        super().__init__(window)
        self._window, self._folder, self._settled, self._done = window, folder, settled, done
        self._next = [self._light, self._dark]
        self._deadline = time.monotonic() + _PATIENCE_S
        folder.mkdir(parents=True, exist_ok=True)
        window.theme.choose("light")
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        if self._settled() and all(view.settled for view in self._window.findChildren(CameraView)):
            self._next.pop(0)()
            if not self._next:
                self._finish("")
        elif time.monotonic() > self._deadline:
            self._finish(f"The window was not ready after {_PATIENCE_S // 60} minutes. The log may say why.")

    def _finish(self, problem: str) -> None:
        if self._timer.isActive():
            self._timer.stop()
            self._done(problem)

    def _light(self) -> None:
        self._draw(self._window, "window-light")
        for name in (*PANELS, *filter(self._has_picture, OF_FEATURES)):
            self._window.board.dock(name).raise_()
            self._draw(self._window.board.dock(name), name)
        self._window.board.raise_first()
        self._window.theme.choose("dark")

    def _has_picture(self, name: str) -> bool:
        return not self._window.board.dock(name).isHidden() and not self._window.panels[name].sentence

    def _dark(self) -> None:
        self._draw(self._window, "window-dark")

    def _draw(self, widget: QWidget, name: str) -> None:
        picture = self._folder / f"{name}.png"
        if not widget.grab().save(str(picture)):
            self._finish(f"{picture} cannot be written. Choose another folder.")
