"""The scheduler: what runs, what waits, what is dropped. Work is held and released, never slept for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from interpviz.control.scheduler import Scheduler
from interpviz.core.document import Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import OpenModel
from interpviz.core.report import Report
from interpviz.core.requests import Request, SweepRequest
from tests.control.desks import MODEL, Engine, Pump

A, B, C = OpenModel("a"), OpenModel("b"), OpenModel("c")


class Heard:
    """A scheduler on an engine, and all that it said."""

    def __init__(self) -> None:
        self.engine, self.pump = Engine({A: "a!", B: "b!", C: "c!"}), Pump()
        self.scheduler = Scheduler(self.engine.compute, self.pump.post)
        self.answers: list[Any] = []
        self.problems: list[tuple[Request, str]] = []
        self.ended: list[Request] = []
        self.scheduler.answered.connect(lambda request, answer: self.answers.append(answer))
        self.scheduler.failed.connect(lambda request, text: self.problems.append((request, text)))
        self.scheduler.ended.connect(lambda request: self.ended.append(request))


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    yield heard
    for event in heard.engine.held.values():
        event.set()
    heard.scheduler.close()


def test_requests_are_answered_most_wanted_first(heard: Heard):
    heard.scheduler.want([B, A, C])
    heard.pump.until(lambda: len(heard.answers) == 3)
    assert heard.answers == ["b!", "a!", "c!"]


def test_an_answer_that_is_no_longer_wanted_is_dropped(heard: Heard):
    begun, go = heard.engine.hold(A)
    heard.scheduler.want([A])
    assert begun.wait(20)
    heard.scheduler.want([B])
    go.set()
    heard.pump.until(lambda: B in heard.ended)
    assert heard.answers == ["b!"]


def test_what_was_dropped_is_done_again_when_it_is_wanted_again():
    engine, pump, posted = Engine({A: "a!", B: "b!"}), Pump(), threading.Semaphore(0)

    def post(call: Any) -> None:
        pump.post(call)
        posted.release()

    scheduler, answers = Scheduler(engine.compute, post), []
    scheduler.answered.connect(lambda request, answer: answers.append(answer))
    scheduler.want([A])
    assert posted.acquire(timeout=20)  # that it began
    assert posted.acquire(timeout=20)  # that it is done
    scheduler.want([B])
    pump.drain()
    scheduler.want([A])
    pump.until(lambda: answers == ["a!"])
    assert engine.asked.count(A) == 2
    scheduler.close()


def test_a_long_stream_stands_aside_for_a_click(heard: Heard):
    heard.engine.parts[A] = "half"
    begun, go = heard.engine.hold(A)
    heard.scheduler.want([A])
    assert begun.wait(20)
    heard.scheduler.want([B, A])
    go.set()
    heard.pump.until(lambda: len(heard.answers) == 2)
    assert heard.answers == ["b!", "a!"]


def test_a_finished_request_is_not_begun_again_before_its_answer_was_seen(heard: Heard):
    heard.scheduler.want([A])
    begun, go = heard.engine.hold(B)
    heard.scheduler.want([A, B])
    assert begun.wait(20)
    heard.scheduler.want([A, B])
    go.set()
    heard.pump.until(lambda: len(heard.answers) == 2)
    assert heard.engine.asked.count(A) == 1


def test_an_answered_request_is_computed_once(heard: Heard):
    for request in (A, B, C, A, B):
        heard.scheduler.want([request])
        heard.pump.until(lambda: bool(heard.ended))
        heard.ended.clear()
    heard.scheduler.close()
    assert heard.engine.asked == [A, B, C, A, B]


def test_a_mistake_is_told_once_and_not_tried_again(heard: Heard):
    heard.engine.answers[A] = InterpvizError("Two tokens.")
    heard.scheduler.want([A])
    heard.pump.until(lambda: bool(heard.problems))
    heard.scheduler.want([A, B])
    heard.pump.until(lambda: bool(heard.answers))
    assert heard.problems == [(A, "Two tokens.")]
    assert heard.engine.asked.count(A) == 1


def test_a_mistake_is_tried_again_once_it_was_unwanted(heard: Heard):
    heard.engine.answers[A] = InterpvizError("Two tokens.")
    heard.scheduler.want([A])
    heard.pump.until(lambda: bool(heard.problems))
    heard.scheduler.want([])
    heard.engine.answers[A] = "better"
    heard.scheduler.want([A])
    heard.pump.until(lambda: bool(heard.answers))
    assert heard.answers == ["better"]


def test_a_fault_of_ours_is_a_sentence_too_and_is_logged(heard: Heard, caplog: pytest.LogCaptureFixture):
    heard.engine.answers[A] = RuntimeError("shape mismatch")
    heard.scheduler.want([A])
    heard.pump.until(lambda: bool(heard.problems))
    assert "fault of ours" in heard.problems[0][1]
    assert "shape mismatch" in caplog.text


def test_a_job_is_done_whatever_is_planned(heard: Heard):
    begun, go = heard.engine.hold(C)
    done: list[Any] = []
    heard.scheduler.start(C, done.append)
    assert begun.wait(20)
    heard.scheduler.want([A])
    go.set()
    heard.pump.until(lambda: bool(done) and "a!" in heard.answers)
    assert done == ["c!"]


def test_a_cancelled_job_stops_at_its_next_report(heard: Heard):
    begun, go = heard.engine.hold(C)
    done: list[Any] = []
    heard.scheduler.start(C, done.append)
    assert begun.wait(20)
    heard.scheduler.cancel(C)
    go.set()
    heard.pump.until(lambda: C in heard.ended)
    assert (done, heard.problems) == ([], [(C, "Stopped.")])


def test_partial_answers_are_told_while_they_are_wanted():
    def stream(request: Request, report: Report) -> str:
        for step in range(3):
            report(step / 3, "step", step)
        return "all"

    pump, parts, answers = Pump(), [], []
    scheduler = Scheduler(stream, pump.post)
    scheduler.partial.connect(lambda request, value: parts.append(value))
    scheduler.answered.connect(lambda request, value: answers.append(value))
    scheduler.want([A])
    pump.until(lambda: bool(answers))
    scheduler.close()
    assert parts == [0, 1, 2]


def test_closing_leaves_no_thread_behind():
    before = set(threading.enumerate())
    pump, engine = Pump(), Engine()
    scheduler = Scheduler(engine.compute, pump.post)
    begun, go = engine.hold(A)
    scheduler.want([A, B])
    assert begun.wait(20)
    go.set()
    scheduler.close()
    assert set(threading.enumerate()) == before


def test_cancelling_a_sweep_stops_its_other_layers_too():
    layers = [SweepRequest(MODEL, Prompt("a"), "x", "y", layer) for layer in range(3)]
    other = SweepRequest(MODEL, Prompt("b"), "x", "y", 0)
    engine, pump, problems = Engine(), Pump(), []
    begun, go = engine.hold(layers[2])
    scheduler = Scheduler(engine.compute, pump.post)
    scheduler.failed.connect(lambda request, text: problems.append((request, text)))
    answered: list[Request] = []
    scheduler.answered.connect(lambda request, answer: answered.append(request))
    scheduler.want([layers[2], layers[1], layers[0], other])
    assert begun.wait(20)
    scheduler.cancel(layers[2])
    go.set()
    pump.until(lambda: answered == [other])
    assert {request for request, _ in problems} == set(layers)
    scheduler.close()
