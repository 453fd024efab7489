"""What logits say: probabilities and how far two distributions lie apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import Target


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-probabilities in nats, over the last axis."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def kl_nats(clean: NDArray[np.float32], edited: NDArray[np.float32]) -> float:
    """KL(clean || edited) in nats between the distributions of two logit rows (vocab,)."""
    p, q = log_softmax(clean), log_softmax(edited)
    return float(np.maximum((np.exp(p) * (p - q)).sum(), 0.0))  # unlike max, keeps NaN


def metric(logits: NDArray[np.float32], target: Target) -> float:
    """The logit of the target minus that of the distractor in a row (vocab,), in nats.

    Without a distractor it is the target's log-probability.
    """
    if target.distractor is None:
        return float(log_softmax(logits)[target.target])
    return float(logits[target.target] - logits[target.distractor])
