"""Who works on what, and when: lanes of threads that always take the most wanted request next."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from psygnal import Signal

from interpviz.control.lane import Lane
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.report import ASIDE, Report
from interpviz.core.requests import Request

Compute = Callable[[Request, Report], Any]
Post = Callable[[Callable[[], None]], None]

WORKERS = {"model": 1, "files": 2, "processes": 2}
# A pass reports at every layer; each post wakes the window's thread, which then takes the GIL from the pass.
NEWS_SECONDS = 0.1
STOPPED = "Stopped."
_log = logging.getLogger(__name__)


class Scheduler:
    """Answers the requests that are wanted; drops those that are no longer.

    `compute(request, report)` runs on a lane's thread; everything else, and every signal, on the thread that `post`
    brings calls to. A planned request that is no longer wanted is stopped at its next report and its answer dropped.
    A job, started by an act, lives until it is done or cancelled.
    """

    begun = Signal(object)
    progress = Signal(object, float, str)
    partial = Signal(object, object)
    answered = Signal(object, object)
    failed = Signal(object, str)
    ended = Signal(object)

    def __init__(self, compute: Compute, post: Post) -> None:
        self._compute = compute
        self._post = post
        self._planned: tuple[Request, ...] = ()
        self._settled: set[Request] = set()
        self._jobs: dict[Request, Callable[[Any], None]] = {}
        self._lanes = {name: Lane(name, threads, self._work) for name, threads in WORKERS.items()}

    def want(self, requests: Iterable[Request]) -> None:
        """Answer these, first ones first, and nothing else but the jobs. Failed ones are not tried again."""
        self._planned = tuple(requests)
        self._settled &= set(self._planned)
        self._share_out()

    @property
    def jobs(self) -> tuple[Request, ...]:
        """What acts started and is neither done nor cancelled."""
        return tuple(self._jobs)

    def start(self, job: Request, done: Callable[[Any], None]) -> None:
        """Do this now, before what is planned, and call `done` with its answer."""
        self._settled.discard(job)
        self._jobs[job] = done
        self._share_out()

    def cancel(self, request: Request) -> None:
        """Stop this request and its like of other layers; they are not begun again until unwanted for a while."""
        self._jobs.pop(request, None)
        for one in (request, *filter(partial(_of_one_sweep, request), self._planned)):
            if one not in self._settled:
                self._settled.add(one)
                self.failed.emit(one, STOPPED)
        self._share_out()

    def close(self) -> None:
        """Stop all work and wait for the threads to end."""
        self._planned, self._jobs = (), {}
        for lane in self._lanes.values():
            lane.close()

    def _wanted(self, request: Request) -> bool:
        return request in self._jobs or (request in self._planned and request not in self._settled)

    def _share_out(self) -> None:
        queue = [*self._jobs, *(request for request in self._planned if self._wanted(request))]
        for name, lane in self._lanes.items():
            lane.want(tuple(dict.fromkeys(request for request in queue if request.lane == name)))

    def _work(self, request: Request, report: Report) -> None:
        """On a lane's thread: compute, and post what came of it."""
        self._post(lambda: self.begun.emit(request))

        told = time.monotonic()

        def tell(fraction: float, text: str = "", partial: Any = None) -> None:
            nonlocal told
            report(fraction, text, partial)
            partial = None if partial is ASIDE else partial
            if partial is not None or time.monotonic() - told > NEWS_SECONDS:
                told = time.monotonic()
                self._post(lambda: self._heard(request, fraction, text, partial))

        try:
            answer = self._compute(request, tell)
            self._post(lambda: self._done(request, answer))
        except Cancelled:
            self._post(lambda: self._stopped(request))
        except InterpvizError as error:
            sentence = str(error)
            self._post(lambda: self._broke(request, sentence))
        except Exception:
            _log.exception("%s failed", type(request).__name__)
            sentence = f"{type(request).__name__} failed by a fault of ours; the log says how. Try another prompt."
            self._post(lambda: self._broke(request, sentence))

    def _heard(self, request: Request, fraction: float, text: str, partial: Any) -> None:
        if self._wanted(request):
            self.progress.emit(request, fraction, text)
            if partial is not None:
                self.partial.emit(request, partial)

    def _settle(self, request: Request, wanted: bool) -> None:
        """Begin it no more, unless what came of it was dropped: then it may be wanted again."""
        if wanted:
            self._settled.add(request)
        self._release(request)

    def _release(self, request: Request) -> None:
        self._share_out()  # first, so that the lane does not begin what was just done once more
        self._lanes[request.lane].release(request)
        self.ended.emit(request)

    def _stopped(self, request: Request) -> None:
        self._release(request)

    def _done(self, request: Request, answer: Any) -> None:
        wanted, finish = self._wanted(request), self._jobs.pop(request, None)
        self._settle(request, wanted)
        if wanted:
            self.answered.emit(request, answer)
        if finish:
            finish(answer)

    def _broke(self, request: Request, sentence: str) -> None:
        wanted = self._wanted(request)
        self._jobs.pop(request, None)
        self._settle(request, wanted)
        if wanted:
            self.failed.emit(request, sentence)


def _of_one_sweep(one: Any, other: Any) -> bool:
    """Whether two requests differ by their layer alone."""
    if one == other or type(one) is not type(other) or not hasattr(one, "layer"):
        return False
    return bool(replace(other, layer=one.layer) == one)
