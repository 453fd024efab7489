"""What requests about dictionaries and features are answered with: frozen, numpy only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interpviz.core.labels import Label
from interpviz.core.results import F4, I4, Tokens


@dataclass(frozen=True)
class TrainingPoint:
    """Where a training stands after `step` of `steps`: means since the point before, over the rows that were seen.

    `l0` is features active a row, `fvu` the fraction of variance unexplained of those rows, `dead` the share of
    features that were not active in the last `dead_after` rows. `rows_a_second` counts rows of the cache.
    """

    step: int
    steps: int
    loss: float
    l0: float
    fvu: float
    dead: float
    rows_a_second: float


LIMITS = {"fvu": (-math.inf, 1.0), "norm_ratio": (0.7, 1.4), "dead": (0.0, 0.5), "ce_recovered": (0.5, math.inf)}
"""Outside these a dictionary does not belong to the model, the layer or the text, or is no good."""


@dataclass(frozen=True)
class Fit:
    """How a dictionary does on a text, all of it measured here. Source: METRICS.md, Dictionaries.

    `source` says which text, of so many `tokens`; those at position 0 are left out of every number, and left as they
    are where the activation is replaced. Of a transcoder the activation is what it is to write; of a cross-layer
    transcoder only features are counted, and the rest is NaN. Cross-entropies in nats a token:
    `ce_clean` of the model, `ce_spliced` with the reconstruction in the activation's place, `ce_zero` with zero there;
    `kl_spliced` and `kl_zero` are KL(clean || changed). `explained_variance_legacy` is the mean of per-token ratios,
    `norm_ratio` the mean of |x̂|/|x|, `bias` E|x̂|²/E(x·x̂). `dead`, `dense_1` and `dense_10` are shares of features:
    never active on this text, active at over 1% and over 10% of its tokens. `problems` are sentences on what is wrong.
    """

    source: str
    tokens: int
    l0: float
    fvu: float
    explained_variance_legacy: float
    norm_ratio: float
    bias: float
    cosine: float
    ce_clean: float
    ce_spliced: float
    ce_zero: float
    kl_spliced: float
    kl_zero: float
    dead: float
    dense_1: float
    dense_10: float
    problems: tuple[str, ...] = ()

    @property
    def wrong(self) -> frozenset[str]:
        """The names of the figures that lie outside their LIMITS."""
        figures = ((name, getattr(self, name), limits) for name, limits in LIMITS.items())
        return frozenset(name for name, value, (low, high) in figures if value < low or value > high)

    @property
    def ce_recovered(self) -> float:
        """(CE_zero - CE_spliced) / (CE_zero - CE_clean), NaN where zero costs nothing. Source: METRICS.md."""
        cost = self.ce_zero - self.ce_clean
        return (self.ce_zero - self.ce_spliced) / cost if cost else float("nan")

    @property
    def kl_score(self) -> float:
        """(KL_zero - KL_spliced) / KL_zero, NaN where zero changes nothing. Source: METRICS.md."""
        return (self.kl_zero - self.kl_spliced) / self.kl_zero if self.kl_zero else float("nan")


@dataclass(frozen=True)
class IndexSoFar:
    """What is known of an index while it is built, after `tokens` of the cache, of which `live` features were active.

    `strongest` are the features with the largest activations yet, each with its largest one and the texts of its
    strongest tokens.
    """

    tokens: int
    live: int
    strongest: tuple[tuple[int, float, tuple[str, ...]], ...]


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Every feature of an index: each array (feature,), each tuple one text a feature.

    `density` is the share of the cache's tokens at which it is active, `maximum` its largest activation there,
    `top_token` the text of the token at which that was; `label` the automatic one, empty where none was found, and
    `score` how well it tells active tokens from others, NaN where there is none (`core.labels`).
    """

    density: F4
    maximum: F4
    top_token: tuple[str, ...]
    label: tuple[str, ...]
    score: F4


