from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot

from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core import commands
from interpviz.core.document import Prompt
from interpviz.core.requests import GraphRequest, RunRequest
from interpviz.core.results import RunResult
from interpviz.ui.tasks import TaskBar
from tests.ui.conftest import Show
from tests.ui.fakes import MODEL, Work, tokens

LONG = GraphRequest(MODEL, Prompt("a"), None, " b")


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


def test_the_last_answer_says_how_long_it_took(bar: TaskBar, work: Work, store: Store) -> None:
    answer = RunResult(tokens("a"), np.zeros(3, np.float32), None, None, 0.0421)
    store.apply(commands.open_model, MODEL)
    work.answered.emit(RunRequest(MODEL, Prompt("a")), answer)
    assert bar.waited.text() == "Forward pass 42 ms"
    store.apply(commands.set_prompt, "b")
    work.answered.emit(RunRequest(MODEL, Prompt("b")), answer)
    assert bar.waited.text().startswith("Answered in ")
    assert bar.waited.text().endswith("ms · forward pass 42 ms")
