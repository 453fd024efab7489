"""A label for every feature that is active, and what the labels would be worth on other features."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interpviz.core.labels import Label
from interpviz.core.report import Report
from interpviz.core.results import I4, CacheTokens
from interpviz.engine.indexing.spool import Spool
from interpviz.engine.indexing.stripes import Bucket
from interpviz.engine.labels import Corpus, automatic, shuffled_scores

GOOD = 0.7

Arrays = dict[str, NDArray[Any]]


class Share(NamedTuple):
    """How many labels there are, how many score over 0.7, and how many of them do on another feature."""

    labels: int
    labels_good: int
    labels_shuffled: int


class Labels:
    """The labels of features as they come, in their order."""

    def __init__(self, tokens: CacheTokens, promoted: I4, spool: Spool) -> None:
        """`promoted` (feature, k) are the tokens whose logits each raises most, -1 for none."""
        self._corpus, self._promoted, self._spool = Corpus(tokens), promoted, spool
        self._labels: list[Label | None] = []
        self._places: list[tuple[int, int]] = []

    def add(self, ranked: Bucket, report: Report) -> None:
        """Label the next features, by their entries with the largest values first."""
        place, features = self._spool.append(ranked.rows), len(ranked.ptr) - 1
        for number, (low, high) in enumerate(zip(ranked.ptr[:-1].tolist(), ranked.ptr[1:].tolist(), strict=True)):
            feature = ranked.first + number
            report(number / features, f"Label of feature {feature:,}")
            self._places.append((place + 4 * low, high - low))
            raised = self._promoted[feature]
            rows = ranked.rows[low:high].astype(np.int32)
            self._labels.append(automatic(self._corpus, rows, raised[raised >= 0], feature) if high > low else None)

    def share(self, report: Report) -> Share:
        """How good they are, beside the same labels passed round among the features."""

        def rows(feature: int) -> I4:
            report(0.0, "Labels passed round")
            return self._spool.read(*self._places[feature], "<u4").astype(np.int32)

        scores = np.array([label.score for label in self._labels if label is not None])
        shuffled = shuffled_scores(self._corpus, self._labels, rows)
        return Share(len(scores), int((scores > GOOD).sum()), int((shuffled > GOOD).sum()))

    def datasets(self) -> Arrays:
        """All that the index keeps of them."""
        texts = [label.text if label else "" for label in self._labels]
        predicates = [json.dumps(asdict(label.predicate)) if label else "" for label in self._labels]
        scores = np.array([label.score if label else np.nan for label in self._labels], np.float32)
        return {"labels/score": scores, **packed("labels/text", texts), **packed("labels/predicate", predicates)}


def packed(name: str, texts: Sequence[str], ptr: str = "") -> Arrays:
    """Texts as bytes, one behind the other, and where each begins and ends, as the datasets `name` and `name`_ptr."""
    raw = [text.encode("utf-8", "replace") for text in texts]
    ends = np.cumsum([0, *map(len, raw)], dtype=np.uint64)
    return {name: np.frombuffer(b"".join(raw), np.uint8), ptr or f"{name}_ptr": ends}
