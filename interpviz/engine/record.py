"""A model's activations over texts, recorded as a cache: one pass for all sites, shard by shard, by many hands."""

from __future__ import annotations

import contextlib
import datetime
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from interpviz.core.document import RAW, CacheFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Record
from interpviz.core.report import Report, share, silent
from interpviz.core.sites import Site
from interpviz.data import dictionaries, models
from interpviz.data.activations import Cache
from interpviz.data.manifest import Codes, Job, ShardLine
from interpviz.data.recorder import Recorder, committed_tokens, recording, rows_a_shard
from interpviz.engine.crew import Crew, Hand
from interpviz.engine.dictionaries import SAE
from interpviz.engine.hands import local_hands
from interpviz.engine.lens import Model
from interpviz.engine.memory import available
from interpviz.engine.packing import Packed, packed
from interpviz.engine.shard_maker import ShardRows, read_dictionary, row_bytes

# A worker beside the model's weights: torch, TransformerLens, a batch, and two shards of its writer.
WORKER_BYTES = 2**31
READING = 0.02  # of the work is the tokenizer's
_NO_ROWS = {"edge": "one number of a pattern", "feature": "a feature, which --dictionary FOLDER keeps"}

Hands = Sequence[Callable[[Event], Hand]]


def record(model: Model, asked: Record, report: Report = silent) -> CacheFacts:
    """Run the model over texts and keep what its sites and dictionaries hold at every token, in a cache folder.

    `asked.context` tokens a run, BOS included; it stops after `asked.tokens` rows, else at the end of the texts. The
    head of a site like L1H4 brings its whole layer's heads. The same job goes on where it was interrupted, and only
    opens a cache that is complete. Raises InterpvizError for a site that the model has not, files that are no text, a
    folder that holds something else or is being written, and a disk without room.
    """
    out = Path(asked.out)
    asked = replace(asked, dictionaries=tuple(part for one in asked.dictionaries for part in dictionaries.parts(one)))
    hooks, saes = _hooks(model, asked), _dictionaries(model, asked)
    if not 2 <= asked.context <= model.facts.context:
        raise InterpvizError(
            f"{model.facts.name} reads contexts of 2 to {model.facts.context} tokens. Choose --context."
        )
    files = [Path(text) for text in asked.texts]
    reading, running = share(report, 0.0, READING), share(report, READING, 1.0)
    with packed(model.tokenizer, model.bos, files, asked.context, asked.tokens, _standing(out), reading) as rows:
        job = _job(model, asked, hooks, saes, rows)
        width = row_bytes(model, job)
        if (left := job.tokens - committed_tokens(out, job)) > 0:
            with recording(out, job, left * width) as recorder:
                _Recording(model, asked, job, saes, rows, width, running).into(recorder)
    report(1.0, f"Recorded {job.tokens:,} tokens")
    return Cache.open(out).facts


