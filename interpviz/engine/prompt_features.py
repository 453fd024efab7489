"""Which features of a dictionary are active on a prompt, and what each writes towards the answer."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from interpviz.core.document import Prompt
from interpviz.core.feature_results import PromptFeatures, TriedText
from interpviz.core.report import Report, silent
from interpviz.core.results import F4, Target
from interpviz.engine.attribution import read_off
from interpviz.engine.clean import CleanRun
from interpviz.engine.dictionaries import SAE
from interpviz.engine.features import written_hooks
from interpviz.engine.lens import Model
from interpviz.engine.metrics import slope
from interpviz.engine.run import lowest_layer
from interpviz.engine.stream import is_added, output


def prompt_features(
    model: Model, clean: CleanRun, sae: SAE, target: Target | None, most: int, report: Report = silent
) -> PromptFeatures:
    """The `most` features with the largest activations on the clean run, strongest first.

    Position 0, where models keep what has nothing to do with the text, counts for nothing and holds 0. A dictionary
    that writes what no logit reads straight away, such as what an MLP reads, has no direct effects.
    """
    x = _read(model, clean, sae, report)
    with torch.inference_mode():
        codes = _without_first(sae.encode(x))
        size = codes.abs().amax(0)
        considered = int((size > 0).sum())
        # A stable sort: of equals, the one with the lower number.
        features = size.sort(descending=True, stable=True).indices[: min(most, considered)]
        values = codes[:, features].T
        towards = _towards(model, clean, sae, target) if target else None
        direct = None if towards is None else _direct(sae, x, features, values, towards)
    return PromptFeatures(
        tokens=clean.tokens,
        features=features.int().cpu().numpy(),
        values=values.float().cpu().numpy(),
        direct=None if direct is None else direct.float().cpu().numpy(),
        considered=considered,
    )


def tried(model: Model, prompt: Prompt, sae: SAE, feature: int, report: Report = silent) -> TriedText:
    """One feature on a text, in a run that goes no further than it must. Position 0 holds 0."""
    tokens = model.tokens(prompt)
    x = _activation(model, model.ids(tokens), sae.facts.hook, report)
    with torch.inference_mode():
        codes = _without_first(sae.encode_features(x, torch.tensor([feature], device=x.device)))
    return TriedText(tokens, codes[:, 0].float().cpu().numpy())


def quantiles(known: F4, values: F4) -> F4:
    """The share of the tokens of an index at which a feature is active that lie at or below each value: (feature, pos).

    `known` (feature, 101) are the activations at 0%, 1% ... 100% of those tokens, so that shares are whole percents;
    NaN where a value is 0, and of a feature that the index never found active.
    """
    rows = zip(known, values, strict=True)
    ranks = [np.searchsorted(levels, row, side="right") - 1 for levels, row in rows]
    shares = np.array(ranks, np.float32).reshape(values.shape).clip(0) / (known.shape[1] - 1)
    return np.where((values != 0) & (known[:, -1:] > 0), shares, np.float32(np.nan)).astype(np.float32)


def _without_first(codes: Tensor) -> Tensor:
    """Activations (pos, feature) with none at position 0."""
    return codes.index_fill(0, torch.zeros(1, dtype=torch.long, device=codes.device), 0.0)


def _read(model: Model, clean: CleanRun, sae: SAE, report: Report) -> Tensor:
    hook = sae.facts.hook
    return _activation(model, model.ids(clean.tokens), hook, report, clean)


def _activation(model: Model, ids: Tensor, hook: str, report: Report, clean: CleanRun | None = None) -> Tensor:
    """An activation (pos, width), from where a clean run left off, and no layer further than it lies."""
    seen: list[Tensor] = []
    layer = lowest_layer([hook])
    start = clean.start(layer) if clean is not None else None
    stop = layer + 1 if layer >= 0 else None
    model.forward(ids, {hook: lambda value: seen.append(value[0].clone())}, stop=stop, start=start, report=report)
    return seen[0].flatten(1)


def _direct(sae: SAE, x: Tensor, features: Tensor, values: Tensor, towards: Tensor) -> Tensor:
    """What each of `features` (k,) writes at each position, along `towards` (d_out,): (k, pos)."""
    written = (sae.change(x, one[None], value[:, None]) @ towards for one, value in zip(features, values, strict=True))
    return torch.stack([*written]) if len(features) else values


def _towards(model: Model, clean: CleanRun, sae: SAE, target: Target) -> Tensor | None:
    """The direction (d_out,) in what the dictionary writes along which the metric rises; None where there is none."""
    (written, *ahead) = written_hooks(sae)
    if ahead:
        return None
    direction, _ = read_off(model, clean, slope(clean.logits, target))
    if is_added(written):
        return direction
    matrix = output(model, written)
    return None if matrix is None else direction @ matrix
