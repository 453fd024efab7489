"""The number that effects are measured in: a logit difference, or a log-probability without a distractor."""

from __future__ import annotations

from torch import Tensor

from interpviz.core.results import Target


def metric(logits: Tensor, target: Target) -> Tensor:
    """Of logits (..., vocab): logit(target) - logit(distractor), or log P(target) in nats without a distractor."""
    if target.distractor is None:
        return logits.log_softmax(-1)[..., target.target]
    return logits[..., target.target] - logits[..., target.distractor]


def slope(logits: Tensor, target: Target) -> Tensor:
    """Gradient of the metric at these logits (vocab,): one for the target, less one or the probabilities."""
    step = logits.new_zeros(logits.shape)
    if target.distractor is None:
        step -= logits.softmax(-1)
    else:
        step[target.distractor] = -1.0
    step[target.target] += 1.0
    return step
