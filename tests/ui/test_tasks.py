from __future__ import annotations

from typing import cast, get_args

import numpy as np
import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot

from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core import commands, jobs, repairs, requests
from interpviz.core import feature_requests as asked
from interpviz.core.document import Document, Prompt
from interpviz.core.feature_results import Notes
from interpviz.core.features import DictionaryFacts, IndexFacts
from interpviz.core.requests import GraphRequest, Request, RunRequest
from interpviz.core.results import RunResult
from interpviz.core.sites import Site
from interpviz.ui.tasks import TaskBar
from tests.ui.conftest import Show
from tests.ui.fakes import CACHE, MODEL, Work, tokens

A, HEAD = Prompt("a"), Site(0, "head", 0)
BOOK = DictionaryFacts("book", "/books/book", "0", "standard", "blocks.1.hook_resid_post", 8, 100)
INDEX = IndexFacts("book", "/books/book.features.h5", "1", "book", "0", "aa", "c", "cc", 100, 6)
LONG = GraphRequest(MODEL, A, None, " b")
EVERY: dict[Request, str] = {
    jobs.OpenModel("demo"): "Opening the model",
    jobs.OpenCache("a"): "Opening the cache",
    jobs.OpenDictionary("a"): "Opening the dictionary",
    jobs.OpenSession("a"): "Opening the session",
    jobs.SaveSession(Document(), "a"): "Saving the session",
    jobs.ContentsRequest("a"): "Looking at the file",
    jobs.Record("demo", ("a.txt",), ("L0R",), "a.acts"): "Recording activations",
    jobs.LookInto("a"): "Looking into the activations",
    jobs.Import("a", "a.acts"): "Importing activations",
    asked.Train("a.acts", "L0R", 64, "topk", "sae"): "Training a dictionary",
    asked.FitRequest(MODEL, BOOK): "Measuring the dictionary",
    asked.Index("sae", "demo", "a.acts"): "Building the index of features",
    asked.OpenIndex("a.features.h5"): "Opening the index",
    asked.FeatureTableRequest(INDEX): "Reading the features",
    asked.FeaturePageRequest(INDEX, 0): "Reading the feature",
    asked.PromptFeaturesRequest(MODEL, A, BOOK): "Reading the prompt's features",
    asked.TryFeature(MODEL, A, BOOK, 0): "Trying the feature",
    asked.NotesRequest("0" * 64): "Reading the notes",
    asked.WriteNotes("0" * 64, Notes()): "Keeping the notes",
    asked.ExportFeatures(INDEX, "a"): "Exporting the features",
    asked.ReadExplanations("a"): "Reading the explanations",
    requests.TokensRequest(MODEL, A): "Reading the prompt's tokens",
    requests.VocabularyRequest(MODEL): "Reading the vocabulary",
    requests.TargetRequest(MODEL, " b"): "Reading the target's token",
    requests.RunRequest(MODEL, A): "Running the model",
    requests.GenerateRequest(MODEL, A): "Continuing the prompt",
    requests.AttributionRequest(MODEL, A, " b"): "Attributing the logits",
    requests.PatchingEstimateRequest(MODEL, A, " b"): "Estimating each effect",
    requests.WritesRequest(MODEL, A): "Measuring what is written",
    requests.SweepRequest(MODEL, A, " b", "", 0): "Ablating each component",
    requests.PatchingRequest(MODEL, A, A, " b", "", "resid", 0): "Patching",
    requests.PathRequest(MODEL, A, " b", "", ((HEAD,),)): "Following the paths",
    repairs.SelfRepairRequest(MODEL, A, " b", "", HEAD): "Measuring self-repair",
    repairs.HydraRequest(MODEL, A, " b"): "Measuring each layer's impact",
    requests.PatternRequest(MODEL, A, 0): "Reading attention",
    requests.NormsRequest(MODEL, A): "Measuring norms",
    requests.HeadsRequest(MODEL): "Scoring the heads",
    LONG: "Tracing the circuit",
    requests.CacheTokensRequest(CACHE): "Reading the cache's tokens",
    requests.RowsRequest(CACHE, 0, 1): "Reading the cache",
    requests.CloudRequest(CACHE, "E", "pca"): "Mapping the cloud",
}


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def bar(work: Work, store: Store, on_screen: Show) -> TaskBar:
    made = TaskBar(store, cast(Scheduler, work))
    on_screen(made, 900, 30)
    return made


