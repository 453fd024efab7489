"""What requests are answered with: frozen, numpy only, counted in bytes by the memo."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from interpviz.core.sites import Site

F4 = NDArray[np.float32]
I4 = NDArray[np.int32]
Road = Literal["fast", "slow"]
"""Which way a run went: our own forward pass, or TransformerLens's hooks where a model has no fast one."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """A prompt in tokens: `ids` (pos,), and the text of each, as the tokenizer decodes it alone."""

    ids: I4
    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Reference:
    """What mean or resample drew from: where it came from, how many tokens, and the sha256 of the text or cache."""

    source: str
    tokens: int
    sha256: str


@dataclass(frozen=True, eq=False)
class RunResult:
    """`logits` (vocab,) at the last position; `loss` (pos-1,) in nats, or None where not asked; `seconds` it took.

    Where an edit resamples, `draws` (draw, vocab) are the logits of every draw and `logits` their mean; else None.
    """

    tokens: Tokens
    logits: F4
    loss: F4 | None
    reference: Reference | None
    seconds: float
    draws: F4 | None = None
    road: Road = "fast"


@dataclass(frozen=True, eq=False)
class Continuation:
    """What the model went on to say: `ids` (step,) and the text of each.

    `top_ids` and `top_logits` (step, 10) are the likeliest tokens at each step, `log_probability` (step,) that of the
    chosen one, in nats, at temperature 1. `ended` says that the model ended the text, or that its context was full.
    """

    ids: I4
    texts: tuple[str, ...]
    top_ids: I4
    top_texts: tuple[tuple[str, ...], ...]
    top_logits: F4
    log_probability: F4
    ended: bool
    seconds: float
    road: Road


@dataclass(frozen=True, eq=False)
class Target:
    """Token ids of the target and of the distractor (None without one)."""

    target: int
    distractor: int | None


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The text of every token of a model: `texts[id]`."""

    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Effects:
    """One number in nats a site, `values` (site,): effect on the metric, positive = the site raises it.

    `baseline` is the metric of the run that it was compared with. Of a sweep, `logits` (site, vocab) at the last
    position, where they are few enough to keep, else None; `spread` (site,) the standard deviation over the draws of
    resample, else None; `reference` what mean or resample drew from.
    """

    sites: tuple[Site, ...]
    values: F4
    baseline: float
    logits: F4 | None = None
    spread: F4 | None = None
    seconds: float = 0.0
    reference: Reference | None = None
    road: Road = "fast"


@dataclass(frozen=True, eq=False)
class Writes:
    """`norms` (site,): Euclidean norm of what each head or MLP adds to the residual stream at the last position."""

    sites: tuple[Site, ...]
    norms: F4


@dataclass(frozen=True, eq=False)
class PatchingRow:
    """`values` (pos,): (patched - contrast) / (prompt - contrast) of the metric, one position patched at a time.

    0 is the contrast's answer, 1 the prompt's; `prompt` and `contrast` are the two metrics in nats.
    """

    layer: int
    values: F4
    prompt: float
    contrast: float
    road: Road = "fast"


@dataclass(frozen=True, eq=False)
class PathEffects:
    """Effects in nats of editing a sender, positive = what was edited raised the metric.

    `total` lets everything follow; `direct` holds all but the sender's own path to the logits at the clean run;
    `path` lets the chosen paths alone follow. `baseline` is the clean metric.
    """

    total: float
    direct: float
    path: float
    baseline: float
    road: Road
    seconds: float

    @property
    def indirect(self) -> float:
        """Total less direct: what the sender does by way of other parts. Source: METRICS.md, Indirect."""
        return self.total - self.direct


@dataclass(frozen=True, eq=False)
class Patterns:
    """Attention of one layer: `values` (head, query, key), rows sum to one."""

    layer: int
    values: F4
    tokens: Tokens


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """A labelled matrix: `values` (row, column), `limits` of its colours."""

    values: F4
    limits: tuple[float, float]
    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class HeadScores:
    """Mean attention, 0 to 1, each (layer, head): METRICS.md, Heads."""

    induction: F4
    previous_token: F4
    duplicate_token: F4


@dataclass(frozen=True, eq=False)
class CacheTokens:
    """The tokens of a cache: `id`, `document`, `position`, each (n,); `texts` by token id for those that occur."""

    id: I4
    document: I4
    position: I4
    texts: dict[int, str]

    def context(self, row: int) -> range:
        """The rows from the start of the row's context up to and including the row itself."""
        return range(row - int(self.position[row]), row + 1)


@dataclass(frozen=True, eq=False)
class CacheContext:
    """One context of a cache, or what of it lies in one shard: rows `first`, `first` + 1 and so on.

    `id` and `position` are (pos,), `texts` one a token; `document` is the number of its text.
    """

    first: int
    document: int
    id: I4
    position: I4
    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TokenCodes:
    """The strongest features at some tokens, by value: `index` (n, k), `value` (n, k).

    Unused places have the index 0xFFFFFFFF and the value 0.
    """

    index: NDArray[np.uint32]
    value: F4


@dataclass(frozen=True, eq=False)
class Quality:
    """How true a map is, each 0 to 1: share of the 15 nearest neighbours kept, and trustworthiness, on `queries`."""

    neighbours_kept: float
    trustworthiness: float
    queries: int


@dataclass(frozen=True, eq=False)
class Cloud:
    """`xy` (n, 2) in the unit box, `ids` (n,) rows of the cache; `quality` None while the map still moves."""

    xy: F4
    ids: I4
    quality: Quality | None
    method: str


NodeKind = Literal["embed", "head", "mlp", "logits"]
NODE_KINDS: tuple[NodeKind, ...] = ("embed", "head", "mlp", "logits")


@dataclass(frozen=True, eq=False)
class CircuitGraph:
    """Nodes with `kind` (index into NODE_KINDS), `layer`, `pos`, `index` (head or -1), all (node,);

    `layer` is -1 for embeddings and the number of layers for logits. `edges` (edge, 2) are pairs source, target of
    node numbers, `weight` (edge,) their scores in nats, largest magnitude first. `total` is the sum of
    |score| over all `considered` edges, kept or not. `corruption` says what the clean run was compared with: "zero" or
    the contrast prompt's text. `columns` are the prompt's tokens.
    """

    kind: NDArray[np.uint8]
    layer: I4
    pos: I4
    index: I4
    edges: I4
    weight: F4
    total: float
    considered: int
    corruption: str
    columns: tuple[str, ...]

    def site(self, node: int) -> Site | None:
        """The component a node stands for; None for embeddings and logits."""
        kind = NODE_KINDS[self.kind[node]]
        if kind == "head":
            return Site(int(self.layer[node]), "head", int(self.index[node]))
        return Site(int(self.layer[node]), "mlp_out") if kind == "mlp" else None

    def kept(self, threshold: float) -> int:
        """How many edges, largest first, make up `threshold` of the total |score|."""
        share = np.cumsum(np.abs(self.weight), dtype=np.float64)
        return int(np.searchsorted(share, threshold * self.total, side="right"))


def nbytes(value: Any) -> int:
    """Bytes that the arrays of a result hold."""
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, dict):
        return 64 * len(value)
    if hasattr(value, "__dataclass_fields__"):
        return 64 + sum(nbytes(getattr(value, field.name)) for field in fields(value))
    return 64 * len(value) if isinstance(value, tuple) else 8
