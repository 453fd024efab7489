"""Layer x position grids: one activation of one run patched into another's, position by position."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from interpviz.core.document import Stream
from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import PatchingRow, Target
from interpviz.engine.aside import standing_aside
from interpviz.engine.blocks import Hook
from interpviz.engine.clean import CleanRun
from interpviz.engine.lens import Model
from interpviz.engine.memory import in_batches
from interpviz.engine.metrics import metric
from interpviz.engine.run import lowest_layer

HOOKS: Mapping[Stream, str] = {"resid": "hook_resid_pre", "attn": "hook_attn_out", "mlp": "hook_mlp_out"}
_TOKENS = 1024
_APART = 1e-6


def patching_row(
    model: Model,
    prompt: CleanRun,
    contrast: CleanRun,
    target: Target,
    stream: Stream,
    layer: int,
    back: bool,
    report: Report = silent,
) -> PatchingRow:
    """(patched - contrast) / (prompt - contrast) of the metric, patching one position of one layer at a time.

    The prompt's activation goes into the contrast's run; with `back` the contrast's into the prompt's. 0 is the
    contrast's answer, 1 the prompt's. `report` is given the row so far, NaN where it is still to come.

    Raises InterpvizError where both runs say the same, so that there is nothing to divide by, or where they have
    different numbers of tokens.
    Source: METRICS.md, Patching normalised.
    """
    length = len(prompt.tokens.ids)
    ends = [float(metric(run.logits, target)) for run in (prompt, contrast)]
    _check(model, length, len(contrast.tokens.ids), ends[0] - ends[1])
    given, base = (contrast, prompt) if back else (prompt, contrast)
    name = f"blocks.{layer}.{HOOKS[stream]}"
    activation = _activation(model, given, name)
    values, road = np.full(length, np.nan, np.float32), model.road((name,), length)

    def patch(start: int, stop: int) -> Tensor:
        share = (start / length, stop / length)
        return _patched(model, base, name, activation, torch.arange(start, stop), report, share)

    for start, stop, logits in in_batches(length, max(1, _TOKENS // length), patch):
        values[start:stop] = ((metric(logits, target) - ends[1]) / (ends[0] - ends[1])).cpu().numpy()
        report(stop / length, f"patching layer {layer}", PatchingRow(layer, values.copy(), ends[0], ends[1], road))
    return PatchingRow(layer, values, ends[0], ends[1], road)


def _patched(
    model: Model,
    base: CleanRun,
    name: str,
    activation: Tensor,
    places: Tensor,
    report: Report,
    share: tuple[float, float],
) -> Tensor:
    """Logits (place, vocab) of the base run, in each row with the activation of another run at one place."""

    def patch(value: Tensor) -> Tensor:
        rows = value.expand(len(places), *value.shape[1:]).clone()
        rows[torch.arange(len(places)), places] = activation[places]
        return rows

    hooks: dict[str, Hook] = {name: patch}
    ids = model.ids(base.tokens)
    if model.road(hooks, ids.shape[1]) == "fast":
        start = base.start(lowest_layer(hooks))
        return model.forward(ids, hooks, start=start, report=standing_aside(report), share=share)[:, -1]
    return model.forward(ids.expand(len(places), -1), hooks, report=report, share=share)[:, -1]


def _activation(model: Model, run: CleanRun, name: str) -> Tensor:
    """The activation (pos, d_model) of this name in a clean run."""
    seen: list[Tensor] = []
    hooks: dict[str, Hook] = {name: lambda value: seen.append(value[0].clone())}
    layer = lowest_layer(hooks)
    model.forward(model.ids(run.tokens), hooks, start=run.start(layer), stop=layer + 1)
    if not seen:
        raise InterpvizError(f"{model.facts.name} does not use {name} in a run. Patch another part of it.")
    return seen[0]


def _check(model: Model, length: int, other: int, difference: float) -> None:
    if length != other:
        raise InterpvizError(
            f"The contrast prompt has {other} tokens and the prompt {length}, so patch cannot align them. "
            "Make them equally long."
        )
    if abs(difference) < _APART:
        raise InterpvizError(
            f"{model.facts.name} answers prompt and contrast alike, so there is nothing to bring back. "
            "Change the contrast, or follow another target."
        )
