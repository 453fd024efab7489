"""Attribution patching: the effect of every head and MLP to first order, all from one gradient."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from interpviz.core.document import ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import REPLACING, Mode
from interpviz.core.report import Report, silent
from interpviz.core.results import Effects, Target, Tokens
from interpviz.core.sites import Site
from interpviz.engine.blocks import Hook
from interpviz.engine.lens import Model
from interpviz.engine.metrics import metric
from interpviz.engine.parts import per_part
from interpviz.engine.supplies import Supply


def attribution_patching(
    model: Model, tokens: Tokens, target: Target, mode: Mode, supply: Supply, report: Report = silent
) -> Effects:
    """(a_clean - a_reference) · d metric / d a of every head's z and MLP's output, summed over positions, in nats.

    It estimates metric(clean) - metric(edited) for one component at a time: positive, the component raises the
    metric. The reference is zero, the mean, or the contrast prompt's activation. One pass there and one back.

    Raises InterpvizError for other modes.
    Source: METRICS.md, Attribution patching; Nanda 2023, "Attribution Patching".
    """
    if mode not in REPLACING:
        raise InterpvizError(f"{mode} has no estimate to first order. Use zero, mean or patch.")
    begun = time.perf_counter()
    activations, value = _derivable_run(model, tokens, target, report)
    slopes = torch.autograd.grad(value, list(activations.values()))
    with torch.inference_mode():
        found: dict[Site, Tensor] = {}
        for (name, activation), slope in zip(activations.items(), slopes, strict=True):
            change = activation.detach()[0] - _reference(name, mode, supply, activation)
            found |= _by_site(name, per_part((change * slope[0])[None], name, model.facts)[0], model.facts)
        values = torch.stack([found[site] for site in model.facts.components()])
    seconds = time.perf_counter() - begun
    road = model.road(activations, len(tokens.ids))
    baseline = float(value.detach())
    return Effects(model.facts.components(), values.cpu().numpy(), baseline, seconds=seconds, road=road)


def _derivable_run(model: Model, tokens: Tokens, target: Target, report: Report) -> tuple[dict[str, Tensor], Tensor]:
    """By hook name the z and MLP outputs (1, pos, ...) of a run, and the metric that can be derived by them."""
    seen: dict[str, Tensor] = {}

    def keeping(name: str) -> Hook:
        def see(activation: Tensor) -> None:
            seen[name] = activation

        return see

    def begin(stream: Tensor) -> Tensor:
        return stream.detach().requires_grad_()

    names = dict.fromkeys(site.hook for site in model.facts.components())
    hooks: dict[str, Hook] = {"blocks.0.hook_resid_pre": begin} | {name: keeping(name) for name in names}
    logits = model.forward(model.ids(tokens), hooks, gradients=True, report=report)
    return seen, metric(logits[0, -1], target)


def _reference(name: str, mode: Mode, supply: Supply, activation: Tensor) -> Tensor | float:
    if mode == "zero":
        return 0.0
    places = torch.arange(activation.shape[1])
    given = supply.mean(name).at(places) if mode == "mean" else supply.contrast(name)
    return given.to(activation).view_as(activation[0])


def _by_site(name: str, products: Tensor, facts: ModelFacts) -> Mapping[Site, Tensor]:
    """Sums of the products (pos, ...) of one activation: one a head of z, one for an MLP."""
    layer = int(name.split(".")[1])
    if not name.endswith("hook_z"):
        return {Site(layer, "mlp_out"): products.sum()}
    return {Site(layer, "head", head): products[:, head].sum() for head in range(facts.heads)}
