"""A few threads that serve one kind of work, the most wanted request first."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Thread
from typing import Any

from interpviz.core.errors import Cancelled
from interpviz.core.report import Report
from interpviz.core.requests import Request

Work = Callable[[Request, Report], None]


class Lane:
    """`work(request, report)` runs on one of the lane's threads; `want` replaces what waits and what may go on.

    A report raises Cancelled once its request is unwanted. A stream that hands over a partial answer while a more
    wanted request waits on a lane of one thread stands aside for it: the other is worked off inside that report, so a
    click never waits long.
    Finished work counts as running until `release`, so that nothing is done twice before its answer was seen.
    """

    def __init__(self, name: str, threads: int, work: Work) -> None:
        self._name = name
        self._work = work
        self._ready = Condition()
        self._wanted: tuple[Request, ...] = ()
        self._running: set[Request] = set()
        self._open = True
        self._threads = [Thread(target=self._serve, name=f"{name} lane", daemon=True) for _ in range(threads)]
        self._started = False

    def want(self, requests: tuple[Request, ...]) -> None:
        """Work on these, first ones first, and on nothing else."""
        with self._ready:
            self._wanted = requests
            self._ready.notify_all()
            if requests and not self._started:
                self._started = True
                for thread in self._threads:
                    thread.start()

    def release(self, request: Request) -> None:
        """The outcome of this request was seen: it may be begun again if it is wanted."""
        with self._ready:
            self._running.discard(request)
            self._ready.notify_all()

    def close(self) -> None:
        """Let running work stop at its next report, and wait for the threads."""
        with self._ready:
            self._open, self._wanted = False, ()
            self._ready.notify_all()
        for thread in self._threads if self._started else ():
            thread.join()

    def _serve(self) -> None:
        while (request := self._next()) is not None:
            self._run(request)

    def _next(self) -> Request | None:
        with self._ready:
            while self._open:
                waiting = next((r for r in self._wanted if r not in self._running), None)
                if waiting is not None:
                    self._running.add(waiting)
                    return waiting
                self._ready.wait()
            return None

    def _run(self, request: Request) -> None:
        def report(fraction: float, text: str = "", partial: Any = None) -> None:
            alone = len(self._threads) == 1
            while alone and partial is not None and (urgent := self._more_wanted(request)) is not None:
                self._run(urgent)
            if request not in self._wanted:
                raise Cancelled

        self._work(request, report)

    def _more_wanted(self, request: Request) -> Request | None:
        """What waits and is more wanted than this one; nothing if this one is unwanted: it ends first."""
        with self._ready:
            if request not in self._wanted:
                return None
            for other in self._wanted:
                if other == request:
                    return None
                if other not in self._running:
                    self._running.add(other)
                    return other
            return None
