"""Training a dictionary on a cache, from its first row or its last checkpoint to the folder that others open."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.feature_requests import Train
from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report, silent
from interpviz.data import dictionaries
from interpviz.engine.devices import Device, chosen
from interpviz.engine.ranks import Ranks, together
from interpviz.engine.training.checkpoints import Checkpoint, Checkpoints, checkpoints
from interpviz.engine.training.figures import said
from interpviz.engine.training.finish import finished, save
from interpviz.engine.training.learner import Learner, frames_at_rest, on
from interpviz.engine.training.plan import Plan, check_room, planned
from interpviz.engine.training.rows import MEASURED_ROWS, Batch, batches, frames

CHECKPOINT_SECONDS = 60.0
NEWS_SECONDS = 0.1


def train(job: Train, device: Device = "auto", report: Report = silent, spare: int = 0) -> DictionaryFacts:
    """Train the dictionary that a job describes and write it; `spare` processors are left to others.

    The same job goes on from its last checkpoint, with as many threads as it began with, and ends with the same bytes
    on the same machine; one that is finished only says what it is. With `keep` what was learnt until the last
    checkpoint is written, and that is the end of it. Partials of `report` are TrainingPoints. Raises
    InterpvizError for what cannot be trained, a place that holds something else, and a disk without room; Cancelled,
    with a checkpoint, once `report` does.
    """
    plan, out = planned(job), Path(os.path.expanduser(job.out)).resolve()
    if (found := finished(plan, out)) is not None:
        return found
    check_room(plan)
    report(0.0, "opening the last checkpoint")
    on_device = chosen(device)
    with checkpoints(out) as kept:
        last = kept.last(plan.arguments)
        if job.keep and last is None:
            raise InterpvizError(f"Nothing was learnt for {out} yet, so there is nothing to keep. Train it first.")
        threads = last.state["threads"] if last else max(1, (_processors() - spare) // job.launch)
        shared = {"job": asdict(job), "device": on_device, "threads": threads, "folder": str(kept.folder)}
        with together(job.launch, f"{__name__}:follow", shared) as ranks, _threads(threads):
            _Leader(plan, kept, report, *_begun(plan, on_device, last, ranks)).into(out)
        kept.drop()
    return dictionaries.facts(out)


def follow(ranks: Ranks, job: Mapping[str, Any], device: str, threads: int, folder: str) -> None:
    """Take the same steps as the process that leads, which alone reports and writes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all; the one that leads writes a checkpoint first
    plan = planned(Train(**job))
    last = Checkpoints(Path(folder)).last(plan.arguments)
    with _threads(threads):
        learner, stream = _begun(plan, device, last, ranks)
        for batch in islice(stream, 0 if plan.job.keep else plan.steps - learner.steps_done):
            learner.learn(batch)


class _Leader:
    """The process that says how far a training is, and keeps its checkpoints."""

    def __init__(
        self, plan: Plan, kept: Checkpoints, report: Report, learner: Learner, stream: Iterator[Batch]
    ) -> None:
        self._plan, self._kept, self._report = plan, kept, report
        self._learner, self._stream = learner, stream

    def into(self, out: Path) -> None:
        """Take the steps that are left, and write the dictionary."""
        learner, text = self._learner, ""
        steps = learner.steps_done if self._plan.job.keep else self._plan.steps
        told = kept = time.monotonic()
        for batch in islice(self._stream, steps - learner.steps_done):
            learner.learn(batch)
            now, point, ended = time.monotonic(), None, learner.steps_done == steps
            if now - told > NEWS_SECONDS or ended:
                point = learner.point(now - told)
                text, told = said(point), now
            try:
                self._report(learner.steps_done / steps, text, point)
            except Cancelled:
                self._kept.write(learner.at_rest(batch))
                raise
            if now - kept > CHECKPOINT_SECONDS or ended:
                self._kept.write(learner.at_rest(batch))
                kept = now
        save(learner, out)


def _begun(plan: Plan, device: str, last: Checkpoint | None, ranks: Ranks) -> tuple[Learner, Iterator[Batch]]:
    """A training at its start or at its last checkpoint, and the batches that it has not seen."""
    job = plan.job
    if last is None:
        stream = batches(plan.cache, plan.hook, plan.hook_out, job.batch, job.seed)
        first = list(islice(stream, -(-MEASURED_ROWS // job.batch)))
        read, written = frames(first)
        return Learner(plan, on(device, read), on(device, written), device, ranks), chain(first, stream)
    read, written = frames_at_rest(last)
    learner = Learner(plan, on(device, read), on(device, written), device, ranks)
    learner.restore(last)
    epoch, place = last.state["epoch"], last.state["place"] + 1
    return learner, batches(plan.cache, plan.hook, plan.hook_out, job.batch, job.seed, epoch, place)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """So many threads for torch: its sums depend on how many share them."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
