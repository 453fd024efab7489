"""Where the features of a dictionary are active in a cache: one pass over its rows, in their order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report
from interpviz.data.activations import Cache, check_finite
from interpviz.engine.dictionaries import SAE
from interpviz.engine.indexing.stripes import Entries
from interpviz.engine.shard_maker import NONE

# 2 million activations are still in the processor's cache when they are looked at: half the time of 16 million.
BLOCK = 2**21
LEAST_ROWS = 64
BLOCK_WORK = 2**34  # multiplications: a cancel waits for them
MOST_ROWS = 8192


def active(cache: Cache, sae: SAE, position: NDArray[np.int32], report: Report) -> Iterator[Entries]:
    """The entries of every block of rows. Rows at position 0 are left out: a BOS is always the same, and often huge.

    Codes that the cache keeps of this very dictionary are used in the place of activations where no row has more of
    them than there was room for. Raises InterpvizError where the cache has neither, and where one of either is NaN or
    infinite.
    """
    kept = _codes(cache, sae)
    if not kept and sae.facts.hook not in cache.facts.sites:
        raise InterpvizError(
            f"{sae.facts.name} reads {sae.facts.hook}, but {cache.facts.name} holds "
            f"{', '.join((*cache.facts.sites, *cache.facts.codes))}. Record a cache with --site {sae.facts.hook}."
        )
    step, rows = _step(sae), cache.facts.tokens
    for low in range(0, rows, step):
        report(low / rows, f"{low:,} of {rows:,} tokens")
        here = slice(low, min(low + step, rows))
        found = _kept(cache, kept, here) if kept else _encoded(cache, sae, here)
        later = position[found.rows] > 0
        found = found if later.all() else Entries(found.rows[later], found.features[later], found.values[later])
        check_finite(cache, kept or sae.facts.hook, found.values, found.rows)
        yield found


def _step(sae: SAE) -> int:
    """Rows a block."""
    width = sae.facts.features
    return max(1, min(MOST_ROWS, max(LEAST_ROWS, BLOCK // width), BLOCK_WORK // (width * sae.facts.d_in)))


def _encoded(cache: Cache, sae: SAE, here: slice) -> Entries:
    x = torch.from_numpy(cache.rows(sae.facts.hook, here)).flatten(1).to(sae.encoder.device)
    with torch.inference_mode():
        x[~x.isfinite().all(-1)] = torch.nan  # an infinite one can also leave every feature at zero
        dense = sae.encode(x).cpu().numpy()
    there = np.flatnonzero(dense != 0)
    row, feature = np.divmod(there, dense.shape[1])
    return Entries(row + here.start, feature.astype(np.int32), dense.reshape(-1)[there])


def _codes(cache: Cache, sae: SAE) -> str:
    """The name of codes that say all that the dictionary would; empty where the cache has none such."""
    for codes in cache.job.dictionaries:
        if codes.sha256 == sae.facts.sha256 and not _some_full(cache, codes.name):
            return codes.name
    return ""


def _some_full(cache: Cache, name: str) -> bool:
    """Whether some row's places are all taken: it may have had more."""
    rows = range(0, cache.facts.tokens, MOST_ROWS)
    return any((cache.codes(name, slice(low, low + MOST_ROWS)).index[:, -1] != NONE).any() for low in rows)


def _kept(cache: Cache, name: str, here: slice) -> Entries:
    codes = cache.codes(name, here)
    row, place = np.nonzero(codes.index != NONE)
    features, values = codes.index[row, place].astype(np.int32), codes.value[row, place]
    order = np.lexsort((features, row))
    there = order[values[order] != 0]  # float16 has no room for the least
    return Entries(row[there] + here.start, features[there], values[there])
