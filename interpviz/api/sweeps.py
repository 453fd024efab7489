"""Effects that are measured layer by layer, put together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from interpviz.api.answers import Sweep
from interpviz.api.asking import ask
from interpviz.core.report import Report, share
from interpviz.core.requests import PatchingRequest, SweepRequest
from interpviz.core.results import F4, Effects, PatchingRow


def sweep_layers(asked: SweepRequest, layers: Sequence[int], report: Report) -> Sweep:
    """What this sweep finds in each of these layers; raises InterpvizError where the model has no such parts."""
    started, found = time.perf_counter(), []
    for number, layer in enumerate(layers):
        part = share(report, number / len(layers), (number + 1) / len(layers))
        effects: Effects = ask(replace(asked, layer=layer), part)
        found.append(effects)
    sites = tuple(site for effects in found for site in effects.sites)
    spreads = [effects.spread for effects in found if effects.spread is not None]
    return Sweep(
        baseline=found[0].baseline,
        sites=sites,
        effects=np.concatenate([effects.values for effects in found]),
        spread=np.concatenate(spreads) if spreads else None,
        seconds=time.perf_counter() - started,
        reference=found[0].reference,
    )


def patching_grid(asked: PatchingRequest, report: Report) -> F4:
    """The rows of every layer, (layer, pos)."""
    layers = asked.model.layers
    rows: list[PatchingRow] = [
        ask(replace(asked, layer=layer), share(report, layer / layers, (layer + 1) / layers)) for layer in range(layers)
    ]
    return np.stack([row.values for row in rows])
