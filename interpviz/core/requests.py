"""Frozen requests: each is its own cache key, its own stale check and its own test fixture.

`lane` says where a request is answered: `model` (one thread), `files` (two), `processes` (a spawned child).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from interpviz.core.document import CacheFacts, Document, Intervention, Mode, ModelFacts, Projection, Prompt

Lane = Literal["model", "files", "processes"]


@dataclass(frozen=True)
class OpenModel:
    """Load the model that `source` names. Answer: ModelFacts."""

    source: str
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class OpenCache:
    """Look into a cache. Answer: CacheFacts."""

    source: str
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class OpenSession:
    """Read a session file. Answer: Document."""

    path: str
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class SaveSession:
    """Write the document as a session file. Answer: the path."""

    document: Document
    path: str
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class ContentsRequest:
    """What a path holds. Answer: "model", "cache" or "session"."""

    path: str
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class TokensRequest:
    """How the prompt is cut into tokens. Answer: Tokens."""

    model: ModelFacts
    prompt: Prompt
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class VocabularyRequest:
    """The text of every token of the model. Answer: Vocabulary."""

    model: ModelFacts
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class RunRequest:
    """What the model says after the prompt, with these edits. Answer: RunResult. `loss` asks for it.

    `reference` is the cache that mean ablation draws from; None means the bundled reference text.
    """

    model: ModelFacts
    prompt: Prompt
    interventions: frozenset[Intervention] = frozenset()
    loss: bool = False
    reference: CacheFacts | None = None
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class TargetRequest:
    """The tokens whose logit difference is followed; each text must be one token. Answer: Target."""

    model: ModelFacts
    target: str
    distractor: str = ""
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class AttributionRequest:
    """Direct logit attribution of every head and MLP at the last position. Answer: Effects."""

    model: ModelFacts
    prompt: Prompt
    target: str
    distractor: str = ""
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class SweepRequest:
    """What ablating each head and MLP of one layer, one at a time, does to the metric. Answer: Effects."""

    model: ModelFacts
    prompt: Prompt
    target: str
    distractor: str
    layer: int
    mode: Mode = "zero"
    reference: CacheFacts | None = None
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class PatternRequest:
    """Where every head of a layer looks in the clean run. Answer: Patterns."""

    model: ModelFacts
    prompt: Prompt
    layer: int
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class NormsRequest:
    """Norm of the attention and MLP output of every layer at every token of the clean run. Answer: FeatureMap."""

    model: ModelFacts
    prompt: Prompt
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class HeadsRequest:
    """Induction, previous-token and duplicate-token scores of every head. Answer: HeadScores."""

    model: ModelFacts
    seed: int = 0
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class GraphRequest:
    """Edge attribution patching over heads and MLPs, by position. Answer: CircuitGraph; partials while it grows.

    Corrupted by `contrast` if there is one, else by zero. At most `edges` of the largest edges are kept.
    """

    model: ModelFacts
    prompt: Prompt
    contrast: Prompt | None
    target: str
    distractor: str = ""
    edges: int = 4000
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class CacheTokensRequest:
    """The tokens of a cache with their documents and positions. Answer: CacheTokens."""

    cache: CacheFacts
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class RowsRequest:
    """Norm of every recorded site over the cache rows from `first` up to and including `last`. Answer: FeatureMap."""

    cache: CacheFacts
    first: int
    last: int
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class CloudRequest:
    """Token activations of one site in two dimensions. Answer: Cloud; partials while UMAP moves."""

    cache: CacheFacts
    site: str
    method: Projection
    seed: int = 0

    @property
    def lane(self) -> Lane:
        return "files" if self.method == "pca" else "processes"


Request = (
    OpenModel
    | OpenCache
    | OpenSession
    | SaveSession
    | ContentsRequest
    | TokensRequest
    | VocabularyRequest
    | RunRequest
    | TargetRequest
    | AttributionRequest
    | SweepRequest
    | PatternRequest
    | NormsRequest
    | HeadsRequest
    | GraphRequest
    | CacheTokensRequest
    | RowsRequest
    | CloudRequest
)