@dataclass(frozen=True, eq=False)
class Example:
    """A stretch of the cache around a token at which a feature is active.

    `row` is that token's row of the cache and `at` its place in `texts` (pos,); `values` (pos,) are the feature's
    activations, 0 where it is not active; `ids` (pos,) the tokens. `document` and `position` are that token's.
    """

    row: int
    at: int
    ids: I4
    texts: tuple[str, ...]
    values: F4
    document: int
    position: int


@dataclass(frozen=True, eq=False)
class ExampleGroup:
    """Examples with peaks from `low` to `high`: the strongest, or some of one quantile of the active tokens."""

    name: str
    low: float
    high: float
    examples: tuple[Example, ...]


@dataclass(frozen=True, eq=False)
class TopTokens:
    """Tokens by what a feature adds to their logits for each unit that it is active: `ids`, `texts`, `values` (k,).

    Direct effect through the unembedding, the last normalisation's scale frozen at 1; largest magnitude first.
    """

    ids: I4
    texts: tuple[str, ...]
    values: F4


@dataclass(frozen=True, eq=False)
class Related:
    """Other features and how alike they are, most alike first: `features` (k,), `values` (k,)."""

    features: I4
    values: F4


@dataclass(frozen=True, eq=False)
class FeaturePage:
    """All that an index says of a feature.

    `edges` (bin+1,) and `counts` (bin,) are the histogram of its activations over the tokens at which it is active,
    and `quantiles` (101,) the activations at 0%, 1% ... 100% of those. `neighbours` by cosine of decoder rows,
    `together` by Jaccard index: tokens at which both are active over those at which either is.
    """

    feature: int
    density: float
    active: int
    maximum: float
    mean: float
    edges: F4
    counts: I4
    quantiles: F4
    groups: tuple[ExampleGroup, ...]
    promoted: TopTokens
    suppressed: TopTokens
    neighbours: Related
    together: Related
    label: Label | None


@dataclass(frozen=True, eq=False)
class PromptFeatures:
    """The strongest features of a dictionary on the clean run of a prompt, by their largest activations.

    `features` (feature,), `values` (feature, pos), 0 where one is not active and at position 0, which is left out.
    `direct` (feature, pos) is value · W_dec · d, d the direction that the metric reads at the last position with the
    final norm's scale held there. So the last column is each feature's direct effect on the metric, in nats, and the
    others what the same write would add to it at the last position, where alone the metric reads. None without a
    target, and for what is not written to the residual stream. `quantiles` (feature, pos) is the share of the tokens at
    which the index found the feature active that it was at most as active at, 0 to 1; NaN where it is not active, here
    or in the index, and None without one. `considered` is how many features were active at all.
    """

    tokens: Tokens
    features: I4
    values: F4
    direct: F4 | None
    considered: int
    quantiles: F4 | None = None


@dataclass(frozen=True, eq=False)
class TriedText:
    """One feature on another text: `values` (pos,), 0 where it is not active, and at position 0, which is left out."""

    tokens: Tokens
    values: F4


@dataclass(frozen=True)
class Notes:
    """What a person wrote of a dictionary's features: text and own label by feature, bookmarks, and named lists.

    `texts` and `labels` are pairs of feature and text, `lists` pairs of a name and its features, all sorted. `problem`
    is empty, or a sentence on what was the matter with their file.
    """

    texts: tuple[tuple[int, str], ...] = ()
    labels: tuple[tuple[int, str], ...] = ()
    bookmarks: frozenset[int] = frozenset()
    lists: tuple[tuple[str, tuple[int, ...]], ...] = ()
    problem: str = ""

    def text(self, feature: int) -> str:
        """What was noted of a feature; empty where nothing was."""
        return dict(self.texts).get(feature, "")

    def label(self, feature: int) -> str:
        """What a person calls a feature; empty where nobody named it."""
        return dict(self.labels).get(feature, "")


@dataclass(frozen=True, eq=False)
class Explanations:
    """Labels that another program made: `features` (n,), their `texts`, and `scores` (n,), NaN where it gave none."""

    source: str
    features: I4
    texts: tuple[str, ...]
    scores: NDArray[np.float32]
