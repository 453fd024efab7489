"""Small real parts for the tests of control: a model's facts, a pump for posted calls, an engine that remembers."""

from __future__ import annotations

import queue
from collections.abc import Callable
from threading import Event
from typing import Any

import numpy as np

from interpviz.control.desk import Desk
from interpviz.control.memo import Memo
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core.document import CacheFacts, Document, ModelFacts, Prompt
from interpviz.core.report import Report
from interpviz.core.requests import Request

MODEL = ModelFacts("toy", "toy", "aa", 2, 3, 3, 8, 16, 5, 64)
CACHE = CacheFacts("c.acts", "c.acts", "cc", "toy", "aa", "huggingface", ("blocks.0.hook_resid_post",), 6)
DOCUMENT = Document(model=MODEL, prompt=Prompt("a b"), target=" x", distractor=" y")


class Pump:
    """The main thread of a test: holds posted calls until the test lets them through."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], None]] = queue.Queue()

    def post(self, call: Callable[[], None]) -> None:
        self._calls.put(call)

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._calls.get(timeout=20)()

    def drain(self) -> None:
        while not self._calls.empty():
            self._calls.get()()


class Engine:
    """Remembers what it was asked; answers from `answers`; requests in `held` wait for their event, reporting."""

    def __init__(self, answers: dict[Any, Any] | None = None) -> None:
        self.answers = answers or {}
        self.parts: dict[Request, Any] = {}
        self.held: dict[Request, Event] = {}
        self.begun: dict[Request, Event] = {}
        self.asked: list[Request] = []

    def hold(self, request: Request) -> tuple[Event, Event]:
        """The event that tells when it began, and the one that lets it go on."""
        self.begun[request], self.held[request] = Event(), Event()
        return self.begun[request], self.held[request]

    def compute(self, request: Request, report: Report) -> Any:
        self.asked.append(request)
        if request in self.held:
            self.begun[request].set()
            assert self.held[request].wait(20)
        report(0.5, "half", self.parts.get(request))
        answer = self.answers.get(request, self.answers.get(type(request), np.zeros(1)))
        if isinstance(answer, Exception):
            raise answer
        return answer


class Bench:
    """Store, scheduler, desk and pump on an engine; close it at the end."""

    def __init__(self, engine: Engine, document: Document | None = None, memo: Memo | None = None) -> None:
        self.engine = engine
        self.pump = Pump()
        self.store = Store(document)
        self.scheduler = Scheduler(engine.compute, self.pump.post)
        self.desk = Desk(self.store, self.scheduler, memo or Memo())

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        for event in self.engine.held.values():
            event.set()
        self.scheduler.close()
        self.pump.drain()


class View:
    """Remembers what a panel was told."""

    def __init__(self) -> None:
        self.pictures: list[Any] = []
        self.sentences: list[str] = []

    def show(self, picture: Any) -> None:
        self.pictures.append(picture)

    def explain(self, sentence: str) -> None:
        self.sentences.append(sentence)
