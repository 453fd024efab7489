"""The panel of a training: its loss, L0, unexplained variance and dead features while it runs, and how to end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from interpviz.control.training import Course
from interpviz.core.feature_requests import Train
from interpviz.core.feature_results import TrainingPoint
from interpviz.ui.panel import Act, Panel
from interpviz.ui.text import ElidedLabel, button, legible

if TYPE_CHECKING:
    from interpviz.ui.panels.curve import Curve

_CURVES = (
    ("loss", "Loss", "The loss a row that is trained on"),
    ("l0", "L0", "Features active a row"),
    ("fvu", "FVU", "Fraction of variance unexplained"),
    ("dead", "Dead", "Share of features that were not active for long"),
)
_STOP = "Stop here; the same training into the same place goes on from its last checkpoint"
_KEEP = "Stop here and write what it has learnt so far as a dictionary"


class TrainingPanel(Panel[Course]):
    """Four curves on one axis of steps. They are made when the first training begins: plots take their time."""

    asked = Signal()  # for the form of another training
    begun = Signal()  # one that was not shown before is

    def __init__(self, act: Act) -> None:
        super().__init__("training", "Training", "How the training of a dictionary goes.")
        self._act = act
        self.stop = button("Stop", _STOP, lambda: self._end("training.stop"))
        self.keep = button("Stop and keep", _KEEP, lambda: self._end("training.keep"))
        for one in (self.stop, self.keep):
            one.setProperty("role", "small-quiet")
        self.header = [self.stop, self.keep]
        self.name_label = ElidedLabel("", "muted")
        self.status = ElidedLabel("", "small")
        self.curves: dict[str, Curve] = {}
        self._drawn: Train | None = None
        self._name = "", False
        self._grid = QGridLayout()
        self._grid.setSpacing(10)
        top = QHBoxLayout()
        top.addWidget(self.name_label, 1)
        self.another = button("Train another …", "Fill in the form of another training", self.asked.emit)
        self.another.setProperty("role", "small-quiet")
        top.addWidget(self.another)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addLayout(self._grid, 1)
        column.addWidget(_Line(self.status))

    def present(self, course: Course) -> None:
        if self._name != (course.name, course.running):
            self._name = course.name, course.running
            if course.running:
                self.begun.emit()
        self._make_curves()
        self._draw(course)
        self.name_label.setText(legible(_described(course)))
        self.status.setText(legible(_status(course)))
        self.setAccessibleDescription(f"{_described(course)}: {_status(course)}")
        self.reveal()
        for one in self.header:
            one.setEnabled(course.running)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for curve in self.curves.values():
                curve.dress()

    def _draw(self, course: Course) -> None:
        """Every curve of a training that is new here or has ended; of one that goes on, a curve a point by turns."""
        steps, whole = [point.step for point in course.points], self._drawn != course.job or not course.running
        turn, self._drawn = len(steps) % len(self.curves), course.job
        for place, (name, curve) in enumerate(self.curves.items()):
            if whole or place == turn:  # to paint all four takes the window 12 ms
                curve.show_line(steps, [getattr(point, name) for point in course.points])

    def _make_curves(self) -> None:
        if self.curves:
            return
        from interpviz.ui.panels.curve import Curve

        for place, (name, title, says) in enumerate(_CURVES):
            self.curves[name] = Curve(title, says)
            self._grid.addWidget(self.curves[name], place // 2, place % 2)

    def _end(self, act: str) -> None:
        if self._shown is not None:
            self._act(act, self._shown.job)


class _Line(QWidget):
    """A line whose text changes ten times a second: in a layout, each time would lay the whole window out, 20 ms."""

    def __init__(self, label: ElidedLabel) -> None:
        super().__init__()
        self._label = label
        label.setParent(self)
        self.setFixedHeight(label.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._label.setGeometry(self.rect())


def _described(course: Course) -> str:
    job = course.job
    return f"{course.name}  ·  {job.kind}, {job.width:,} features, {job.site}{f' to {job.to}' if job.to else ''}"


def _status(course: Course) -> str:
    if not course.points:
        return course.outcome or "Reading the first rows …"
    return f"{_point(course.points[-1])}{'  ·  ' + course.outcome if course.outcome else ''}"


def _point(at: TrainingPoint) -> str:
    figures = f"loss {at.loss:.4g}, L0 {at.l0:.1f}, FVU {at.fvu:.3f}, {at.dead:.1%} dead"
    return f"step {at.step:,} of {at.steps:,}: {figures}, {at.rows_a_second:,.0f} rows/s"
