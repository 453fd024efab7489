"""What can be told of an index while the cache is still being gone through."""

from __future__ import annotations

import time

import numpy as np

from interpviz.core.feature_results import IndexSoFar
from interpviz.core.report import Report
from interpviz.core.results import CacheTokens
from interpviz.engine.indexing.stripes import Entries
from interpviz.engine.indexing.strongest import Strongest

FEATURES, TOKENS = 20, 5
EVERY = 1.0  # seconds


class SoFar:
    """The strongest activations yet, told as a partial answer once a second."""

    def __init__(self, features: int, tokens: CacheTokens) -> None:
        self._strongest, self._tokens = Strongest(features, TOKENS), tokens
        self._told = time.monotonic()

    def tell(self, found: Entries, report: Report) -> None:
        """Take entries of later rows than all before, and tell what is known if it is time."""
        self._strongest.add(found)
        if len(found.rows) and time.monotonic() - self._told > EVERY:
            self._told = time.monotonic()
            done = int(found.rows[-1]) + 1
            report(done / len(self._tokens.id), f"{done:,} of {len(self._tokens.id):,} tokens", self._known(done))

    def _known(self, done: int) -> IndexSoFar:
        values, rows = self._strongest.values, self._strongest.rows
        largest = values[:, 0]
        first = np.argsort(-largest, kind="stable")[:FEATURES]
        shown = tuple(
            (
                feature,
                float(largest[feature]),
                tuple(
                    self._tokens.texts[token] for token in self._tokens.id[rows[feature][rows[feature] >= 0]].tolist()
                ),
            )
            for feature in first[largest[first] > 0].tolist()
        )
        return IndexSoFar(done, int((largest > 0).sum()), shown)