def test_work_that_lasts_appears_with_its_share_and_goes_when_it_ends(bar: TaskBar, work: Work, qtbot: QtBot) -> None:
    work.begun.emit(LONG)
    assert bar.running() == ()
    qtbot.waitUntil(lambda: bar.running() == ("Tracing the circuit",))
    work.progress.emit(LONG, 0.42, "layer 3")
    assert "Tracing the circuit: layer 3 · 42%" in [label.text() for label in bar.findChildren(QLabel)]
    work.ended.emit(LONG)
    assert bar.running() == ()


def test_every_kind_of_work_is_called_by_what_it_does(bar: TaskBar, work: Work, qtbot: QtBot) -> None:
    for request in EVERY:
        work.begun.emit(request)
    qtbot.waitUntil(lambda: len(bar.running()) == len(EVERY))
    assert bar.running() == tuple(EVERY.values())
    assert {type(request) for request in EVERY} == set(get_args(Request))


def test_work_that_is_over_soon_never_appears(bar: TaskBar, work: Work, qtbot: QtBot) -> None:
    work.begun.emit(LONG)
    work.ended.emit(LONG)
    with qtbot.waitSignal(bar.destroyed, timeout=600, raising=False):
        pass
    assert bar.running() == ()


def test_cancel_stops_that_work(bar: TaskBar, work: Work, qtbot: QtBot) -> None:
    work.begun.emit(LONG)
    qtbot.waitUntil(lambda: bool(bar.running()))
    next(one for one in bar.findChildren(QAbstractButton) if one.text() == "Cancel").click()
    assert work.cancelled == [LONG]
    work.ended.emit(LONG)


def test_what_is_cancelled_goes_at_once_and_not_when_its_process_has_ended(
    bar: TaskBar, work: Work, qtbot: QtBot
) -> None:
    work.begun.emit(LONG)
    qtbot.waitUntil(lambda: bool(bar.running()))
    work.failed.emit(LONG, "Stopped.")
    assert bar.running() == ()
    work.ended.emit(LONG)


def test_a_long_job_says_how_much_time_is_left(
    bar: TaskBar, work: Work, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.begun.emit(LONG)
    qtbot.waitUntil(lambda: bool(bar.running()))
    clock = [0.0]
    monkeypatch.setattr("interpviz.ui.tasks.time.perf_counter", lambda: clock[0])
    said = []
    for clock[0], fraction in ((0.0, 0.01), (90.0, 0.04), (100.0, 0.2), (101.0, 0.21), (110.0, 0.4), (1100.0, 0.45)):
        work.progress.emit(LONG, fraction, "x")
        said.append(next(label.text() for label in bar.findChildren(QLabel) if "circuit" in label.text()))
    assert [one.removeprefix("Tracing the circuit: x · ") for one in said] == [
        "1%",
        "4%",
        "20%",
        "21%",
        "40%, 30 s left",  # 20% in 10 s
        "45%, 37 min left",  # 25% in 1,000 s
    ]
    work.ended.emit(LONG)


def test_a_long_sentence_gives_way_in_a_narrow_window(bar: TaskBar, work: Work, qtbot: QtBot) -> None:
    work.begun.emit(LONG)
    qtbot.waitUntil(lambda: bool(bar.running()))
    work.progress.emit(LONG, 0.1, "88,064 of 519,966 tokens, 18,625 tokens/s, 0.34 GB to write")
    assert bar.minimumSizeHint().width() < 400
    text = next(label for label in bar.findChildren(QLabel) if "circuit" in label.text())
    assert text.text().endswith("0.34 GB to write · 10%")
    work.ended.emit(LONG)


def test_the_last_answer_says_how_long_it_took(bar: TaskBar, work: Work, store: Store) -> None:
    answer = RunResult(tokens("a"), np.zeros(3, np.float32), None, None, 0.0421)
    store.apply(commands.open_model, MODEL)
    work.answered.emit(RunRequest(MODEL, Prompt("a")), answer)
    assert bar.waited.text() == "Forward pass 42 ms"
    store.apply(commands.set_prompt, "b")
    work.answered.emit(RunRequest(MODEL, Prompt("b")), answer)
    assert bar.waited.text().startswith("Answered in ")
    assert bar.waited.text().endswith("ms · forward pass 42 ms")
