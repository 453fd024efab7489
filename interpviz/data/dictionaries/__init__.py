"""Dictionaries of features on disk, in every layout that is read: what they are, their weights, and writing them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report, silent
from interpviz.data.dictionaries import (
    circuit_tracer,
    dictionary_learning,
    gemma_scope,
    gemma_scope_2,
    llama_scope,
    saelens,
    sparsify,
)
from interpviz.data.dictionaries.dictionary import Activation, BadDictionary, Dictionary, Gate
from interpviz.data.dictionaries.saelens import CONFIG, WEIGHTS
from interpviz.data.dictionaries.saving import save

__all__ = [
    "CONFIG",
    "INNER",
    "WEIGHTS",
    "Activation",
    "BadDictionary",
    "Dictionary",
    "Gate",
    "begun",
    "facts",
    "load",
    "matches",
    "parts",
    "reads",
    "save",
]


class Layout(Protocol):
    """A module that reads one layout: whose it is, by `NAME`, and the names of the files in its folders.

    A path that exists is handed over, and `matches` neither raises nor opens a pipe; `parts` are the sources in a set
    of several (a folder's or a file's path each), (path,) of a single dictionary. The others raise InterpvizError.
    """

    NAME: str
    FILES: tuple[str, ...]

    def matches(self, path: Path) -> bool: ...

    def parts(self, path: Path) -> tuple[str, ...]: ...

    def facts(self, path: Path, report: Report) -> DictionaryFacts: ...

    def load(self, path: Path, report: Report) -> Dictionary: ...


_LAYOUTS: tuple[Layout, ...] = (
    saelens,
    sparsify,
    dictionary_learning,
    circuit_tracer,
    gemma_scope,
    gemma_scope_2,
    llama_scope,
)
INNER = tuple(dict.fromkeys(name for layout in _LAYOUTS for name in layout.FILES))


def reads() -> str:
    """Whose layouts are read, in words."""
    names = [layout.NAME for layout in _LAYOUTS]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def matches(path: Path | str) -> bool:
    """Whether a dictionary, or a set of several, lies there; never raises."""
    given = os.path.expanduser(path)
    return os.path.exists(given) and _matching(Path(given)) is not None


def begun(path: Path) -> bool:
    """Whether the folder holds a part of a dictionary of SAELens alone: opening it says which is missing."""
    return any(os.path.isfile(path / name) for name in saelens.FILES)


def parts(path: Path | str) -> tuple[str, ...]:
    """The dictionaries in a set of several, each a source of its own; of a single one (path,).

    Raises InterpvizError where there is none that can be read.
    """
    place, layout = _found(path)
    return layout.parts(place)


def facts(path: Path | str, report: Report = silent) -> DictionaryFacts:
    """What the dictionary at this path is; of its weights, the header and the sha256 alone are read.

    Raises InterpvizError where there is none that can be read, and for a set of several.
    """
    place, layout = _found(path)
    return layout.facts(place, report)


def load(path: Path | str, report: Report = silent) -> Dictionary:
    """The dictionary at this path, its weights as float32. Raises InterpvizError as `facts`, and for any NaN."""
    place, layout = _found(path)
    return layout.load(place, report)


def _matching(place: Path) -> Layout | None:
    return next((layout for layout in _LAYOUTS if layout.matches(place)), None)


def _found(path: Path | str) -> tuple[Path, Layout]:
    given = os.path.expanduser(path)
    remedy = f"Choose a dictionary of {reads()}."
    if not os.path.exists(given):  # unlike Path's, this never raises
        raise InterpvizError(f"There is no folder {path}. {remedy}")
    place = Path(given)
    layout = _matching(place) or (saelens if begun(place) else None)
    if layout is None:
        raise InterpvizError(f"{path} holds no dictionary that can be read. {remedy}")
    return place, layout
