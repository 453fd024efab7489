"""How fast a training learns, how hard it presses for few features, and when dead ones are revived."""

from __future__ import annotations

import math
from collections.abc import Mapping

from interpviz.core.features import DictionaryKind

WARM_UP, DECAY = 0.05, 0.2  # of the steps: at the start and at the end
PRESSING = 0.1  # of the steps, until the sparsity loss counts in full
REVIVING = 0.6  # of the steps, after which no feature is revived: it would not have the time to learn
REFERENCE_WIDTH = 2**14

RATES: Mapping[DictionaryKind, float] = {
    "relu": 5e-4,
    "topk": 6e-4,
    "batchtopk": 6e-4,
    "jumprelu": 5e-4,
    "gated": 5e-4,
    "matryoshka": 6e-4,
}
"""Adam's rate at a width of 16,384."""


def rate_of_width(width: int) -> float:
    """What the rate at a width of 16,384 is multiplied by. Source: Gao et al. 2024: one over the root of the width."""
    return min(4.0, math.sqrt(REFERENCE_WIDTH / width))


def rate_at(step: int, steps: int) -> float:
    """The share of the rate at a step from 0: up a line, level, and down a line to almost nothing."""
    up, down = max(1.0, WARM_UP * steps), max(1.0, DECAY * steps)
    return min(1.0, (step + 1) / up, (steps - step) / down)


def pressure_at(step: int, steps: int) -> float:
    """The share of the sparsity coefficient at a step from 0: up a line, then level."""
    return min(1.0, (step + 1) / max(1.0, PRESSING * steps))


def revives_at(step: int, steps: int, every: int) -> bool:
    """Whether dead features are revived after this step: at multiples of `every` steps, while there is time."""
    return (step + 1) % every == 0 and step + 1 <= REVIVING * steps
