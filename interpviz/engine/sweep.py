"""What ablating each head and MLP of a layer does to the metric: edits of one layer as rows of one batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from interpviz.core.document import Intervention, Mode
from interpviz.core.report import Report, silent
from interpviz.core.results import Effects, Target
from interpviz.core.sites import Site
from interpviz.engine.clean import CleanRun
from interpviz.engine.interventions import Edits, Means, RowEdit
from interpviz.engine.lens import Model
from interpviz.engine.metrics import metric

# Between batches a click goes first, and SmolLM2 takes a quarter of a second for as many tokens on one thread.
_TOKENS = 64


def layer_sweep(
    model: Model, run: CleanRun, target: Target, layer: int, mode: Mode, means: Means, report: Report = silent
) -> Effects:
    """effect = metric(clean) - metric(ablated), one component of `layer` at a time, at all positions.

    Positive: the component raises the metric. `report` is given the effects so far after each batch, and may raise
    Cancelled between any two layers of a pass.
    """
    sites = [site for site in model.facts.components() if site.layer == layer]
    rows = max(1, _TOKENS // len(run.tokens.ids))
    baseline = metric(run.logits, target)
    found: list[Tensor] = []
    for start in range(0, len(sites), rows):
        share = (start / len(sites), min(1.0, (start + rows) / len(sites)))
        logits = _ablated(model, run, sites[start : start + rows], mode, means, report, share)
        found.append(baseline - metric(logits, target))
        so_far = Effects(tuple(sites[: start + rows]), torch.cat(found).cpu().numpy(), float(baseline))
        report(share[1], f"layer {layer}", so_far)
    return so_far


def _ablated(
    model: Model,
    run: CleanRun,
    sites: Sequence[Site],
    mode: Mode,
    means: Means,
    report: Report,
    share: tuple[float, float],
) -> Tensor:
    """Logits (site, vocab) at the last position, each row without one of the sites."""
    edits = Edits(
        model,
        [RowEdit(Intervention(site, mode), row) for row, site in enumerate(sites)],
        len(run.tokens.ids),
        means,
    )
    ids = model.ids(run.tokens).expand(len(sites), -1)
    logits = model.forward(ids, edits.hooks, report=report, share=share)
    edits.prove()
    return logits[:, -1]
