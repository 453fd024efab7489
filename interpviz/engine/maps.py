"""Matrices to look at: where heads look, how large the parts of a run and the rows of a cache are."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from interpviz.core.document import Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import F4, FeatureMap, Patterns
from interpviz.core.scale import robust_limits
from interpviz.core.sites import Site
from interpviz.data.activations import Cache
from interpviz.engine.clean import CleanRun
from interpviz.engine.lens import Model


def patterns(model: Model, prompt: Prompt, layer: int, report: Report = silent) -> Patterns:
    """Attention of every head of a layer in the clean run, (head, query, key): recomputed, and no further than that."""
    if not 0 <= layer < model.facts.layers:
        raise InterpvizError(f"{model.facts.name} has layers 0 to {model.facts.layers - 1}. Choose one of them.")
    tokens = model.tokens(prompt)
    seen: list[Tensor] = []
    hooks = {f"blocks.{layer}.attn.hook_pattern": lambda pattern: seen.append(pattern[0])}
    model.forward(model.ids(tokens), hooks, stop=layer + 1, report=report)
    return Patterns(layer, seen[0].float().cpu().numpy(), tokens)


def output_norms(model: Model, run: CleanRun) -> FeatureMap:
    """Euclidean norm of attention and MLP output of each layer at each token of the clean run."""
    parts = ("attn_out", "mlp_out") if model.facts.d_mlp else ("attn_out",)
    rows = tuple(str(Site(layer, part)) for layer in range(model.facts.layers) for part in parts)  # type: ignore[arg-type]
    return _feature_map(run.norms.float().cpu().numpy(), rows, run.tokens.texts)


def row_norms(cache: Cache, first: int, last: int) -> FeatureMap:
    """Euclidean norm of every recorded site over the cache rows `first` to `last`, both included.

    Raises InterpvizError for rows that the cache has not.
    """
    if not 0 <= first <= last < cache.facts.tokens:
        raise InterpvizError(f"{cache.facts.name} holds tokens 0 to {cache.facts.tokens - 1}. Choose some of them.")
    rows = np.arange(first, last + 1)
    tokens = cache.tokens()
    values = np.stack([cache.norms(site, rows) for site in cache.facts.sites])
    names = tuple(str(Site.parse(site)) for site in cache.facts.sites)
    return _feature_map(values, names, tuple(tokens.texts.get(int(tokens.id[row]), "") for row in rows))


def _feature_map(values: F4, rows: tuple[str, ...], columns: tuple[str, ...]) -> FeatureMap:
    return FeatureMap(values, robust_limits(values), rows, columns)
