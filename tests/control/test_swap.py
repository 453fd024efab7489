"""Another model is opened in the middle of a sweep: the sweep ends, and every number is that of its own model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from interpviz.control.actions import Actions
from interpviz.control.desk import Desk
from interpviz.control.memo import Memo
from interpviz.control.plan import plan
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core.document import ComponentsView, Document, Prompt
from interpviz.core.errors import Cancelled
from interpviz.core.interventions import Intervention
from interpviz.core.jobs import OpenModel
from interpviz.core.report import ASIDE, Report
from interpviz.core.requests import Request, SweepRequest
from interpviz.core.results import Effects, RunResult
from interpviz.engine.compute import Engine
from tests.control.desks import Pump
from tests.engine import tiny

SHOWN = Document(
    prompt=Prompt("c e g c i"),
    contrast=Prompt("c b g c i"),
    target="d",
    distractor="f",
    interventions=frozenset({Intervention.parse("L1H2")}),
    panels=frozenset({"outputs", "components", "patching", "circuit", "interventions"}),
    components=ComponentsView("table"),
)


class Held:
    """The real engine; one sweep of the first model waits in the middle of its pass until `go`."""

    def __init__(self) -> None:
        self.engine, self.begun, self.go = Engine(), Event(), Event()
        self.sweep: SweepRequest | None = None
        self.log: list[tuple[str, Request]] = []

    def compute(self, request: Request, report: Report) -> Any:
        self.log.append(("begins", request))

        def holding(fraction: float, text: str = "", partial: Any = None) -> None:
            if isinstance(request, SweepRequest) and partial is ASIDE and self.sweep in (None, request):
                self.sweep = request
                self.begun.set()
                assert self.go.wait(20)
            report(fraction, text, partial)

        try:
            return self.engine.compute(request, holding)
        except Cancelled:
            self.log.append(("is cancelled", request))
            raise
        finally:
            self.log.append(("ends", request))


class Window:
    """All of a window but its widgets, and what it said."""

    def __init__(self) -> None:
        self.held, self.pump, self.store, self.memo = Held(), Pump(), Store(), Memo()
        self.scheduler = Scheduler(self.held.compute, self.pump.post)
        self.desk = Desk(self.store, self.scheduler, self.memo)
        self.actions = Actions(self.store, self.scheduler, self.desk, self.pump.post)
        self.told: dict[str, list[Request]] = {"answered": [], "partial": [], "ended": []}
        self.sentences: list[str] = []
        self.scheduler.answered.connect(lambda request, answer: self.told["answered"].append(request))
        self.scheduler.partial.connect(lambda request, answer: self.told["partial"].append(request))
        self.scheduler.ended.connect(lambda request: self.told["ended"].append(request))
        self.scheduler.failed.connect(lambda request, text: self.sentences.append(text))
        self.actions.problem.connect(self.sentences.append)

    def open(self, folder: Path) -> None:
        self.actions("model.open", str(folder))

    def settle(self, folder: Path) -> None:
        """Until this model is shown, and all that it needs is answered."""
        self.pump.until(lambda: self.shows(folder) and self.desk.settled)

    def shows(self, folder: Path) -> bool:
        model = self.store.document.model
        return model is not None and model.source == str(folder)

    def answers(self) -> dict[Request, Any]:
        return {request: self.desk.answer(request) for request in plan(self.store.document)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three models of other shapes, with the same tokenizer."""
    made = (tiny.llama(), tiny.gpt2(), tiny.llama(layers=2, heads=3, kv_heads=3))
    return [tiny.save(model, tmp_path_factory.mktemp(f"model{number}")) for number, model in enumerate(made)]


@pytest.fixture
def window(folders: list[Path]) -> Iterator[Window]:
    """The first model is open, and the sweep of one of its layers is under way."""
    window = Window()
    window.store.replace(replace(SHOWN, model=window.held.engine.compute(OpenModel(str(folders[0])))))
    assert window.held.begun.wait(20)
    window.pump.drain()
    yield window
    window.held.go.set()
    window.scheduler.close()


def numbers(answer: Any) -> list[np.ndarray[Any, Any]]:
    """The numbers of an answer, in the order of its fields."""
    fields = (getattr(answer, name) for name in getattr(answer, "__dataclass_fields__", ()))
    return [field for field in fields if isinstance(field, np.ndarray)]


def assert_fresh(answers: dict[Request, Any]) -> None:
    """Every answer is that of an engine that never knew another model."""
    engine = Engine()
    for request, answer in answers.items():
        fresh = engine.compute(request)
        assert type(answer) is type(fresh)
        for ours, expected in zip(numbers(answer), numbers(replace(fresh, **_dropped(answer))), strict=True):
            np.testing.assert_allclose(ours, expected, atol=1e-4, rtol=1e-4)


def _dropped(answer: Any) -> dict[str, None]:
    """The memo holds the logits of a sweep apart from it."""
    return {"logits": None} if isinstance(answer, Effects) else {}


def test_the_sweep_has_ended_before_anything_of_the_new_model_is_asked(window: Window, folders: list[Path]):
    swept = window.held.sweep
    window.open(folders[1])
    window.held.go.set()
    window.settle(folders[1])
    assert swept is not None
    assert swept in window.told["ended"]
    assert swept not in window.told["answered"] + window.told["partial"]
    log = window.held.log
    happened = [what for what, request in log if request == swept]
    assert (happened[0], happened[-1]) == ("begins", "ends")  # its last layer may be done before the news arrives
    own = [place for place, (_, request) in enumerate(log) if getattr(request, "model", None) != swept.model]
    asked = [place for place in own if not isinstance(log[place][1], OpenModel)]
    assert log.index(("ends", swept)) < min(asked)
    assert window.sentences == []


@pytest.mark.parametrize("opened", [[1], [2], [1, 2]])
def test_every_answer_is_that_of_its_own_model(window: Window, folders: list[Path], opened: list[int]):
    for number in opened:
        window.open(folders[number])
    window.held.go.set()
    window.settle(folders[opened[-1]])
    answers = window.answers()
    assert {getattr(request, "model", None) for request in answers} == {window.store.document.model}
    assert any(isinstance(answer, RunResult) for answer in answers.values())
    assert any(isinstance(request, SweepRequest) for request in answers)
    assert window.store.document.interventions == frozenset()
    assert_fresh(answers)
    assert window.sentences == []


def back_by_undo(window: Window, folder: Path) -> None:
    while not window.shows(folder):
        window.actions("edit.undo")


def back_by_opening(window: Window, folder: Path) -> None:
    window.open(folder)


@pytest.mark.slow
@pytest.mark.parametrize("back", [back_by_undo, back_by_opening])
@pytest.mark.parametrize("opened", [[1], [1, 2]])
def test_going_back_gives_the_first_model_s_numbers(
    window: Window, folders: list[Path], opened: list[int], back: Callable[[Window, Path], None]
):
    first = window.store.document
    for number in opened:
        window.open(folders[number])
    window.held.go.set()
    window.settle(folders[opened[-1]])
    back(window, folders[0])
    window.settle(folders[0])
    answers = window.answers()
    assert window.held.sweep in answers
    assert_fresh(answers)
    assert (window.store.document == first) == (back is back_by_undo)
    assert window.sentences == []
