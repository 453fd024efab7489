"""The jobs that get a process of their own: how each is done there, and what its answers are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interpviz.core.document import CacheFacts
from interpviz.core.feature_requests import Index, Train
from interpviz.core.feature_results import IndexSoFar, TrainingPoint
from interpviz.core.features import DictionaryFacts, IndexFacts
from interpviz.core.jobs import Import, Record
from interpviz.core.report import Report, share

if TYPE_CHECKING:  # the window imports this, and no torch
    from interpviz.engine.devices import Device

OPENING = 0.02  # of the work is opening the model


@dataclass(frozen=True)
class JobType:
    """`run` does the job, given the device; `answer` and `partial` are the dataclasses that it hands over.

    Their fields are what JSON can say, tuples among them: they cross a pipe by `asdict`. `ending` are the seconds that
    it has to tidy up after itself once nobody wants it any more.
    """

    run: Callable[[Any, Device, Report], Any]
    answer: type
    partial: type | None = None
    ending: float = 2.0


def _record(job: Record, device: Device, report: Report) -> CacheFacts:
    from interpviz.engine.compute import Engine
    from interpviz.engine.record import record

    model = Engine(device).open_model(job.model, share(report, 0.0, OPENING)).model
    return record(model, job, share(report, OPENING, 1.0))


def _import(job: Import, device: Device, report: Report) -> CacheFacts:
    from interpviz.data.foreign import importing

    return importing.run(job, report)


def _train(job: Train, device: Device, report: Report) -> DictionaryFacts:
    from interpviz.engine.training.train import train

    return train(job, device, report, spare=1)  # one core stays the window's


def _index(job: Index, device: Device, report: Report) -> IndexFacts:
    from interpviz.engine.compute import Engine
    from interpviz.engine.indexing.build import index

    model = Engine(device).open_model(job.model, share(report, 0.0, OPENING)).model
    return index(model, job, share(report, OPENING, 1.0))


JOB_TYPES: dict[type, JobType] = {
    Record: JobType(_record, CacheFacts),
    Import: JobType(_import, CacheFacts),
    Train: JobType(_train, DictionaryFacts, TrainingPoint, ending=120.0),  # a checkpoint of a wide one is gigabytes
    Index: JobType(_index, IndexFacts, IndexSoFar),
}