class _Recording:
    """One recording at work: who makes the shards, and how far it is."""

    def __init__(
        self, model: Model, asked: Record, job: Job, saes: Sequence[SAE], rows: Packed, width: int, report: Report
    ) -> None:
        self._model, self._asked, self._job, self._saes = model, asked, job, saes
        self._rows, self._width, self._report = rows, width, report
        self._a_shard = rows_a_shard(job.context, width)

    def into(self, recorder: Recorder) -> None:
        """Make and commit every shard that is missing."""
        numbers = recorder.missing(-(-self._job.tokens // self._a_shard))
        progress = _Progress(self._job.tokens, recorder.tokens, self._width, self._report)
        with self._hands(recorder.folder, len(numbers)) as hands:
            crew = Crew(hands, numbers, self._shard)
            try:
                for news in crew.news():
                    if isinstance(news, ShardLine):
                        recorder.commit(news)
                    progress.tell(news if isinstance(news, int) else 0)
            finally:
                crew.end()

    def _shard(self, number: int) -> ShardRows:
        start = number * self._a_shard
        token, document, _ = self._rows.rows(start, min(start + self._a_shard, self._job.tokens))
        return ShardRows(number, token, document)

    def _hands(self, folder: Path, shards: int) -> contextlib.AbstractContextManager[Hands]:
        source = self._model.facts.source
        work = {
            "model": source if models.is_name(source) else str(models.resolve(source).path),
            "device": self._model.device.type,
            "job": self._job.model_dump(mode="json"),
            "folder": str(folder.resolve()),
            "dictionaries": [str(Path(name).resolve()) for name in self._asked.dictionaries],
        }
        if self._asked.cluster:
            from interpviz.engine.cluster import cluster_hands

            return cluster_hands(self._asked.cluster, work, self._asked.workers, shards)
        count = max(1, min(self._asked.workers or fitting_workers(self._model), shards))
        return contextlib.nullcontext(local_hands(self._model, self._job, self._saes, folder, work, count))


class _Progress:
    """How far a recording is, in words: tokens, tokens a second, and what will still be written."""

    def __init__(self, tokens: int, held: int, width: int, report: Report) -> None:
        self._tokens, self._done, self._width, self._report = tokens, held, width, report
        self._held, self._started = held, time.perf_counter()

    def tell(self, rows: int) -> None:
        """Say it, with so many more rows done. Raises Cancelled where nobody wants the rest."""
        self._done += rows
        speed = (self._done - self._held) / max(time.perf_counter() - self._started, 1e-9)
        left = (self._tokens - self._done) * self._width
        said = f"{self._done:,} of {self._tokens:,} tokens" + (f", {speed:,.0f} tokens/s" if speed else "")
        self._report(self._done / self._tokens, f"{said}, {left / 1e9:,.2f} GB to write")


def fitting_workers(model: Model) -> int:
    """As many as there are processors, and models that half of the free memory holds; one on a graphics card."""
    if model.device.type != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    weights = sum(weight.nbytes for weight in model.bridge.original_model.parameters())
    free = available()
    return cores if free is None else max(1, min(cores, 1 + free // 2 // (weights + WORKER_BYTES)))


def _hooks(model: Model, asked: Record) -> tuple[str, ...]:
    """The hook names to record, each once, in the order of the model."""
    if not (asked.sites or asked.dictionaries):
        raise InterpvizError("There is nothing to record. Name a site with --site, for instance L1R.")
    sites = [Site.parse(name) for name in asked.sites]
    for site in sites:
        if site.kind in _NO_ROWS:
            raise InterpvizError(f"{site} is {_NO_ROWS[site.kind]}. Name a whole activation, such as L0R.")
        model.facts.check(site)
        if not model.has(site.hook):
            raise InterpvizError(f"{model.facts.name} gives no access to {site}. Choose another part of it.")
    return tuple(dict.fromkeys(site.hook for site in sorted(sites)))


def _dictionaries(model: Model, asked: Record) -> tuple[SAE, ...]:
    found = tuple(read_dictionary(model, folder) for folder in asked.dictionaries)
    names = [sae.facts.name for sae in found]
    if len(set(names)) < len(names):
        raise InterpvizError("Two dictionaries have the same name. Rename the folder of one.")
    return found


def _job(model: Model, asked: Record, hooks: tuple[str, ...], saes: Sequence[SAE], rows: Packed) -> Job:
    codes = tuple(
        Codes(
            name=sae.facts.name,
            sha256=sae.facts.sha256,
            hook=sae.facts.hook,
            features=sae.facts.features,
            k=min(asked.k, sae.facts.features),
        )
        for sae in saes
    )
    return Job(
        model=model.facts.name,
        model_sha256=model.facts.sha256,
        tokenizer_sha256=models.tokenizer_sha256(models.resolve(model.facts.source).path),
        numerics=RAW,
        sites=hooks,
        dtype=asked.dtype,
        context=asked.context,
        tokens=rows.tokens,
        texts=rows.sha256,
        dictionaries=codes,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _standing(out: Path) -> Path:
    """The nearest folder above that is there: the tokens wait on the disk that the cache will be on."""
    place = Path(os.path.abspath(out))
    while not os.path.isdir(place):  # unlike Path's, it never raises
        place = place.parent
    return place
