"""Frozen requests about dictionaries and their features, and the jobs that make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from interpviz.core.document import ModelFacts, Prompt
from interpviz.core.feature_results import Notes
from interpviz.core.features import DictionaryFacts, DictionaryKind, IndexFacts
from interpviz.core.jobs import Lane


@dataclass(frozen=True)
class Train:
    """Train a dictionary on a cache and write it as the SAELens folder `out`. Answer: DictionaryFacts.

    Partials: TrainingPoint. `site` is what it reads, `to` what a transcoder is to write ("" for none), `skip` adds a
    linear path from one to the other. `k` features a row are active for topk, batchtopk and matryoshka, None: 32;
    `sparsity` is the coefficient of the sparsity loss of relu, jumprelu and gated, None for the kind's own. `rows` are
    how many are seen in all, those of the cache again and again where it has fewer; None: the cache once, but at least
    2 million. `launch` processes share each batch. The same job again goes on where one was interrupted; with `keep` it
    trains no further, and writes what was learnt until then.
    """

    cache: str
    site: str
    width: int
    kind: DictionaryKind
    out: str
    to: str = ""
    skip: bool = False
    k: int | None = None
    sparsity: float | None = None
    rows: int | None = None
    batch: int = 2048
    rate: float | None = None
    seed: int = 0
    launch: int = 1
    keep: bool = False
    lane: ClassVar[Lane] = "processes"


@dataclass(frozen=True)
class Index:
    """Look every feature of a dictionary up in a cache, and write the index `out`. Answer: IndexFacts.

    Partials: IndexSoFar. `out` empty: beside the dictionary's folder, `FOLDER.features.h5`.
    """

    dictionary: str
    model: str
    cache: str
    out: str = ""
    lane: ClassVar[Lane] = "processes"


@dataclass(frozen=True)
class OpenIndex:
    """Look into a feature index. Answer: IndexFacts."""

    source: str
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class FitRequest:
    """How a dictionary does on text files under this model. Answer: Fit; partials while it grows.

    `texts` empty: on the bundled reference text. `tokens` is where it stops, BOS included; None at the end.
    """

    model: ModelFacts
    dictionary: DictionaryFacts
    texts: tuple[str, ...] = ()
    tokens: int | None = None
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class FeatureTableRequest:
    """The figures of every feature of an index. Answer: FeatureTable."""

    index: IndexFacts
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class FeaturePageRequest:
    """All that an index says of one feature. Answer: FeaturePage."""

    index: IndexFacts
    feature: int
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class PromptFeaturesRequest:
    """The `most` strongest features of a dictionary on the clean run of a prompt. Answer: PromptFeatures.

    Target and distractor may be empty, or not tokens: then nothing is said of direct effects. Where values lie among
    those of a cache is told where there is an `index`.
    """

    model: ModelFacts
    prompt: Prompt
    dictionary: DictionaryFacts
    target: str = ""
    distractor: str = ""
    index: IndexFacts | None = None
    most: int = 100
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class TryFeature:
    """One feature on a text. Answer: TriedText."""

    model: ModelFacts
    prompt: Prompt
    dictionary: DictionaryFacts
    feature: int
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class NotesRequest:
    """What was noted of a dictionary's features, by the sha256 of its files. Answer: Notes."""

    dictionary_sha256: str
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class WriteNotes:
    """Keep these notes in the place of those that there were. Answer: Notes, as kept."""

    dictionary_sha256: str
    notes: Notes
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class ExportFeatures:
    """Write an index with its notes as a Neuronpedia export into the folder `out`. Answer: the folder's path."""

    index: IndexFacts
    out: str
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class ReadExplanations:
    """Labels that delphi or OpenAI's automated interpretability made. Answer: Explanations."""

    source: str
    lane: ClassVar[Lane] = "files"


FeatureRequest = (
    Train
    | Index
    | OpenIndex
    | FitRequest
    | FeatureTableRequest
    | FeaturePageRequest
    | PromptFeaturesRequest
    | TryFeature
    | NotesRequest
    | WriteNotes
    | ExportFeatures
    | ReadExplanations
)
