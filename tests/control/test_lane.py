"""A stream that nobody wants any more ends before anything else is begun."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from interpviz.control.scheduler import Scheduler
from interpviz.core.jobs import OpenModel
from interpviz.core.report import ASIDE, Report
from interpviz.core.requests import Request
from tests.control.desks import Pump

A, B, C = OpenModel("a"), OpenModel("b"), OpenModel("c")


class Streams:
    """Work that stands aside again and again until it is told to end; how many were under way at once, at most."""

    def __init__(self, held: Request) -> None:
        self._held, self._open = held, 0
        self.begun, self.go, self.log, self.most = Event(), Event(), list[str](), 0

    def compute(self, request: OpenModel, report: Report) -> str:
        self._open += 1
        self.most = max(self.most, self._open)
        self.log.append(f"{request.source} begins")
        try:
            if request == self._held:
                self.begun.set()
                assert self.go.wait(20)
            report(0.5, "half", ASIDE)
            return request.source
        finally:
            self._open -= 1
            self.log.append(f"{request.source} ends")


class Watched:
    """A scheduler on such work, and what it said."""

    def __init__(self) -> None:
        self.streams, self.pump = Streams(A), Pump()
        self.scheduler = Scheduler(self.streams.compute, self.pump.post)  # type: ignore[arg-type]
        self.answers: list[Any] = []
        self.ended: list[Request] = []
        self.problems: list[str] = []
        self.scheduler.answered.connect(lambda request, answer: self.answers.append(answer))
        self.scheduler.ended.connect(lambda request: self.ended.append(request))
        self.scheduler.failed.connect(lambda request, text: self.problems.append(text))


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.streams.go.set()
    made.scheduler.close()


def test_an_unwanted_stream_ends_before_what_is_wanted_instead_begins(watched: Watched):
    watched.scheduler.want([A])
    assert watched.streams.begun.wait(20)
    watched.scheduler.want([B, C])
    watched.streams.go.set()
    watched.pump.until(lambda: len(watched.ended) == 3)
    assert watched.streams.log == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]
    assert (watched.streams.most, watched.answers, watched.problems) == (1, ["b", "c"], [])


def test_a_wanted_stream_stands_aside_for_the_more_wanted_alone(watched: Watched):
    watched.scheduler.want([A])
    assert watched.streams.begun.wait(20)
    watched.scheduler.want([B, A, C])
    watched.streams.go.set()
    watched.pump.until(lambda: len(watched.ended) == 3)
    assert watched.streams.log == ["a begins", "b begins", "b ends", "a ends", "c begins", "c ends"]
    assert (watched.answers, watched.problems) == (["b", "a", "c"], [])
