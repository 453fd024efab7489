"""What one worker does: tokens in, the shard of what the model held at each of them on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interpviz.core.report import Report
from interpviz.core.results import F4, I4
from interpviz.core.sites import EMBED
from interpviz.data import dictionaries
from interpviz.data.manifest import Job, ShardLine
from interpviz.data.recorder import rows_a_shard
from interpviz.data.shard_writer import ShardWriter
from interpviz.engine.blocks import Hook
from interpviz.engine.dictionaries import SAE
from interpviz.engine.lens import Model
from interpviz.engine.loaded import check_fit
from interpviz.engine.parts import per_part
from interpviz.engine.tokens import text_of

BATCH_TOKENS = 2048
BATCH_BYTES = 64 * 2**20
NONE = 0xFFFFFFFF  # the index of a place that no feature takes
_LAYER = re.compile(r"blocks\.(\d+)\.")

Arrays = dict[str, NDArray[Any]]


class ShardRows(NamedTuple):
    """The tokens of one shard, each (n,), in whole contexts but for the very last."""

    number: int
    token: I4
    document: I4


class Told(Protocol):
    """Hears how many more rows are done; raises Cancelled once nobody wants the rest."""

    def __call__(self, rows: int) -> None: ...


class ShardMaker:
    """Makes shards of one job in its folder, with a model of its own.

    A shard is a function of its job and its tokens alone: batches are the same for the same job, and torch runs on
    one thread, whose sums do not depend on how busy the machine is.
    """

    def __init__(self, model: Model, job: Job, saes: Sequence[SAE], folder: Path, report: Report) -> None:
        """`report` is told at every layer, for the sake of the Cancelled that it may raise."""
        self._model, self._job, self._report = model, job, report
        self._saes = dict(zip(job.dictionaries, saes, strict=True))
        self._hooks = tuple(dict.fromkeys((*job.sites, *(codes.hook for codes in job.dictionaries))))
        self._stop = stop_after(self._hooks, model.facts.layers)
        self._row = row_bytes(model, job)
        self._writer = ShardWriter(folder, job, rows_a_shard(job.context, self._row))

    def make(self, shards: Iterable[ShardRows], told: Told) -> Iterator[ShardLine]:
        """Make these shards, and say of each what its line is once it is on the disk.

        While one is being closed, the model is at work on the next.
        """
        torch.set_num_threads(1)
        closing = False
        for shard in shards:
            self._gather(shard, told)
            if closing:
                yield self._writer.closed()
            occurring = np.unique(shard.token)
            texts = {int(token): text_of(self._model.tokenizer, int(token)) for token in occurring}
            self._writer.start_closing(shard.number, texts)
            closing = True
        if closing:
            yield self._writer.closed()

    def end(self) -> None:
        """Stop the writer; a shard that is not whole is dropped."""
        self._writer.end()

    def _gather(self, shard: ShardRows, told: Told) -> None:
        for here in self._batches(len(shard.token)):
            token = shard.token[here]
            position = np.arange(here.start, here.stop, dtype=np.int32) % self._job.context
            tokens: Arrays = {"tokens/id": token, "tokens/document": shard.document[here], "tokens/position": position}
            self._writer.add(tokens | self._activations(token))
            told(len(token))

    def _batches(self, rows: int) -> Iterator[slice]:
        """Equally long contexts that run together; the last context of all may be shorter, and runs alone."""
        context = self._job.context
        most = max(1, min(BATCH_TOKENS, BATCH_BYTES // (2 * self._row)) // context) * context
        whole = rows // context * context
        for start in range(0, whole, most):
            yield slice(start, min(start + most, whole))
        if whole < rows:
            yield slice(whole, rows)

    def _activations(self, token: I4) -> Arrays:
        """By dataset path, what the model and the dictionaries say of a batch of equally long contexts."""
        ids = torch.from_numpy(token.astype(np.int64)).reshape(-1, min(len(token), self._job.context))
        seen: dict[str, Tensor] = {}
        model = self._model
        hooks: Mapping[str, Hook] = {hook: _keeping(seen, hook, model) for hook in self._hooks}
        model.forward(ids.to(model.device), hooks, stop=self._stop, report=self._report)
        found: Arrays = {f"activations/{hook}": seen[hook].to("cpu").numpy() for hook in self._job.sites}
        for codes, sae in self._saes.items():
            index, value = strongest(sae, seen[codes.hook].flatten(1), codes.k)
            found |= {f"codes/{codes.name}/index": index, f"codes/{codes.name}/value": value}
        return found


def strongest(sae: SAE, x: Tensor, k: int) -> tuple[NDArray[np.uint32], F4]:
    """The `k` strongest features of each activation (n, d_in), strongest first: index (n, k) and value (n, k).

    Features that can be below zero count by their magnitude and keep their sign. Where fewer are active, the places
    behind hold index 0xFFFFFFFF and value 0. A row whose places are all taken may have had more.
    """
    rows = max(1, BATCH_BYTES // (4 * sae.facts.features))  # a batch of 131,072 features would take a gigabyte
    with torch.inference_mode():
        found = [_largest(sae.encode(part), min(k, sae.facts.features), sae.signed) for part in torch.split(x, rows)]
    value = torch.cat([value for value, _ in found]).to("cpu").numpy()
    index = torch.cat([index for _, index in found]).to("cpu").numpy().astype(np.uint32)
    index[value == 0] = NONE
    return index, value


def _largest(activations: Tensor, k: int, signed: bool) -> tuple[Tensor, Tensor]:
    """The `k` largest of each row and where they are: by their magnitude where some are below zero."""
    found = torch.topk(activations.abs() if signed else activations, k)
    return (activations.gather(-1, found.indices) if signed else found.values), found.indices


def stop_after(hooks: Iterable[str], layers: int) -> int | None:
    """The layer before which a run has shown all of these activations; None where it must go to the end."""
    found = (0 if hook == EMBED.hook else int(at[1]) if (at := _LAYER.match(hook)) else layers for hook in hooks)
    stop = 1 + max(found)
    return stop if stop < layers else None


def row_bytes(model: Model, job: Job) -> int:
    """Bytes of one row on the disk: what it holds of sites and codes, and its token."""
    sites = sum(2 * (model.width(hook) or 0) for hook in job.sites)
    return sites + sum(6 * codes.k for codes in job.dictionaries) + 12


def read_dictionary(model: Model, folder: str) -> SAE:
    """The dictionary of a folder, if it reads what the model has; raises InterpvizError otherwise."""
    found = dictionaries.load(folder)
    check_fit(model, found.facts)
    return SAE(found, model.device)


def _keeping(seen: dict[str, Tensor], hook: str, model: Model) -> Hook:
    def see(activation: Tensor) -> None:
        # A copy: a later layer may write into the same memory.
        seen[hook] = per_part(activation, hook, model.facts).flatten(0, 1).to(torch.float32, copy=True)

    return see
