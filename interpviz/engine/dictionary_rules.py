"""Which features are active, and how strongly, given what the encoder says of each.

Source: sae-lens 6.54, `saes/*_sae.py`; eai-sparsify 1.3, `sparsify/fused_encoder.py` (groupmax).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from interpviz.data.dictionaries import Activation


@dataclass(frozen=True, eq=False)
class Rule:
    """How an encoder's (..., feature) becomes activations (..., feature).

    `k` is how many may be active at once, of groupmax how many groups; `gate` is b_gate, exp(r_mag) and b_mag, each
    (feature,).
    """

    activation: Activation
    k: int
    threshold: Tensor | None
    gate: tuple[Tensor, ...] | None

    @property
    def compares(self) -> bool:
        """Whether a feature's activation depends on the other features'."""
        return self.activation in ("topk", "abstopk", "groupmax")

    def of(self, features: Tensor) -> Rule:
        """The rule for these features (k,) alone; of one that compares there is none."""
        threshold = None if self.threshold is None else self.threshold[features]
        return replace(self, threshold=threshold, gate=self.gate and tuple(one[features] for one in self.gate))

    def active(self, hidden: Tensor) -> Tensor:
        """The activations (..., feature)."""
        return _RULES[self.activation](self, hidden)


def _relu(rule: Rule, hidden: Tensor) -> Tensor:
    return hidden.relu()


def _jumprelu(rule: Rule, hidden: Tensor) -> Tensor:
    assert rule.threshold is not None
    return hidden.relu() * (hidden > rule.threshold)


def _gated(rule: Rule, hidden: Tensor) -> Tensor:
    assert rule.gate is not None
    b_gate, scale, b_mag = rule.gate
    return (hidden * scale + b_mag).relu() * (hidden + b_gate > 0)


def _topk(rule: Rule, hidden: Tensor) -> Tensor:
    found = hidden.topk(rule.k, sorted=False)
    return torch.zeros_like(hidden).scatter_(-1, found.indices, found.values.relu())


def _abstopk(rule: Rule, hidden: Tensor) -> Tensor:
    index = hidden.abs().topk(rule.k, sorted=False).indices
    return torch.zeros_like(hidden).scatter_(-1, index, hidden.gather(-1, index))


def _groupmax(rule: Rule, hidden: Tensor) -> Tensor:
    """The largest of each group of neighbours."""
    groups = hidden.relu().view(*hidden.shape[:-1], rule.k, -1)
    value, index = groups.max(-1, keepdim=True)
    return torch.zeros_like(groups).scatter_(-1, index, value).flatten(-2)


_RULES: dict[Activation, Callable[[Rule, Tensor], Tensor]] = {
    "relu": _relu,
    "jumprelu": _jumprelu,
    "gated": _gated,
    "topk": _topk,
    "abstopk": _abstopk,
    "groupmax": _groupmax,
}
