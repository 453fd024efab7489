"""How large the rows of a cache are, as a labelled matrix; torch is not needed for it."""

from __future__ import annotations

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4, FeatureMap
from interpviz.core.scale import robust_limits
from interpviz.core.sites import short_name
from interpviz.data.activations import Cache


def row_norms(cache: Cache, first: int, last: int) -> FeatureMap:
    """Euclidean norm of every recorded site over the cache rows `first` to `last`, both included.

    Raises InterpvizError for rows that the cache has not, and for a cache that holds codes alone.
    """
    if not cache.facts.sites:
        raise InterpvizError(f"{cache.facts.name} holds codes alone. Open a cache that was recorded with --site.")
    if not 0 <= first <= last < cache.facts.tokens:
        raise InterpvizError(f"{cache.facts.name} holds tokens 0 to {cache.facts.tokens - 1}. Choose some of them.")
    rows = np.arange(first, last + 1)
    tokens = cache.tokens()
    values = np.stack([cache.norms(site, rows) for site in cache.facts.sites])
    names = tuple(short_name(site) for site in cache.facts.sites)
    return feature_map(values, names, tuple(tokens.texts.get(int(tokens.id[row]), "") for row in rows))


def feature_map(values: F4, rows: tuple[str, ...], columns: tuple[str, ...]) -> FeatureMap:
    """The matrix with colour limits that one wild value cannot spoil."""
    return FeatureMap(values, robust_limits(values), rows, columns)
