"""What cutting each of many parts does to the metric: edits of one layer as rows of one batch."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from interpviz.core.document import ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.report import Report, silent
from interpviz.core.requests import SweepKind
from interpviz.core.results import Effects, Road, Target
from interpviz.core.sites import Site
from interpviz.engine.aside import standing_aside
from interpviz.engine.blocks import Hook
from interpviz.engine.clean import CleanRun
from interpviz.engine.dictionaries import SAE
from interpviz.engine.interventions import Edits, RowEdit, hooks_of
from interpviz.engine.lens import Model
from interpviz.engine.memory import in_batches
from interpviz.engine.metrics import metric
from interpviz.engine.run import DRAWS, lowest_layer
from interpviz.engine.supplies import Supply

# Tokens in one batch. Somebody more wanted goes first after each layer of it: on SmolLM2 and one thread, 50 ms.
_TOKENS = 1024
# Rows of logits that are worth keeping: those of a layer's heads and MLP, not of its neurons.
_KEPT = 128


def sites_of(model: ModelFacts, layer: int, kind: SweepKind) -> list[Site]:
    """The parts of one layer that a sweep of this kind cuts; raises InterpvizError for what is not there."""
    if not 0 <= layer < model.layers:
        raise InterpvizError(f"{model.name} has layers 0 to {model.layers - 1}. Choose one of them.")
    if kind in ("mlp", "neuron") and not model.d_mlp:
        raise InterpvizError(f"{model.name} has no MLPs. Sweep its heads instead.")
    if kind == "neuron":
        return [Site(layer, "neuron", index) for index in range(model.d_mlp)]
    kinds = {"head": ("head",), "mlp": ("mlp_out",)}.get(kind, ("head", "mlp_out"))
    return [site for site in model.components() if site.layer == layer and site.kind in kinds]


def active_features(model: Model, clean: CleanRun, sae: SAE) -> list[Site]:
    """The features of a dictionary that are active anywhere in the prompt, BOS apart where it begins with one."""
    seen: list[Tensor] = []
    first = int(clean.tokens.ids[0] == model.bos)

    def keep(activation: Tensor) -> None:
        seen.append((sae.encode(activation[0, first:].flatten(1)) != 0).any(0))

    model.forward(model.ids(clean.tokens), {sae.facts.hook: keep})
    found = torch.nonzero(seen[0]).flatten().tolist()
    return [Site(-1, "feature", feature, dictionary=sae.facts.name) for feature in found]


def sweep(
    model: Model,
    clean: CleanRun,
    target: Target,
    sites: Sequence[Site],
    mode: Mode,
    supply: Supply,
    report: Report = silent,
) -> Effects:
    """effect = metric(clean) - metric(ablated), one site at a time, at all positions; the mean over resample's draws.

    Positive: the site raises the metric. `report` is given the effects so far after each batch, and may raise
    Cancelled between any two layers of a pass. A batch that does not fit into memory is halved.
    """
    begun, baseline = time.perf_counter(), float(metric(clean.logits, target))
    draws = DRAWS if mode == "resample" else 1
    found = _Found(sites, baseline, draws, begun, model.road(_hooks(sites, supply), len(clean.tokens.ids)))

    def cut(start: int, stop: int) -> Tensor:
        share = (start / len(sites), stop / len(sites))
        return _ablated(model, clean, sites[start:stop], mode, draws, supply, report, share)

    size = max(1, _TOKENS // (len(clean.tokens.ids) * draws))
    for start, stop, logits in in_batches(len(sites), size, cut):
        found.add(logits, target)
        report(stop / len(sites), f"cutting {sites[start]}", found.effects(stop))
    return found.effects(len(sites), logits=True)


class _Found:
    """The effects of the sites that were cut so far."""

    def __init__(self, sites: Sequence[Site], baseline: float, draws: int, begun: float, road: Road) -> None:
        self._sites, self._baseline, self._draws, self._begun, self._road = sites, baseline, draws, begun, road
        self._values: list[Tensor] = [torch.zeros(0)]
        self._spreads: list[Tensor] = [torch.zeros(0)]
        self._logits: list[Tensor] = []

    def add(self, logits: Tensor, target: Target) -> None:
        """Take the logits (site x draw, vocab) of the next sites in."""
        effects = (self._baseline - metric(logits, target)).view(-1, self._draws).cpu()
        self._values.append(effects.mean(1))
        self._spreads.append(effects.std(1, unbiased=False))
        if len(self._sites) <= _KEPT and self._draws == 1:
            self._logits.append(logits.cpu())

    def effects(self, done: int, logits: bool = False) -> Effects:
        """Those of the first `done` sites; with their logits, if these are few enough and wanted."""
        return Effects(
            sites=tuple(self._sites[:done]),
            values=torch.cat(self._values).numpy(),
            baseline=self._baseline,
            logits=torch.cat(self._logits).numpy() if logits and self._logits else None,
            spread=torch.cat(self._spreads).numpy() if self._draws > 1 else None,
            seconds=time.perf_counter() - self._begun,
            road=self._road,
        )


def _ablated(
    model: Model,
    clean: CleanRun,
    sites: Sequence[Site],
    mode: Mode,
    draws: int,
    supply: Supply,
    report: Report,
    share: tuple[float, float],
) -> Tensor:
    """Logits (site x draw, vocab) at the last position, each row without one of the sites."""
    rows = len(sites) * draws
    edits = [RowEdit(Intervention(sites[row // draws], mode), row, row % draws) for row in range(rows)]
    return run_rows(model, clean, Edits(model, edits, len(clean.tokens.ids), supply, rows=rows), rows, report, share)


def _hooks(sites: Sequence[Site], supply: Supply) -> set[str]:
    """The activations that cutting these sites takes."""
    return {name for site in sites for name in hooks_of(site, supply)}


def run_rows(
    model: Model, clean: CleanRun, edits: Edits, rows: int, report: Report, share: tuple[float, float] = (0.0, 1.0)
) -> Tensor:
    """Logits (row, vocab) at the last position of a run whose edits make each row another."""
    hooks: dict[str, Hook] = edits.hooks
    ids, road = model.ids(clean.tokens), model.road(hooks, len(clean.tokens.ids))
    if road == "fast":
        start = clean.start(lowest_layer(hooks))
        logits = model.forward(ids, hooks, start=start, report=standing_aside(report), share=share)
    else:
        logits = model.forward(ids.expand(rows, -1), hooks, report=report, share=share)
    edits.prove()
    return logits[:, -1]
