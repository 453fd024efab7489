"""Self-repair: how much others make up for a head or MLP that is cut."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import REPLACING, Intervention, Mode
from interpviz.core.repairs import SelfRepair
from interpviz.core.report import Report, silent
from interpviz.core.results import Target
from interpviz.core.sites import Site
from interpviz.engine.attribution import direct_attribution, written
from interpviz.engine.clean import CleanRun, clean_run
from interpviz.engine.final_norm import direct_effect, logits_at, scale
from interpviz.engine.interventions import Edits, RowEdit
from interpviz.engine.lens import Model
from interpviz.engine.metrics import metric
from interpviz.engine.supplies import Supply


def self_repair(
    model: Model, clean: CleanRun, target: Target, site: Site, mode: Mode, supply: Supply, report: Report = silent
) -> SelfRepair:
    """The change of the metric when a part is cut, less the change that its direct effect predicts.

    The part is cut at the last position, where its direct effect is; what it writes elsewhere stays. What others make
    up for comes in two shares. `norm`: the metric of the cut run, less that of the same residual stream with the
    final norm's scale held at the clean run's. `components`: the rest, which is what other parts write that they did
    not write before; none where nothing comes after the part.

    Raises InterpvizError for other parts and modes, and where the model's parts do not add up to what it says.
    Source: METRICS.md, Self-repair; Rushing and Nanda 2024 (2402.15390).
    """
    begun = time.perf_counter()
    check_mode(mode)
    if site.kind not in ("head", "mlp_out"):
        raise InterpvizError(f"Self-repair is of one head or one MLP, and {site} is neither. Choose one, such as L0H0.")
    made = Edits(
        model, [RowEdit(Intervention(site, mode, positions=(-1,)))], len(clean.tokens.ids), supply, strict=True
    )
    direct_attribution(model, clean, target)
    cut = clean_run(model, clean.tokens, report, made.hooks)
    made.prove()
    with torch.inference_mode():
        baseline, left = float(metric(clean.logits, target)), float(metric(cut.logits, target))
        held = metric(logits_at(model, cut.residual, scale(model, clean.residual)), target)
        change = _written(model, clean, site) - _written(model, cut, site)
    return SelfRepair(
        site=site,
        baseline=baseline,
        actual=baseline - left,
        direct=direct_effect(model, clean, target, change),
        norm=left - float(held),
        road=model.road(made.hooks, len(clean.tokens.ids)),
        seconds=time.perf_counter() - begun,
    )


def check_mode(mode: Mode) -> None:
    """Raise InterpvizError for a mode that does not put one known activation in the place of another."""
    if mode not in REPLACING:
        raise InterpvizError(f"What is made up for cannot be told from {mode}. Use zero, mean or patch.")


def _written(model: Model, run: CleanRun, site: Site) -> Tensor:
    """What the part adds to the residual stream at the last position, (d_model,)."""
    if site.kind == "head":
        return written(model, site.layer, run.z[site.layer])[site.index]
    assert run.mlp is not None
    return run.mlp[site.layer]
