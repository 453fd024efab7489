"""The status bar: what is running, how far it is, a way to stop it, and how long the last answer took."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QStatusBar, QWidget

from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core import feature_requests, jobs, repairs, requests
from interpviz.core.document import Document
from interpviz.core.requests import Request
from interpviz.core.results import RunResult
from interpviz.ui.text import ElidedLabel, Label, button, legible

# What is over sooner is not worth a line that comes and goes.
_PATIENCE_MS = 400
_WATCHED_SECONDS = 3.0
_BEGINNING = 0.05  # opening a model and reading texts say nothing of the speed of what follows

_NAMES: dict[type, str] = {
    jobs.OpenModel: "Opening the model",
    jobs.OpenCache: "Opening the cache",
    jobs.OpenDictionary: "Opening the dictionary",
    jobs.OpenSession: "Opening the session",
    jobs.SaveSession: "Saving the session",
    jobs.ContentsRequest: "Looking at the file",
    jobs.Record: "Recording activations",
    jobs.LookInto: "Looking into the activations",
    jobs.Import: "Importing activations",
    feature_requests.Train: "Training a dictionary",
    feature_requests.FitRequest: "Measuring the dictionary",
    feature_requests.Index: "Building the index of features",
    feature_requests.OpenIndex: "Opening the index",
    feature_requests.FeatureTableRequest: "Reading the features",
    feature_requests.FeaturePageRequest: "Reading the feature",
    feature_requests.PromptFeaturesRequest: "Reading the prompt's features",
    feature_requests.TryFeature: "Trying the feature",
    feature_requests.NotesRequest: "Reading the notes",
    feature_requests.WriteNotes: "Keeping the notes",
    feature_requests.ExportFeatures: "Exporting the features",
    feature_requests.ReadExplanations: "Reading the explanations",
    requests.TokensRequest: "Reading the prompt's tokens",
    requests.VocabularyRequest: "Reading the vocabulary",
    requests.TargetRequest: "Reading the target's token",
    requests.RunRequest: "Running the model",
    requests.GenerateRequest: "Continuing the prompt",
    requests.AttributionRequest: "Attributing the logits",
    requests.PatchingEstimateRequest: "Estimating each effect",
    requests.WritesRequest: "Measuring what is written",
    requests.SweepRequest: "Ablating each component",
    requests.PatchingRequest: "Patching",
    requests.PathRequest: "Following the paths",
    repairs.SelfRepairRequest: "Measuring self-repair",
    repairs.HydraRequest: "Measuring each layer's impact",
    requests.PatternRequest: "Reading attention",
    requests.NormsRequest: "Measuring norms",
    requests.HeadsRequest: "Scoring the heads",
    requests.GraphRequest: "Tracing the circuit",
    requests.CacheTokensRequest: "Reading the cache's tokens",
    requests.RowsRequest: "Reading the cache",
    requests.CloudRequest: "Mapping the cloud",
}


class _Task(QWidget):
    """One line: what runs, how far it is, and Cancel."""

    def __init__(self, request: Request, cancel: Callable[[], None]) -> None:
        super().__init__()
        self.name = _NAMES[type(request)]
        self._began: tuple[float, float] | None = None
        self._text = ElidedLabel(f"{self.name} …", "muted")
        self._text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar(textVisible=False, maximum=1000)
        self._bar.setFixedWidth(110)
        self._bar.setAccessibleName(self.name)
        stop = button("Cancel", f"Cancel: {self.name}", cancel)
        stop.setProperty("role", "quiet")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(8)
        for part in (self._text, self._bar, stop):
            row.addWidget(part)

    def tell(self, fraction: float, text: str) -> None:
        self._bar.setValue(round(1000 * fraction))
        step = f"{self.name}: {legible(text)}" if text else self.name
        self._text.setText(f"{step} · {fraction:.0%}{self._left(fraction)}")

    def _left(self, fraction: float) -> str:
        """How long the rest will take, once it was watched long enough to tell."""
        now = time.perf_counter()
        if fraction < _BEGINNING:
            return ""
        start, done = self._began = self._began or (now, fraction)
        if now - start < _WATCHED_SECONDS or fraction <= done:
            return ""
        seconds = (1 - fraction) * (now - start) / (fraction - done)
        return f", {seconds / 60:.0f} min left" if seconds > 90 else f", {seconds:.0f} s left"


class TaskBar(QStatusBar):
    """Shows the scheduler's work. `waited` says how long the user's last act took until its answer was there."""

    def __init__(self, store: Store, scheduler: Scheduler) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.setContentsMargins(10, 0, 10, 2)
        self._scheduler = scheduler
        self._tasks: dict[Request, _Task | None] = {}
        self._begun: dict[Request, float] = {}
        self._patience = QTimer(self, interval=_PATIENCE_MS // 4)
        self._patience.timeout.connect(self._look)
        self._asked: float | None = None
        self._model = ElidedLabel(role="muted")
        self.waited = Label(role="muted")
        self.waited.setAccessibleName("Time to the last answer")
        self.addWidget(self._model, 1)
        self.addPermanentWidget(self.waited)
        store.changed.connect(self._on_change)
        scheduler.begun.connect(self._on_begun)
        scheduler.progress.connect(self._on_progress)
        scheduler.answered.connect(self._on_answer)
        for over in (
            scheduler.failed,
            scheduler.ended,
        ):  # what is cancelled fails at once, and ends when it heard of it
            over.connect(self._on_end, max_args=1)

    def describe(self, text: str) -> None:
        """Say which model, cache and dictionaries are open."""
        self._model.setText(legible(text))

    def running(self) -> tuple[str, ...]:
        """What the bar shows as running."""
        return tuple(task.name for task in self._tasks.values() if task is not None)

    def _on_change(self, old: Document, new: Document) -> None:
        """The first answer of a model waits for its weights; that says nothing of how fast an act is answered."""
        self._asked = time.perf_counter() if old.model == new.model else None

    def _on_answer(self, request: Request, value: object) -> None:
        if isinstance(value, RunResult):
            forward = f"forward pass {1000 * value.seconds:,.0f} ms"
            waited = 1000 * (time.perf_counter() - self._asked) if self._asked is not None else None
            self.waited.setText(forward.capitalize() if waited is None else f"Answered in {waited:,.0f} ms · {forward}")

    def _on_begun(self, request: Request) -> None:
        self._tasks[request] = None
        self._begun[request] = time.perf_counter()
        self._patience.start()

    def _look(self) -> None:
        """Show what has run for a while."""
        now = time.perf_counter()
        for request in [one for one, begun in self._begun.items() if 1000 * (now - begun) >= _PATIENCE_MS]:
            del self._begun[request]
            task = _Task(request, lambda request=request: self._scheduler.cancel(request))  # type: ignore[misc]
            self._tasks[request] = task
            self.insertPermanentWidget(1, task)
        if not self._begun:
            self._patience.stop()

    def _on_progress(self, request: Request, fraction: float, text: str) -> None:
        task = self._tasks.get(request)
        if task is not None:
            task.tell(fraction, text)

    def _on_end(self, request: Request) -> None:
        task = self._tasks.pop(request, None)
        self._begun.pop(request, None)
        if task is not None:
            self.removeWidget(task)
            task.deleteLater()
