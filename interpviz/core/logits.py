"""What logits say: probabilities, the followed metric, and how far two distributions lie apart; over draws too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import F4, RunResult, Target


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-probabilities in nats, over the last axis."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def metric(logits: NDArray[np.float32], target: Target) -> float:
    """The logit of the target minus that of the distractor in a row (vocab,), in nats.

    Without a distractor it is the target's log-probability.
    """
    if target.distractor is None:
        return float(log_softmax(logits)[target.target])
    return float(logits[target.target] - logits[target.distractor])


@dataclass(frozen=True)
class Measured:
    """A number in nats: over the `draws` of a resample their mean, with their standard deviation; else 0 over 1."""

    value: float
    spread: float = 0.0
    draws: int = 1


def over_draws(values: Sequence[float]) -> Measured:
    """One number a draw: their mean, and their standard deviation about it (divided by how many they are)."""
    return Measured(float(np.mean(values)), float(np.std(values)), len(values))


def difference(run: RunResult, target: Target) -> Measured:
    """The metric of a run; of draws the mean of theirs, which without a distractor is not that of the mean logits."""
    return over_draws([metric(logits, target) for logits in _draws(run)])


def divergence(left: RunResult, right: RunResult) -> Measured:
    """KL(left || right); where both resample, of one draw after the other, else of every draw and the one run."""
    p, log_p, log_q = probabilities(left), log_probabilities(left), log_probabilities(right)
    pairs = ((k % len(p), k % len(log_q)) for k in range(max(len(p), len(log_q))))
    return over_draws([_kl(p[one], log_p[one], log_q[other]) for one, other in pairs])


# A drag compares one run with another every few milliseconds; of 49,152 tokens each of these takes one.
@lru_cache(4)
def log_probabilities(run: RunResult) -> NDArray[np.float64]:
    """In nats, (draw, vocab); one draw of a run that draws nothing."""
    return log_softmax(_draws(run))


@lru_cache(4)
def probabilities(run: RunResult) -> NDArray[np.float64]:
    """From 0 to 1, (draw, vocab)."""
    return np.exp(log_probabilities(run))


def _kl(p: NDArray[np.float64], log_p: NDArray[np.float64], log_q: NDArray[np.float64]) -> float:
    return float(np.maximum((p * (log_p - log_q)).sum(), 0.0))  # unlike max, keeps NaN


def _draws(run: RunResult) -> F4:
    """The logits (draw, vocab) of every draw; of a run that draws nothing, one row."""
    return run.logits[None] if run.draws is None else run.draws
