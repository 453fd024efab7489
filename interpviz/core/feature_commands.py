"""Acts on dictionaries and their features, as pure functions from a document to the next one.

Each raises an InterpvizError, and nothing changes, where the act makes no sense.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from interpviz.core import feature_filter
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.features import IndexFacts, Ranking, TableColumn

LONGEST_TRIED = 20_000
LONGEST_FILTER = 1000
LONGEST_LIST = 60


def open_index(document: Document, index: IndexFacts) -> Document:
    """Show this index of a dictionary's features, in panels that are open; one from the same file is replaced."""
    others = tuple(one for one in document.indices if one.source != index.source)
    opened = replace(document, indices=(*others, index), panels=document.panels | {"features", "feature"})
    named = next((one.name for one in document.dictionaries if one.sha256 == index.dictionary_sha256), "")
    return choose_dictionary(opened, named) if named else opened


def choose_dictionary(document: Document, name: str) -> Document:
    """Show the features of this open dictionary; the feature that was chosen of another is let go."""
    if all(one.name != name for one in document.dictionaries):
        raise InterpvizError(f"No dictionary {name} is open. Open its folder first.")
    shown = document.dictionary
    if shown is not None and shown.name == name:
        return replace(document, features=replace(document.features, dictionary=name))
    return replace(document, features=replace(document.features, dictionary=name, feature=None, at=None, list=""))


def choose_feature(document: Document, feature: int, at: int | None = None) -> Document:
    """Show this feature of the dictionary; `at` is the position of the prompt whose cell was clicked."""
    shown = document.dictionary
    if shown is None:
        raise InterpvizError("No dictionary is open, so there is no feature to show. Open a dictionary first.")
    if not 0 <= feature < shown.features:
        raise InterpvizError(f"{shown.name} has no feature {feature}. Choose one from 0 to {shown.features - 1:,}.")
    return replace(document, features=replace(document.features, feature=feature, at=at))


def filter_features(document: Document, text: str) -> Document:
    """Narrow the table to the features that an expression holds for; an empty text shows all.

    Raises what `core.feature_filter.parse` raises for an expression that is wrong.
    """
    text = text.strip()
    if len(text) > LONGEST_FILTER:
        raise InterpvizError(f"The filter has {len(text):,} letters. Write it in {LONGEST_FILTER:,} at most.")
    feature_filter.parse(text)
    return replace(document, features=replace(document.features, filter=text))


def sort_features(document: Document, column: TableColumn, descending: bool) -> Document:
    """Sort the table of features by this column."""
    if column not in get_args(TableColumn):
        raise InterpvizError(f"The table has no column '{column}'. Its columns are {', '.join(get_args(TableColumn))}.")
    return replace(document, features=replace(document.features, column=column, descending=descending))


def rank_features(document: Document, ranking: Ranking) -> Document:
    """Order the features of the prompt by this."""
    if ranking not in get_args(Ranking):
        raise InterpvizError(f"Features are not ranked by '{ranking}'. Use {', '.join(get_args(Ranking))}.")
    return replace(document, features=replace(document.features, ranking=ranking))


def try_text(document: Document, text: str) -> Document:
    """Try the feature on this text; an empty one tries none."""
    if len(text) > LONGEST_TRIED:
        raise InterpvizError(f"The text has {len(text):,} letters. Try one of {LONGEST_TRIED:,} at most.")
    return replace(document, features=replace(document.features, tried=text))


def show_list(document: Document, name: str) -> Document:
    """Narrow the table to this list, or to the "bookmarks"; an empty name shows all."""
    if len(name) > LONGEST_LIST:
        raise InterpvizError(f"The name of a list has {LONGEST_LIST} letters at most. Choose one of the lists.")
    return replace(document, features=replace(document.features, list=name))
