"""How a dictionary does on a text: how much it reconstructs, how sparsely, and what the model loses by it."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.feature_results import Fit
from interpviz.core.report import Report, share, silent
from interpviz.engine.aside import standing_aside
from interpviz.engine.blocks import Hook, Start
from interpviz.engine.dictionaries import SAE
from interpviz.engine.fit_sums import FitSums
from interpviz.engine.lens import Model
from interpviz.engine.packing import packed
from interpviz.engine.reference import CONTEXT, contexts
from interpviz.engine.run import lowest_layer

_BATCH = 4  # contexts: their logits are what takes memory
_READING = 0.02  # of the work is the tokenizer's
# The last token of a context is what the one before it is judged by, and position 0 is left out.
_SHORTEST = 3


@dataclass(frozen=True)
class Passage:
    """A text as the model reads it: batches of contexts (context, pos), of about `tokens` in all."""

    source: str
    tokens: int
    batches: Iterator[NDArray[np.int64]]


def evaluate(model: Model, sae: SAE, passage: Passage, report: Report = silent) -> Fit:
    """What the reconstruction leaves of the activation and of the model's answers; `report` is handed Fits as it grows.

    A transcoder is judged by what it is to write. In the spliced runs the reconstruction, or zero, stands in the
    activation's place at all positions but 0, which is left out of every number: what models keep there is of another
    size. Of a cross-layer transcoder, whose output takes the other layers too, only the features are counted.

    Raises InterpvizError for a text without a context of three tokens. Source: METRICS.md, Dictionaries.
    """
    sums, seen, fit = FitSums(sae.facts.features), 0, None
    for ids in passage.batches:
        begun, seen = seen, seen + ids.size
        done = min(begun / passage.tokens, 1.0), min(seen / passage.tokens, 1.0)
        if ids.shape[1] < _SHORTEST:
            continue
        _measure(model, sae, torch.from_numpy(ids).to(model.device), sums, report, done)
        fit = _judged(sums.fit(passage.source), sae)
        report(done[1], f"measuring {sae.facts.name}: {sums.tokens:,} tokens", fit)
    if fit is None:
        raise InterpvizError("The text has no three tokens in a row. Give one with more text.")
    return fit


def bundled(model: Model, text: Path) -> Passage:
    """The first contexts of the bundled reference text."""
    ids = contexts(model, text.read_text("utf-8"))
    return Passage(text.name, ids.size, (ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH)))


@contextmanager
def of_files(model: Model, files: Sequence[Path], tokens: int | None, report: Report = silent) -> Iterator[Passage]:
    """Texts as `record` reads them, in contexts of 64 tokens, up to so many tokens; they wait on the disk meanwhile."""
    length = min(CONTEXT, model.facts.context)
    waiting = Path(tempfile.gettempdir())
    reading = share(report, 0.0, _READING)
    with packed(model.tokenizer, model.bos, files, length, tokens, waiting, reading) as rows:

        def batches() -> Iterator[NDArray[np.int64]]:
            for start in range(0, rows.tokens, length * _BATCH):
                ids = rows.rows(start, min(start + length * _BATCH, rows.tokens))[0].astype(np.int64)
                whole = len(ids) // length * length
                yield from (part for part in (ids[:whole].reshape(-1, length), ids[None, whole:]) if part.size)

        yield Passage(", ".join(file.name for file in files), rows.tokens, batches())


def _measure(model: Model, sae: SAE, ids: Tensor, sums: FitSums, report: Report, done: tuple[float, float]) -> None:
    """Add one batch of contexts: a clean run, and from the layer of the splice on two others."""
    read, (written, _) = sae.facts.hook, sae.facts.written
    layer = lowest_layer([written])
    names = {read, written} | ({f"blocks.{layer}.hook_resid_pre"} if layer >= 0 else set())
    told = standing_aside(report) if model.road(names, ids.shape[1]) == "fast" else report
    first, second, third = np.linspace(*done, 4)[:3]
    step = second - first
    seen: dict[str, Tensor] = {}
    alone = sae.facts.writes_ahead
    hooks = {name: _keeping(seen, name) for name in names}
    clean = model.forward(ids, hooks, every=not alone, report=told, share=(first, second))
    with torch.inference_mode():
        x = seen[read].flatten(2)[:, 1:]
        codes = sae.encode(x)
        sums.count(codes)
        if alone:
            return
        rebuilt = sae.decode(codes, x)
        sums.compare(seen[written].flatten(2)[:, 1:], rebuilt)
    start = Start(layer, seen[f"blocks.{layer}.hook_resid_pre"]) if layer >= 0 else None
    changed = (
        model.forward(ids, {written: _splicing(what)}, every=True, start=start, report=told, share=(at, at + step))
        for what, at in ((rebuilt, second), (torch.zeros_like(rebuilt), third))
    )
    with torch.inference_mode():
        sums.judge(ids, clean, *changed)


def _keeping(seen: dict[str, Tensor], name: str) -> Hook:
    def keep(activation: Tensor) -> None:
        seen[name] = activation.clone()

    return keep


def _splicing(what: Tensor) -> Hook:
    """Puts `what` (context, pos-1, width) in an activation's place after position 0."""

    def splice(activation: Tensor) -> Tensor:
        spliced = activation.clone(memory_format=torch.contiguous_format)
        spliced[:, 1:] = what.to(activation).view_as(spliced[:, 1:])
        return spliced

    return splice


def _judged(fit: Fit, sae: SAE) -> Fit:
    return replace(fit, problems=(*problems(fit, sae), *sae.notes))


def problems(fit: Fit, sae: SAE) -> tuple[str, ...]:
    """What is wrong by these numbers, each a sentence and what to do about it."""
    found = []
    if sae.facts.writes_ahead:
        found.append(
            "It writes to several layers, so its reconstruction takes the transcoders of the layers before it: only "
            "the features are measured."
        )
    elif not math.isfinite(fit.fvu):
        found.append("Its reconstruction is no finite number. Check its weights, or bring the dictionary again.")
    said = {
        "fvu": f"It reconstructs worse than the mean activation would (FVU {fit.fvu:.2f}). It may be of another model, "
        "of another layer, or of activations that were scaled before.",
        "norm_ratio": f"What it writes is {fit.norm_ratio:.2f} times as large as the activation. Look how its "
        "activations were normalised when it was trained.",
        "dead": f"{fit.dead:.0%} of its features are never active in these {fit.tokens:,} tokens. Measure it on more "
        "text, of the kind that it was trained on.",
        "ce_recovered": f"Only {fit.ce_recovered:.2f} of the cross-entropy that zero costs is recovered: what the "
        "model does is not in its features.",
    }
    return (*found, *(sentence for name, sentence in said.items() if name in fit.wrong))
