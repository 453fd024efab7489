"""Which features are like which: by what they write, and by where they are active."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from interpviz.core.report import Report
from interpviz.core.results import F4, I4
from interpviz.data.feature_index_file import NONE, RELATED
from interpviz.engine.indexing.stripes import I8, Stripes

BLOCK_BYTES = 2**26
BLOCK_PAIRS = 2**23  # of features active together that one step counts: a cancel waits for it
MOST_PAIRS = 2**32


def neighbours(decoder: Tensor, report: Report) -> tuple[I4, F4]:
    """The features whose decoder rows have the largest cosine with each one's: ids and cosines, (feature, 8).

    -1 and 0 behind the last where there are fewer. `decoder` is (feature, ...).
    """
    unit = functional.normalize(decoder.flatten(1), dim=-1)
    found, values = _nothing(len(unit))
    for low in range(0, len(unit), step := max(1, BLOCK_BYTES // (4 * len(unit)))):
        report(low / len(unit), f"Neighbours of {low:,} features")
        _put(found, values, low, unit[low : low + step] @ unit.T)
    return found, values


def together(stripes: Stripes, rows: int, report: Report) -> tuple[I4, F4, int]:
    """The features with the largest Jaccard index with each one: ids and indices, (feature, 8), and rows looked at.

    The index is at how many rows both are active over at how many either is; -1 and 0 where none shares a row with it.
    Where more than 2**32 pairs are active together, only every so manieth row of the cache is looked at.
    """
    every = max(1, -(-stripes.pairs // MOST_PAIRS))
    counts = stripes.counts if every == 1 else _counts(stripes, every)
    found, values = _nothing(stripes.features)
    low = 0
    while low < stripes.features:
        high = _reach(stripes, low)
        shared = _shared(stripes, low, high, every, report)
        either = counts[low:high, None] + counts[None] - shared
        index = np.divide(shared, either, out=np.zeros_like(shared), where=shared > 0)
        _put(found, values, low, torch.from_numpy(index), least=0.0)
        low = high
    return found, values, -(-rows // every)


def _reach(stripes: Stripes, low: int) -> int:
    """How far the features go that are counted in one step."""
    most = max(1, BLOCK_BYTES // (4 * stripes.features))
    a_stripe = max(1, stripes.pairs // max(1, len(stripes.stripes)))
    share = stripes.features * BLOCK_PAIRS // a_stripe
    return min(stripes.features, low + max(1, min(most, share)))


def _shared(stripes: Stripes, low: int, high: int, every: int, report: Report) -> F4:
    """At how many rows each of these features is active together with each of all: (high - low, feature)."""
    shared = np.zeros((high - low, stripes.features), np.float32)
    flat = shared.reshape(-1)
    for number, stripe in enumerate(stripes.stripes):
        done = (low + (high - low) * number / len(stripes.stripes)) / stripes.features
        report(done, f"Features active together with {low:,} others")
        some, all_ = stripes.by_feature(stripe, low, high), stripes.by_row(stripe)
        if every > 1:
            some, all_ = _thinned(some, all_, -stripe.first % every, every)
        both = some @ all_
        row = np.repeat(np.arange(high - low, dtype=np.int64), np.diff(both.indptr))
        flat[row * stripes.features + both.indices] += both.data
    return shared


def _thinned(some: Any, all_: Any, first: int, every: int) -> tuple[Any, Any]:
    return some.tocsc()[:, first::every].tocsr(), all_[first::every]


def _counts(stripes: Stripes, every: int) -> I8:
    """At how many of the rows that are looked at each feature is active."""
    found = np.zeros(stripes.features, np.int64)
    for stripe in stripes.stripes:
        rows = stripes.by_row(stripe)[-stripe.first % every :: every]
        found += np.bincount(rows.indices, minlength=stripes.features)
    return found


def _nothing(features: int) -> tuple[I4, F4]:
    return np.full((features, RELATED), NONE, np.int32), np.zeros((features, RELATED), np.float32)


def _put(found: I4, values: F4, low: int, alike: Tensor, least: float = -2.0) -> None:
    """Put in the most alike of the features from `low` on, (n, feature), without themselves."""
    rows = torch.arange(len(alike))
    alike[rows, rows + low] = -2.0
    most = torch.topk(alike, min(RELATED, max(1, alike.shape[1] - 1)))
    there = (most.values > least).cpu().numpy()
    here = np.s_[low : low + len(alike), : there.shape[1]]
    found[here] = np.where(there, most.indices.cpu().numpy(), NONE)
    values[here] = np.where(there, most.values.cpu().numpy(), 0)
