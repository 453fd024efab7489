"""Attribution patching, beside derivatives taken by small steps and beside TransformerLens's own gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.requests import PatchingEstimateRequest, RunRequest, SweepRequest
from interpviz.core.results import Effects
from tests.engine.pairs import Pair

TEXT, CONTRAST = "c e g c i", "c b g c i"


def estimated(pair: Pair, mode: str = "zero") -> Effects:
    sources = Sources(contrast=Prompt(CONTRAST) if mode == "patch" else None)
    found: Effects = pair.engine.compute(
        PatchingEstimateRequest(pair.facts, Prompt(TEXT), "d", "f", mode, sources)  # type: ignore[arg-type]
    )
    return found


def test_the_estimate_is_the_slope_at_the_clean_run(random_pair: Pair) -> None:
    effects = estimated(random_pair)
    for number, site in enumerate(effects.sites):
        ends = []
        for factor in (1.002, 0.998):
            edits = frozenset({Intervention(site, "scale", factor)})
            logits = random_pair.engine.compute(RunRequest(random_pair.facts, Prompt(TEXT), edits)).logits
            ends.append(float(logits[4] - logits[6]))
        slope = (ends[0] - ends[1]) / 0.004  # scaling by 1 + e adds e times the activation
        assert effects.values[number] == pytest.approx(slope, abs=2e-2, rel=2e-2)


@pytest.mark.parametrize("mode", ["zero", "patch"])
def test_the_estimate_is_that_of_gradients_on_the_bridge(random_pair: Pair, mode: str) -> None:
    bridge, facts = random_pair.model.bridge, random_pair.facts
    ids, other = (torch.tensor([random_pair.ids(text)]) for text in (TEXT, CONTRAST))
    seen: dict[str, torch.Tensor] = {}

    def keep(value: torch.Tensor, hook: object, name: str) -> torch.Tensor:
        seen[name] = value.detach().requires_grad_() if name == "blocks.0.hook_resid_pre" else value
        seen[name].retain_grad()
        return seen[name]

    names = ["blocks.0.hook_resid_pre", *(site.hook for site in facts.components() if site.index in (-1, 0))]
    hooks = [(name, lambda value, hook, name=name: keep(value, hook, name)) for name in names]
    logits = bridge.run_with_hooks(ids, fwd_hooks=hooks)[0, -1]
    (logits[4] - logits[6]).backward()
    _, corrupt = bridge.run_with_cache(other)
    effects = estimated(random_pair, mode)
    for site, value in zip(facts.components(), effects.values, strict=True):
        clean, slope = seen[site.hook], seen[site.hook].grad
        assert slope is not None
        change = clean.detach() - (corrupt[site.hook].view_as(clean) if mode == "patch" else 0)
        product = (change * slope)[0]
        part = product.view(len(product), facts.heads, -1)[:, site.index] if site.index >= 0 else product
        assert value == pytest.approx(float(part.sum()), abs=1e-4)


def test_the_estimate_of_the_mean_uses_the_reference(llama: Pair, letters: object) -> None:
    zero, mean = estimated(llama), estimated(llama, "mean")
    assert mean.sites == zero.sites
    assert np.abs(mean.values - zero.values).max() > 1e-3


def test_the_baseline_is_the_clean_metric_and_small_cuts_are_well_estimated(llama: Pair) -> None:
    estimate = estimated(llama)
    measured = [llama.engine.compute(SweepRequest(llama.facts, Prompt(TEXT), "d", "f", k)) for k in range(3)]
    values = np.concatenate([one.values for one in measured])
    assert estimate.baseline == pytest.approx(measured[0].baseline, abs=1e-5)
    assert np.corrcoef(estimate.values, values)[0, 1] > 0.5


def test_a_mode_without_a_first_order_is_refused(llama: Pair) -> None:
    with pytest.raises(InterpvizError, match="resample has no estimate to first order"):
        estimated(llama, "resample")


def test_gradients_leave_nothing_behind(llama: Pair) -> None:
    estimated(llama)
    assert all(parameter.grad is None for parameter in llama.model.bridge.original_model.parameters())
    assert not llama.model.forward(torch.tensor([llama.ids(TEXT)])).requires_grad
