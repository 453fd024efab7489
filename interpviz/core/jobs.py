"""Requests that an act starts and no panel needs: opening, looking and saving. Frozen, as all requests are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from interpviz.core.document import Document

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
    """Read a dictionary's cfg.json and look at its weights. Answer: DictionaryFacts."""

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
    """What a path holds. Answer: "model", "cache", "dictionary" or "session"."""

    path: str
    lane: ClassVar[Lane] = "files"
