"""The final norm with its scale held at that of one run, while what it reads is another's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from interpviz.core.results import Target
from interpviz.engine.clean import CleanRun
from interpviz.engine.lens import Model
from interpviz.engine.metrics import metric


def scale(model: Model, residual: Tensor) -> Tensor:
    """What the final norm divides a residual stream (d_model,) by: a number ()."""
    norm = model.bridge.ln_final
    spread = residual.pow(2).mean() if norm.uses_rms_norm else residual.var(unbiased=False)
    return (spread + _epsilon(norm)).sqrt()


def logits_at(model: Model, residual: Tensor, held: Tensor) -> Tensor:
    """Logits (vocab,) of a residual stream (d_model,) when the final norm divides by `held`."""
    norm, unembed = model.bridge.ln_final.original_component, model.bridge.unembed.original_component
    bias = getattr(norm, "bias", None)
    shift = bias if bias is not None else 0.0
    logits: Tensor = unembed((norm(residual) - shift) * scale(model, residual) / held + shift)
    return logits


def direct_effect(model: Model, run: CleanRun, target: Target, change: Tensor) -> float:
    """What the metric loses, in nats, when `change` (d_model,) is taken off what the final norm reads, its scale held.

    Of a logit difference it is change . d, the direct logit attribution; of a log-probability the exact change, not
    its first order.
    """
    with torch.inference_mode():
        left = logits_at(model, run.residual - change, scale(model, run.residual))
        return float(metric(run.logits, target) - metric(left, target))


def _epsilon(norm: Any) -> float:
    inner = norm.original_component
    found = getattr(inner, "variance_epsilon", None) or getattr(inner, "eps", None)
    return float(found if found is not None else norm.config.eps)
