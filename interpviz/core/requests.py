"""Frozen requests: each is its own cache key, its own stale check and its own test fixture.

`lane` says where a request is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from interpviz.core.document import CacheFacts, ModelFacts, Projection, Prompt, Sources, Stream
from interpviz.core.feature_requests import FeatureRequest
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.jobs import JobRequest, Lane
from interpviz.core.repairs import HydraRequest, SelfRepairRequest
from interpviz.core.sites import Site

SweepKind = Literal["component", "head", "mlp", "neuron", "feature"]
NO_SOURCES = Sources()


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

    `freeze` holds every attention pattern at that of the clean run.
    """

    model: ModelFacts
    prompt: Prompt
    interventions: frozenset[Intervention] = frozenset()
    loss: bool = False
    sources: Sources = NO_SOURCES
    freeze: bool = False
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class GenerateRequest:
    """The continuation of the prompt by up to `count` tokens, with these edits. Answer: Continuation; partials.

    Greedy at temperature 0, else sampled by `seed`. Edits at all positions go on in what is generated; edits at some
    positions count those of the prompt.
    """

    model: ModelFacts
    prompt: Prompt
    interventions: frozenset[Intervention] = frozenset()
    count: int = 24
    temperature: float = 0.0
    seed: int = 0
    sources: Sources = NO_SOURCES
    freeze: bool = False
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
    """Direct logit attribution of every head and MLP at the last position, in the run with these edits.

    Answer: Effects.
    """

    model: ModelFacts
    prompt: Prompt
    target: str
    distractor: str = ""
    interventions: frozenset[Intervention] = frozenset()
    sources: Sources = NO_SOURCES
    freeze: bool = False
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class PatchingEstimateRequest:
    """Attribution patching: every head's and MLP's effect to first order, from one gradient. Answer: Effects.

    It estimates what SweepRequest measures, for the modes zero, mean and patch.
    """

    model: ModelFacts
    prompt: Prompt
    target: str
    distractor: str = ""
    mode: Mode = "zero"
    sources: Sources = NO_SOURCES
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class WritesRequest:
    """How much every head and MLP writes at the last position of the clean run. Answer: Writes."""

    model: ModelFacts
    prompt: Prompt
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class SweepRequest:
    """What cutting each part of one layer, one at a time at all positions, does to the metric. Answer: Effects.

    `kind` says which parts: "component" is every head and the MLP. For "feature" it is every feature of
    `sources.dictionaries[0]` that is active on the prompt, and the layer is -1.
    """

    model: ModelFacts
    prompt: Prompt
    target: str
    distractor: str
    layer: int
    mode: Mode = "zero"
    kind: SweepKind = "component"
    sources: Sources = NO_SOURCES
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class PatchingRequest:
    """One layer of a layer x position grid: activations patched one position at a time. Answer: PatchingRow.

    Those of the prompt go into the contrast's run; with `back` those of the contrast into the prompt's.
    """

    model: ModelFacts
    prompt: Prompt
    contrast: Prompt
    target: str
    distractor: str
    stream: Stream
    layer: int
    back: bool = False
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class PathRequest:
    """What editing a sender does through chosen paths only. Answer: PathEffects.

    Each path is a chain of sites from the same sender, in the order of computation; its last one writes to the
    logits. The sender is edited by `mode`: zero, mean or patch.
    """

    model: ModelFacts
    prompt: Prompt
    target: str
    distractor: str
    paths: tuple[tuple[Site, ...], ...]
    mode: Mode = "zero"
    sources: Sources = NO_SOURCES
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

    Corrupted by `contrast` if there is one, else by zero. At most `edges` of the largest edges are kept. More than one
    of `steps` averages gradients from the corrupted towards the clean embedding: EAP-IG.
    """

    model: ModelFacts
    prompt: Prompt
    contrast: Prompt | None
    target: str
    distractor: str = ""
    edges: int = 4000
    steps: int = 1
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
    JobRequest
    | FeatureRequest
    | TokensRequest
    | VocabularyRequest
    | RunRequest
    | TargetRequest
    | GenerateRequest
    | AttributionRequest
    | PatchingEstimateRequest
    | WritesRequest
    | SweepRequest
    | PatchingRequest
    | PathRequest
    | SelfRepairRequest
    | HydraRequest
    | PatternRequest
    | NormsRequest
    | HeadsRequest
    | GraphRequest
    | CacheTokensRequest
    | RowsRequest
    | CloudRequest
)
