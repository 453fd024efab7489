"""The window's composition root: builds one session out of store, scheduler, controllers and panels, and runs it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, QTimer
from PySide6.QtWidgets import QApplication

from interpviz.control.actions import Actions
from interpviz.control.activations import ActivationsController
from interpviz.control.circuit import CircuitController
from interpviz.control.cloud import CloudController
from interpviz.control.components import ComponentsController
from interpviz.control.continuation import ContinuationController
from interpviz.control.desk import Desk
from interpviz.control.feature_page import FeaturePageController
from interpviz.control.features import FeaturesController
from interpviz.control.fit import FitController
from interpviz.control.interventions import InterventionsController
from interpviz.control.maps import MapsController
from interpviz.control.memo import Memo
from interpviz.control.outputs import OutputsController
from interpviz.control.patching import PatchingController
from interpviz.control.paths import PathsController
from interpviz.control.prompt import PromptController
from interpviz.control.scheduler import Compute, Scheduler
from interpviz.control.store import Store
from interpviz.control.training import TrainingController
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import WriteNotes
from interpviz.core.jobs import OpenModel
from interpviz.core.paths import user_data
from interpviz.core.report import Report
from interpviz.core.requests import Request
from interpviz.data import settings
from interpviz.data.settings import Device, Settings
from interpviz.render.calibration import Road
from interpviz.ui.main_thread import next_frame, post
from interpviz.ui.main_window import MainWindow
from interpviz.ui.shots import Shots
from interpviz.ui.theme import Theme
from interpviz.ui.views import chosen_road

AUTOSAVE_MS = 30_000

CONTROLLERS: dict[str, Callable[[Desk, Any], Any]] = {
    "prompt": PromptController,
    "components": ComponentsController,
    "outputs": OutputsController,
    "maps": MapsController,
    "cloud": CloudController,
    "circuit": CircuitController,
    "interventions": InterventionsController,
    "continuation": ContinuationController,
    "patching": PatchingController,
    "paths": PathsController,
    "fit": FitController,
    "training": TrainingController,
    "features": FeaturesController,
    "feature": FeaturePageController,
    "activations": ActivationsController,
}


class Session:
    """One open window with all that keeps it true. The session owns the controllers; `close` ends its threads."""

    def __init__(self, compute: Compute, chosen: Settings | None = None, road: Road = "cpu") -> None:
        self.settings = chosen or Settings()
        self.store = Store()
        self.scheduler = Scheduler(compute, post)
        self.desk = Desk(self.store, self.scheduler, Memo(self.settings.memo_megabytes << 20))
        self.actions = Actions(self.store, self.scheduler, self.desk, next_frame)
        # A model brings a million objects that stay: looking through them for garbage stops the window for 0.3 s.
        self.scheduler.answered.connect(_spare_models)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        theme = Theme(application, self.settings.theme)
        self.window = MainWindow(self.actions, self.store, self.scheduler, theme, road)
        controllers = {name: make(self.desk, self.window.panels[name]) for name, make in CONTROLLERS.items()}
        controllers["training"].follow(self.scheduler)
        for name, controller in controllers.items():
            self.desk.attach(name, controller)

    def open(self, paths: list[str]) -> None:
        """Open these, or what the last window showed."""
        if paths:
            self.actions("paths.open", paths)
        elif last_session().exists():
            self.actions("session.open", str(last_session()))

    def settled(self) -> bool:
        """Whether something is open and everything that its panels need is computed."""
        return self.store.document != Document() and self.desk.settled

    def keep(self) -> None:
        """From now on remember settings, and every half minute the session, so that the next window is like this."""
        self.window.restore_layout(self.settings.layout)
        self.window.show_recent(self.settings.recent)
        self.window.theme.changed.connect(lambda choice: self._choose(replace(self.settings, theme=choice)))
        self.actions.opened.connect(self._on_opened)
        timer = QTimer(self.window, interval=AUTOSAVE_MS)
        timer.timeout.connect(self._save)
        timer.start()

    def close(self, keep: bool = False) -> None:
        """Stop all work and wait for it; with `keep`, write layout and session down."""
        self.actions.catch_up()
        unwritten = self.actions.features.notes.unwritten
        self.scheduler.close()
        if keep:
            _write(unwritten)
            from interpviz.data import sessions

            if self.store.document != Document():
                sessions.save(self.store.document, last_session())
            settings.save(replace(self.settings, layout=self.window.layout_text()))

    def _on_opened(self, source: str) -> None:
        if source != str(last_session()):
            self._choose(self.settings.opened(source))
            self.window.show_recent(self.settings.recent)

    def _choose(self, chosen: Settings) -> None:
        self.settings = chosen
        try:
            settings.save(chosen)
        except InterpvizError as error:
            self.actions.problem.emit(str(error))

    def _save(self) -> None:
        if self.store.document != Document():
            self.actions("session.save", str(last_session()))


def _write(unwritten: tuple[WriteNotes, ...]) -> None:
    """Keep what was noted in the last moment: closing stopped the lane that was to write it."""
    from interpviz.data import notes

    for job in unwritten:
        notes.save(job.dictionary_sha256, job.notes)


def _spare_models(request: Request, _: object) -> None:
    if isinstance(request, OpenModel):
        gc.freeze()


def last_session() -> Path:
    """The file that holds what the last window showed."""
    return user_data() / "session.json"


def open_window(paths: list[str], shots: Path | None = None) -> int:
    """Open the window on these paths, else on the last session, and run until it is closed; returns the exit code.

    With `shots`, draw the window and its panels into that folder once all is computed, and exit.
    """
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    chosen = settings.load()
    session = Session(lazy_compute(chosen.device), chosen, chosen_road(chosen.renderer))
    session.window.show()
    QTimer.singleShot(0, lambda: session.open(paths))
    problems: list[str] = []

    def ended(problem: str) -> None:
        problems.append(problem)
        application.quit()

    if shots is None:
        session.keep()
    else:
        Shots(session.window, shots, session.settled, ended)
    code = application.exec()
    session.close(keep=shots is None)
    if any(problems):
        raise InterpvizError(problems[0])
    return code


def lazy_compute(device: Device = "auto") -> Compute:
    """An engine on this device that is imported by the lane that first needs it, after the window stands."""
    engine: list[Any] = []
    lock = Lock()

    def compute(request: Request, report: Report) -> Any:
        with lock:
            if not engine:
                from interpviz.engine.compute import Engine

                engine.append(Engine(device))
        return engine[0].compute(request, report)

    return compute
