"""A dictionary of six features with figures that can be sorted by hand, an index of it, and a page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from interpviz.core import commands
from interpviz.core import feature_commands as acts
from interpviz.core.document import CacheFacts, Document
from interpviz.core.feature_requests import FeaturePageRequest, FeatureTableRequest, NotesRequest
from interpviz.core.feature_results import (
    Example,
    ExampleGroup,
    FeaturePage,
    FeatureTable,
    Notes,
    Related,
    TopTokens,
)
from interpviz.core.features import DictionaryFacts, IndexFacts
from interpviz.core.labels import Label, Predicate
from tests.control.desks import CACHE, DOCUMENT

HOOK = "blocks.0.hook_resid_post"
SAE = DictionaryFacts("sae", "/d/sae", "5a", "standard", HOOK, 8, 6)
INDEX = IndexFacts("sae.features.h5", "/d/sae.features.h5", "1d", "sae", "5a", "aa", "c.acts", "cc", 6, 6)
INDEXED: Document = acts.open_index(
    commands.open_dictionary(replace(DOCUMENT, cache=replace(CACHE, sites=(HOOK,))), SAE), INDEX
)
NAN = float("nan")


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


TABLE = FeatureTable(
    density=floats(0.5, 0.01, 0.0, 0.25, 0.01, 0.125),
    maximum=floats(1.0, 4.0, 0.0, 2.0, 4.0, 3.0),
    top_token=(" dog", " cat", "", "\n", " Ape", " dog"),
    label=("at ' dog'", "", "", "at '⏎'", "after ' a'", ""),
    score=floats(0.9, NAN, NAN, 0.75, 0.8, NAN),
)
NOTES = Notes(
    texts=((1, "look again"),), labels=((1, "animals"),), bookmarks=frozenset({1, 3}), lists=(("pets", (0, 1, 5)),)
)


def example(row: int = 40, *values: float) -> Example:
    """`a b c d`, its third token the one it is of."""
    found = floats(*(values or (0.0, 1.0, 4.0, 0.0)))
    return Example(row, 2, np.arange(4, dtype=np.int32), ("a", " b", " c\n", " d"), found, 7, 2)


def page(feature: int = 1, **changes: Any) -> FeaturePage:
    """Active at 10 tokens from 0 to 4: half of them up to 1, one above 3."""
    shown = {
        "feature": feature, "density": 0.01, "active": 10, "maximum": 4.0, "mean": 1.5,
        "edges": floats(0, 1, 2, 3, 4), "counts": np.array([5, 3, 1, 1], np.int32),
        "quantiles": np.linspace(0, 4, 101, dtype=np.float32),
        "groups": (
            ExampleGroup("Strongest", 3.0, 4.0, (example(40), example(50, 0, 0, 3, 0.5))),
            ExampleGroup("90–100 %", 2.0, 3.0, (example(60, 0, 0, 2, 0),)),
        ),
        "promoted": TopTokens(np.array([3, 4], np.int32), (" Mary", "\n"), floats(1.5, 0.5)),
        "suppressed": TopTokens(np.array([5], np.int32), ("<s>",), floats(-1.0)),
        "neighbours": Related(np.array([0, 3], np.int32), floats(0.75, 0.5)),
        "together": Related(np.array([5], np.int32), floats(0.25)),
        "label": Label(Predicate("at", (3,)), "at ' cat'", 0.875),
    }  # fmt: skip
    return FeaturePage(**{**shown, **changes})


ANSWERS: dict[Any, Any] = {FeatureTableRequest: TABLE, NotesRequest: NOTES, FeaturePageRequest: page()}


def other_cache(document: Document, **changes: Any) -> Document:
    """The document with another cache open."""
    assert document.cache is not None
    cache: CacheFacts = replace(document.cache, **changes)
    return replace(document, cache=cache)
