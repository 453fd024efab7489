"""Requests that an act starts and no panel needs: opening, looking and saving. Frozen, as all requests are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from interpviz.core.document import Document

StoredAs = Literal["float16", "bfloat16"]
Lane = Literal["model", "files", "processes"]
"""Where a request is answered: on one thread, on two, or in a spawned child."""


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
class OpenDictionary:
    """Say what a dictionary is, or each of a set of several. Answer: a tuple of DictionaryFacts."""

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
    """What a path holds. Answer: "model", "cache", "dictionary", "index", "session" or "foreign" (see LookInto)."""

    path: str
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class Record:
    """Run a model over texts and keep what it holds at every token, as the cache `out`. Answer: CacheFacts.

    `model` is what opens it, `sites` as they are written (`L1R`); `dictionaries` are folders whose `k` strongest
    features a token are kept beside the sites. `workers` None: as many as the machine has room for. `cluster` is
    empty, `ray`, or `ray=ADDRESS`. The same job again goes on where one was interrupted.
    """

    model: str
    texts: tuple[str, ...]
    sites: tuple[str, ...]
    out: str
    tokens: int | None = None
    context: int = 128
    dtype: StoredAs = "float16"
    dictionaries: tuple[str, ...] = ()
    k: int = 64
    workers: int | None = None
    cluster: str = ""
    lane: ClassVar[Lane] = "processes"


@dataclass(frozen=True)
class LookInto:
    """What a stranger's file or folder of activations holds. Answer: Foreign."""

    source: str
    lane: ClassVar[Lane] = "files"


@dataclass(frozen=True)
class Import:
    """Turn a stranger's activations into the cache `out`. Answer: CacheFacts.

    `mapping` gives names of theirs, each with the hook name that it gets, or "tokens"; empty where the layout is a
    known one. The same job again goes on where one was interrupted.
    """

    source: str
    out: str
    mapping: tuple[tuple[str, str], ...] = ()
    lane: ClassVar[Lane] = "processes"


@dataclass(frozen=True)
class Holding:
    """One array of a stranger's file: its name there, shape, type of number, and the hook name proposed for it.

    `proposed` is empty where nothing in its name says what it is, and "tokens" for token ids.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    proposed: str


@dataclass(frozen=True)
class Foreign:
    """A stranger's activations before they are imported. `layout` names how they lie, for a person to read."""

    source: str
    layout: str
    tokens: int
    holdings: tuple[Holding, ...]


JobRequest = (
    OpenModel | OpenCache | OpenDictionary | OpenSession | SaveSession | ContentsRequest | Record | LookInto | Import
)
