"""Indices of features from Python: what every feature of a dictionary does in a cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from interpviz.api.asking import engine
from interpviz.api.files import Cache
from interpviz.core.feature_requests import Index
from interpviz.core.feature_results import FeaturePage, FeatureTable
from interpviz.core.features import IndexFacts
from interpviz.core.report import Report, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from interpviz.api.model import Model
    from interpviz.core.results import F4
    from interpviz.data.feature_index import FeatureIndex as StoredIndex


class IndexSummary(NamedTuple):
    """How many features there are, how many were active at all (`live`) or never (`dead`), and at over 1% and over 10%

    of the tokens. Of the `labels` that were found `good` score over 0.7, and `shuffled` would if each were another
    feature's.
    """

    features: int
    live: int
    dead: int
    dense_1: int
    dense_10: int
    labels: int
    good: int
    shuffled: int


class FeatureIndex:
    """An index of features. Make one with `features`, or open one with `open_index`."""

    def __init__(self, stored: StoredIndex) -> None:
        self._stored = stored

    def __repr__(self) -> str:
        return f"FeatureIndex({self.facts.name!r}, {self.facts.features} features in {self.facts.cache})"

    @property
    def facts(self) -> IndexFacts:
        """Which dictionary's features were looked up in which cache."""
        return self._stored.facts

    @property
    def about(self) -> dict[str, Any]:
        """What the file says of itself: of which dictionary, model and cache it is, and what was counted."""
        return self._stored.about.model_dump(exclude={"datasets", "content"})

    def table(self) -> FeatureTable:
        """The figures of every feature."""
        return self._stored.table()

    def page(self, feature: int) -> FeaturePage:
        """All that there is of one feature, with examples."""
        return self._stored.page(feature)

    def examples(self, feature: int, most: int | None = None) -> tuple[NDArray[Any], F4]:
        """The rows of the cache at which a feature is active, and its values there, the largest first."""
        return self._stored.examples(feature, most)

    def summary(self) -> IndexSummary:
        """The whole index in a few numbers."""
        density, about = self._stored.table().density, self._stored.about
        live, dense, very = (int((density > share).sum()) for share in (0, 0.01, 0.1))
        return IndexSummary(
            about.features,
            live,
            about.features - live,
            dense,
            very,
            about.labels,
            about.labels_good,
            about.labels_shuffled,
        )


def features(
    folder: str | Path,
    model: Model,
    acts: Cache | str | Path,
    out: str | Path | None = None,
    report: Report = silent,
) -> FeatureIndex:
    """Look every feature of a dictionary up in a cache, and write the index: `FOLDER.features.h5` where `out` is None.

    `acts` is a cache of this model that holds what the dictionary reads. Rows at position 0, BOS, count nowhere.
    `report` gets IndexSoFar as partial answers.
    """
    from interpviz.engine.indexing.build import index

    loaded = engine().loaded(model.facts, report).model
    cache = acts.facts.source if isinstance(acts, Cache) else str(acts)
    made = index(loaded, Index(str(folder), model.facts.source, cache, "" if out is None else str(out)), report)
    return FeatureIndex(engine().index(made))


def open_index(path: str | Path) -> FeatureIndex:
    """Open an index that `features` made."""
    return FeatureIndex(engine().open_index(str(path)))
