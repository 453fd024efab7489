"""What dictionaries, their indices and their features are: frozen facts and views, without arrays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from interpviz.core.errors import InterpvizError, SiteMissing
from interpviz.core.sites import Site

DictionaryKind = Literal["relu", "topk", "batchtopk", "jumprelu", "gated", "matryoshka"]
Layout = Literal["saelens", "sparsify"]
"""The layouts that dictionaries are written in."""
Ranking = Literal["activation", "quantile", "direct", "ablation"]
INDEX_ENDING = ".features.h5"
TableColumn = Literal["feature", "density", "maximum", "label", "score", "top_token", "effect"]


@dataclass(frozen=True)
class DictionaryFacts:
    """What a dictionary is. Its features are the sites `name/0` to `name/{features-1}`.

    `hook` is the activation that it reads, `d_in` its width; a transcoder writes `d_out` numbers to `hook_out`, others
    write where they read and have "" and 0 there. `writes_ahead` says that its features also write to later layers,
    as those of a cross-layer transcoder do. `sha256` is over the files that say what it is and hold its weights;
    `layout` names whose files they are.
    """

    name: str
    source: str
    sha256: str
    architecture: str
    hook: str
    d_in: int
    features: int
    hook_out: str = ""
    d_out: int = 0
    writes_ahead: bool = False
    layout: str = "SAELens"

    @property
    def transcoder(self) -> bool:
        """Whether it reads one activation and writes another."""
        return bool(self.hook_out)

    @property
    def written(self) -> tuple[str, int]:
        """The activation that its features write to, and its width."""
        return (self.hook_out, self.d_out) if self.hook_out else (self.hook, self.d_in)

    @property
    def index_place(self) -> str:
        """Where the index of its features lies unless told otherwise: beside its folder, never in it."""
        source = os.path.abspath(os.path.expanduser(self.source))
        folder = source if os.path.isdir(source) else os.path.dirname(source)
        return os.path.join(os.path.dirname(folder), f"{self.name}{INDEX_ENDING}")

    def check(self, site: Site) -> None:
        """Raise SiteMissing unless this dictionary has the feature."""
        if site.index >= self.features:
            raise SiteMissing(site, self.name, f"features 0 to {self.features - 1}")


@dataclass(frozen=True)
class IndexFacts:
    """What a feature index is: which dictionary's features were looked up in which cache.

    `sha256` is of the index file; the others are those of what it was built from. `tokens` are the rows of the cache.
    """

    name: str
    source: str
    sha256: str
    dictionary: str
    dictionary_sha256: str
    model_sha256: str
    cache: str
    cache_sha256: str
    features: int
    tokens: int


@dataclass(frozen=True)
class FeaturesView:
    """What the panels of features show: one dictionary, one of its features, and how the table stands.

    `dictionary` is empty for the one opened last; `feature` None where none is chosen. `filter` is an expression of
    `core.feature_filter`; `at` the position of the prompt whose cell was clicked, or None; `tried` another text that
    the feature is tried on; `ranking` orders the features of the prompt; `list` names the list that the table is
    narrowed to, "bookmarks" for those marked, empty for all.
    """

    dictionary: str = ""
    feature: int | None = None
    filter: str = ""
    column: TableColumn = "maximum"
    descending: bool = True
    at: int | None = None
    tried: str = ""
    ranking: Ranking = "activation"
    list: str = ""


NOTHING_CHOSEN = FeaturesView()


class NoIndex(InterpvizError):
    """There is no index of the dictionary's features."""

    def __init__(self, dictionary: str) -> None:
        super().__init__(
            f"There is no index of {dictionary} yet. Open a cache of its model and build one: Features, Build index, "
            "or interpviz features."
        )
