"""A model's activations over texts, recorded as a cache: one pass for all sites, shard by shard."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interpviz.core.document import CacheFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import F4
from interpviz.core.sites import Site
from interpviz.data import models
from interpviz.data.activations import Cache
from interpviz.data.manifest import Job
from interpviz.data.recorder import SHARD_BYTES, SHARD_TOKENS, Recorder, committed_tokens, recording
from interpviz.engine.blocks import Hook
from interpviz.engine.lens import Model
from interpviz.engine.packing import Packed, packed
from interpviz.engine.parts import per_part
from interpviz.engine.tokens import text_of

BATCH_TOKENS = 2048
BATCH_BYTES = 64 * 2**20


def record(
    model: Model,
    files: Sequence[Path],
    sites: Sequence[Site],
    out: Path,
    tokens: int | None = None,
    context: int = 128,
    report: Report = silent,
) -> CacheFacts:
    """Run the model over text files and keep what its sites hold at every token, in the cache folder `out`.

    `context` tokens a run, BOS included; it stops after `tokens` rows, else at the end of the texts. The head of a
    site like L1H4 brings its whole layer's heads. The same call goes on where one was interrupted, and only opens a
    cache that is complete. Raises InterpvizError for a site that the model has not, files that are no text, a folder
    that holds something else, and a disk without room.
    """
    hooks = _hooks(model, sites)
    if not 2 <= context <= model.facts.context:
        raise InterpvizError(
            f"{model.facts.name} reads contexts of 2 to {model.facts.context} tokens. Choose --context."
        )
    rows = packed(model.tokenizer, model.bos, files, context, tokens, report)
    job = _job(model, hooks, rows, context)
    held = committed_tokens(out, job)
    if held < job.tokens:
        room = (job.tokens - held) * _row_bytes(model, hooks)
        with recording(out, job, room) as recorder:
            _Pass(model, hooks, rows, report).write(recorder)
    report(1.0, f"Recorded {job.tokens:,} tokens")
    return Cache.open(out).facts


class _Pass:
    """One pass of the model over the packed rows."""

    def __init__(self, model: Model, hooks: tuple[str, ...], rows: Packed, report: Report) -> None:
        self._model, self._hooks, self._rows, self._report = model, hooks, rows, report
        self._stop = 1 + max(Site.parse(hook).layer for hook in hooks)
        self._started, self._first = time.perf_counter(), 0

    def write(self, recorder: Recorder) -> None:
        """Record every shard that is not committed yet."""
        shards = list(_shards(self._rows, _row_bytes(self._model, self._hooks)))
        self._first = sum(_length(context) for shard in shards[: recorder.committed] for context in shard)
        for shard in shards[recorder.committed :]:
            for batch in _batches(shard, _batch_tokens(self._model, self._hooks)):
                here = slice(batch[0].start, batch[-1].stop)
                rows = self._rows
                recorder.add(rows.token[here], rows.document[here], rows.position[here], self._activations(batch, here))
            occurring = np.unique(self._rows.token[shard[0].start : shard[-1].stop])
            recorder.commit({int(token): text_of(self._model.tokenizer, int(token)) for token in occurring})

    def _activations(self, batch: list[slice], rows: slice) -> dict[str, F4]:
        """By hook, the activations of a batch of equally long contexts: (n, d) or (n, head, d_head)."""
        seen: dict[str, F4] = {}
        ids = torch.from_numpy(self._rows.token[rows].astype(np.int64)).reshape(len(batch), -1)
        total = len(self._rows.token)
        self._model.forward(
            ids.to(self._model.device),
            {hook: _keeping(seen, hook, self._model) for hook in self._hooks},
            stop=self._stop if self._stop < self._model.facts.layers else None,
            report=self._telling(rows.start) if self._report is not silent else silent,
            share=(rows.start / total, rows.stop / total),
        )
        return seen

    def _telling(self, done: int) -> Report:
        """The caller's report, with how far the recording is."""
        speed = (done - self._first) / max(time.perf_counter() - self._started, 1e-9)
        said = f"Recorded {done:,} of {len(self._rows.token):,} tokens" + (f", {speed:,.0f} tokens/s" if speed else "")

        def tell(fraction: float, text: str = "", partial: Any = None) -> None:
            self._report(fraction, said)

        return tell


def _keeping(seen: dict[str, F4], hook: str, model: Model) -> Hook:
    def see(activation: Tensor) -> None:
        value = per_part(activation, hook, model.facts)
        # A copy: a later layer may write into the same memory.
        seen[hook] = value.flatten(0, 1).to("cpu", torch.float32, copy=True).numpy()

    return see


def _shards(rows: Packed, row_bytes: int) -> Iterator[list[slice]]:
    """Whole contexts in groups that a shard has room for."""
    limit = min(SHARD_TOKENS, SHARD_BYTES // row_bytes)
    shard: list[slice] = []
    for context in rows.contexts():
        if shard and context.stop - shard[0].start > limit:
            yield shard
            shard = []
        shard.append(context)
    yield shard


def _batches(shard: list[slice], tokens: int) -> Iterator[list[slice]]:
    """Equally long contexts that run together: the same for the same job, so that a shard is too."""
    batch: list[slice] = []
    for context in shard:
        length = _length(context)
        if batch and (length != _length(batch[0]) or (len(batch) + 1) * length > tokens):
            yield batch
            batch = []
        batch.append(context)
    yield batch


def _length(context: slice) -> int:
    return int(context.stop - context.start)


def _batch_tokens(model: Model, hooks: tuple[str, ...]) -> int:
    return min(BATCH_TOKENS, BATCH_BYTES // (2 * _row_bytes(model, hooks)))


def _row_bytes(model: Model, hooks: tuple[str, ...]) -> int:
    """Bytes of one row on the disk; heads together are about as wide as the residual stream."""
    return 2 * model.facts.d_model * len(hooks) + 12


def _hooks(model: Model, sites: Sequence[Site]) -> tuple[str, ...]:
    """The hook names to record, each once, in the order of the model."""
    if not sites:
        raise InterpvizError("There is no site to record. Name one with --site, for instance L1R.")
    for site in sites:
        model.facts.check(site)
        if not model.has(site.hook):
            raise InterpvizError(f"{model.facts.name} gives no access to {site}. Choose another part of it.")
    return tuple(dict.fromkeys(site.hook for site in sorted(sites)))


def _job(model: Model, hooks: tuple[str, ...], rows: Packed, context: int) -> Job:
    return Job(
        model=model.facts.name,
        model_sha256=model.facts.sha256,
        tokenizer_sha256=models.tokenizer_sha256(models.resolve(model.facts.source).path),
        numerics="huggingface",
        sites=hooks,
        dtype="float16",
        context=context,
        tokens=len(rows.token),
        texts=rows.sha256,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
