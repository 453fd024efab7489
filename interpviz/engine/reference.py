"""What mean ablation puts in place of an activation: its mean over a cache or over the bundled reference text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import Reference
from interpviz.core.sites import EMBED, Site
from interpviz.data.activations import Cache
from interpviz.engine.interventions import MeanActivation, per_head
from interpviz.engine.lens import Hook, Model
from interpviz.engine.tokens import encoded

CONTEXTS, CONTEXT = 32, 64
_BATCH = 4


class CacheMeans:
    """Means over the tokens of a cache that was recorded from the model."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._means: dict[str, MeanActivation] = {}
        self.reference = Reference(cache.facts.name, cache.facts.tokens, cache.facts.sha256)

    def __call__(self, hook: str) -> MeanActivation:
        """Mean of the hook over documents and positions, position 0 apart."""
        if hook not in self._means:
            mean = self._cache.mean(hook)
            self._means[hook] = MeanActivation(torch.from_numpy(mean.first), torch.from_numpy(mean.rest))
        return self._means[hook]


class TextMeans:
    """Means over the first contexts of a text, run through the model once for all sites: one costs what all cost."""

    def __init__(self, model: Model, text: Path, report: Report = silent) -> None:
        """Raises ValueError if the text does not fill one context."""
        content = text.read_bytes()
        ids = contexts(model, content.decode("utf-8"))
        self.reference = Reference(text.name, ids.size, hashlib.sha256(content).hexdigest())
        self._name = model.facts.name
        self._means = _means(model, ids, report)

    def __call__(self, hook: str) -> MeanActivation:
        """Mean of the hook over documents and positions, position 0 apart."""
        if hook not in self._means:
            raise InterpvizError(f"{self._name} gives no access to {hook}. Choose another part of it.")
        return self._means[hook]


def _means(model: Model, ids: NDArray[np.int64], report: Report) -> dict[str, MeanActivation]:
    sums: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = {name: _adding(sums, name, model) for name in _hooks(model)}
    for start in range(0, len(ids), _BATCH):
        batch = torch.from_numpy(ids[start : start + _BATCH]).to(model.device)
        model.forward(batch, hooks, report=report, share=(start / len(ids), (start + len(batch)) / len(ids)))
    rows, length = ids.shape
    return {
        name: MeanActivation((first / rows).float().cpu(), (rest / (rows * (length - 1))).float().cpu())
        for name, (first, rest) in sums.items()
    }


def _adding(sums: dict[str, tuple[Tensor, Tensor]], name: str, model: Model) -> Hook:
    """A hook that adds the activation up: at position 0, and over all others."""

    def see(activation: Tensor) -> None:
        value = per_head(activation.contiguous(), model.facts) if name.endswith("hook_z") else activation
        first, rest = value[:, 0].double().sum(0), value[:, 1:].double().sum((0, 1))
        before = sums.get(name)
        sums[name] = (first, rest) if before is None else (before[0] + first, before[1] + rest)

    return see


def _hooks(model: Model) -> Iterator[str]:
    """Every activation of the model that a site can mean."""
    kinds = ("resid_pre", "heads", "attn_out", "mlp_out", "resid_post")
    sites = [EMBED, *(Site(layer, kind) for layer in range(model.facts.layers) for kind in kinds)]  # type: ignore[arg-type]
    return (site.hook for site in sites if model.has(site.hook))


def contexts(model: Model, text: str) -> NDArray[np.int64]:
    """The first 32 contexts of 64 tokens of a text, (context, pos): each begins with a BOS where the model has one.

    Raises ValueError if the text does not fill one.
    """
    start = [] if model.bos is None else [model.bos]
    length = min(CONTEXT, model.facts.context) - len(start)
    ids = encoded(model.tokenizer, text)
    whole = [[*start, *ids[at : at + length]] for at in range(0, len(ids) - length + 1, length)]
    if not whole:
        raise ValueError(f"the text has {len(ids)} tokens; a context needs {length}")
    return np.array(whole[:CONTEXTS], np.int64)
