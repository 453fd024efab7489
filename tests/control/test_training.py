"""What the form of a training decides, and the curves of trainings as they run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from interpviz.control import training
from interpviz.control.scheduler import STOPPED
from interpviz.control.training import Course, TrainForm, TrainingController
from interpviz.core.document import CacheFacts, Document
from interpviz.core.feature_requests import Train
from interpviz.core.feature_results import TrainingPoint
from interpviz.core.features import DictionaryFacts

READS, WRITES = "blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out"
CACHE = CacheFacts("walks", "/caches/walks.acts", "a", "toy", "b", "huggingface", (READS, WRITES), 100_000)
FORM = TrainForm(site=READS, width=256)
JOB = Train(CACHE.source, READS, 256, "topk", "/books/new", k=32)


def filled(tmp_path: Path, **changes: Any) -> TrainForm:
    return replace(FORM, out=str(tmp_path / "new"), **changes)


def test_a_form_becomes_the_job_that_it_describes(tmp_path: Path) -> None:
    form = filled(tmp_path, to=WRITES, skip=True, kind="relu", rows=500_000, seed=3)
    assert training.problem(form, CACHE) == ""
    assert training.job(form, CACHE) == Train(
        "/caches/walks.acts", READS, 256, "relu", str(tmp_path / "new"), WRITES, True, None, None, 500_000, seed=3
    )


def test_a_linear_path_is_for_what_writes_elsewhere(tmp_path: Path) -> None:
    assert not training.job(filled(tmp_path, skip=True), CACHE).skip


@pytest.mark.parametrize(
    ("changes", "tokens", "says"),
    [
        ({"site": ""}, 100_000, "walks holds no activations to learn from"),
        ({}, 20_479, "walks has 20,479 tokens; this takes at least 20,480. Record a larger cache."),
        ({"width": 30_000}, 29_999, "this takes at least 30,000"),
        ({"k": 257}, 100_000, "A row cannot have 257 of 256 features"),
        ({"out": ""}, 100_000, "Choose where to write the dictionary."),
        ({"out": "books"}, 100_000, "Write the whole path of the dictionary"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, changes: dict[str, Any], tokens: int, says: str) -> None:
    assert says in training.problem(replace(filled(tmp_path), **changes), replace(CACHE, tokens=tokens))


def test_k_is_no_matter_where_a_penalty_decides(tmp_path: Path) -> None:
    assert training.problem(filled(tmp_path, kind="relu", k=257), CACHE) == ""


def test_a_name_is_proposed_that_says_what_is_read_and_written() -> None:
    assert training.proposed_name(replace(FORM, to=WRITES), CACHE) == "walks-L1Min-L1M-256"


def test_the_residual_stream_is_proposed_first_where_it_was_recorded() -> None:
    stream = "blocks.1.hook_resid_post"
    assert training.first_form(replace(CACHE, sites=(READS, stream))).site == stream
    assert training.first_form(CACHE).site == READS


@dataclass
class View:
    said: list[Any] = field(default_factory=list)

    def show(self, course: Course) -> None:
        self.said.append(course)

    def explain(self, sentence: str) -> None:
        self.said.append(sentence)


class Signals:
    """Hands what it is told to whoever listens, as a scheduler does."""

    def __init__(self) -> None:
        self.listeners: list[Any] = []

    def connect(self, listener: Any) -> None:
        self.listeners.append(listener)

    def emit(self, *told: Any) -> None:
        for listener in self.listeners:
            listener(*told)


@dataclass
class Events:
    begun: Signals = field(default_factory=Signals)
    partial: Signals = field(default_factory=Signals)
    answered: Signals = field(default_factory=Signals)
    failed: Signals = field(default_factory=Signals)


@pytest.fixture
def view() -> View:
    return View()


@pytest.fixture
def events(view: View) -> Events:
    controller, events = TrainingController(None, view), Events()  # type: ignore[arg-type]  # it asks the desk nothing
    controller.follow(events)  # type: ignore[arg-type]
    controller.update(Document(cache=CACHE))
    return events


def point(step: int, loss: float = 1.0) -> TrainingPoint:
    return TrainingPoint(step, 100, loss, 32.0, 0.1, 0.0, 5000.0)


def test_before_the_first_training_it_says_how_to_start_one(events: Events, view: View) -> None:
    assert view.said[-1].startswith("Nothing was trained yet. Train a dictionary from the menu File")


def test_a_training_grows_point_by_point_and_says_where_it_wrote(events: Events, view: View) -> None:
    events.begun.emit(JOB)
    for step in (10, 20):
        events.partial.emit(JOB, point(step))
    assert view.said[-1] == Course(JOB, (point(10), point(20)))
    events.answered.emit(JOB, DictionaryFacts("new", "/books/new", "0", "topk", READS, 64, 256))
    assert (view.said[-1].running, view.said[-1].outcome) == (False, "Written to /books/new.")


def test_a_training_that_goes_on_drops_what_lay_behind_its_checkpoint(events: Events, view: View) -> None:
    for step in (10, 20, 30):
        events.partial.emit(JOB, point(step))
    events.failed.emit(JOB, STOPPED)
    assert view.said[-1].outcome == "Stopped. Train into the same place again to go on."
    events.begun.emit(JOB)
    events.partial.emit(JOB, point(20, loss=2.0))
    assert view.said[-1] == Course(JOB, (point(10), point(20, loss=2.0)))


def test_a_training_that_is_stopped_and_kept_keeps_its_curve(events: Events, view: View) -> None:
    kept = replace(JOB, keep=True)
    events.partial.emit(JOB, point(10))
    events.failed.emit(JOB, STOPPED)
    events.begun.emit(kept)
    assert view.said[-1] == Course(kept, (point(10),))
    events.answered.emit(kept, DictionaryFacts("new", "/books/new", "0", "topk", READS, 64, 256))
    assert (len(view.said[-1].points), view.said[-1].outcome) == (1, "Written to /books/new.")


def test_the_training_that_began_last_is_the_one_that_is_shown(events: Events, view: View) -> None:
    other = replace(JOB, out="/books/other")
    for job in (JOB, other, JOB):
        events.begun.emit(job)
    assert view.said[-1].job == JOB


def test_too_many_points_are_thinned_and_the_last_is_kept() -> None:
    points = tuple(point(step) for step in range(training.MOST_POINTS + 1))
    kept = training.thinned(points)
    assert (len(kept), kept[0], kept[-1]) == (training.MOST_POINTS // 2 + 1, points[0], points[-1])
