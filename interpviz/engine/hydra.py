"""The Hydra effect: what each layer's output writes for the metric, beside what is lost when it is cut."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from interpviz.core.interventions import Intervention, Mode
from interpviz.core.repairs import Hydra, Impact
from interpviz.core.report import Report, silent
from interpviz.core.results import F4, Target
from interpviz.core.sites import Site
from interpviz.engine.attribution import direct_attribution
from interpviz.engine.clean import CleanRun
from interpviz.engine.final_norm import direct_effect
from interpviz.engine.interventions import Edits, RowEdit
from interpviz.engine.lens import Model
from interpviz.engine.metrics import metric
from interpviz.engine.self_repair import check_mode
from interpviz.engine.supplies import Supply
from interpviz.engine.sweep import run_rows


def hydra(model: Model, clean: CleanRun, target: Target, mode: Mode, supply: Supply, report: Report = silent) -> Hydra:
    """Unembedding-based and ablation-based impact of every layer's attention and MLP output at the last position.

    Both in nats of the metric, and both against what `mode` puts in the output's place: zero, the mean, or the
    contrast's. `unembedded` counts the difference c - c' in what is written along the unembedding, with the scale of
    the final norm held at the clean run's (for zero, the output itself, as in the paper); `ablated` is metric(clean) -
    metric(cut), where later layers and the scale follow. The paper follows the centred logit of the likeliest token,
    of which the metric here takes the place. `report` is given the impacts so far after each layer.

    Raises InterpvizError for other modes, and where the model's parts do not add up to what it says.
    Source: METRICS.md, Hydra; McGrath et al. 2023 (2307.15771).
    """
    check_mode(mode)
    direct_attribution(model, clean, target)
    layers, baseline = model.facts.layers, float(metric(clean.logits, target))
    table = np.full((1 if clean.mlp is None else 2, 2, layers), np.nan, np.float32)
    for layer in range(layers):
        outputs, share = _outputs(model, clean, layer), (layer / layers, (layer + 1) / layers)
        table[:, 0, layer] = [_unembedded(model, clean, target, *one, mode, supply) for one in outputs.items()]
        table[:, 1, layer] = _ablated(model, clean, target, list(outputs), mode, supply, report, share)
        report(share[1], f"cutting layer {layer}", _drawn(table, mode, baseline))
    return _drawn(table, mode, baseline)


def _drawn(table: F4, mode: Mode, baseline: float) -> Hydra:
    """The impacts of a table (attention or MLP, unembedded or ablated, layer)."""
    attention, *mlp = (Impact(*kind.copy()) for kind in table)
    return Hydra(attention, mlp[0] if mlp else None, mode, baseline)


def _unembedded(
    model: Model, clean: CleanRun, target: Target, site: Site, output: Tensor, mode: Mode, supply: Supply
) -> float:
    replacement = _replacement(site, mode, supply, len(clean.tokens.ids), output)
    return direct_effect(model, clean, target, output - replacement)


def _ablated(
    model: Model,
    clean: CleanRun,
    target: Target,
    sites: list[Site],
    mode: Mode,
    supply: Supply,
    report: Report,
    share: tuple[float, float],
) -> F4:
    """What the metric loses without one of the sites each, (site,): rows of one run."""
    edits = [RowEdit(Intervention(site, mode, positions=(-1,)), row) for row, site in enumerate(sites)]
    made = Edits(model, edits, len(clean.tokens.ids), supply, rows=len(sites))
    logits = run_rows(model, clean, made, len(sites), report, share)
    lost: F4 = (metric(clean.logits, target) - metric(logits, target)).cpu().numpy()
    return lost


def _outputs(model: Model, clean: CleanRun, layer: int) -> dict[Site, Tensor]:
    """What attention, its bias included, and the MLP of a layer write at the last position: (d_model,) each."""
    with torch.inference_mode():
        attention = model.bridge.blocks[layer].attn.o.original_component(clean.z[layer].flatten())
    outputs: dict[Site, Tensor] = {Site(layer, "attn_out"): attention}
    return outputs if clean.mlp is None else outputs | {Site(layer, "mlp_out"): clean.mlp[layer]}


def _replacement(site: Site, mode: Mode, supply: Supply, length: int, output: Tensor) -> Tensor:
    """What the mode puts in the place of an output at the last position."""
    if mode == "zero":
        return torch.zeros_like(output)
    if mode == "mean":
        return supply.mean(site.hook).at(torch.tensor([length - 1]))[0].to(output)
    return supply.contrast(site.hook)[-1].to(output)
