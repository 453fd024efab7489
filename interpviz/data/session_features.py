"""What a session file says of dictionaries, their indices, and how their features are shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from interpviz.core.feature_commands import LONGEST_FILTER, LONGEST_LIST, LONGEST_TRIED
from interpviz.core.features import DictionaryFacts, FeaturesView, IndexFacts, Ranking, TableColumn
from interpviz.data.session_fields import Count, Name, Sha256, Strict, Tokens, sound


class DictionaryFields(Strict):
    """DictionaryFacts."""

    name: Name
    source: Name
    sha256: Sha256
    architecture: Name
    hook: Name
    d_in: Count
    features: Count
    hook_out: Annotated[str, Field(max_length=4096)] = ""
    d_out: Count = 0
    writes_ahead: bool = False
    layout: Annotated[str, Field(max_length=100)] = DictionaryFacts.layout


class IndexFields(Strict):
    """IndexFacts."""

    name: Name
    source: Name
    sha256: Sha256
    dictionary: Name
    dictionary_sha256: Sha256
    model_sha256: Sha256
    cache: Name
    cache_sha256: Sha256
    features: Count
    tokens: Tokens

    def facts(self) -> IndexFacts:
        """The facts that were written."""
        return IndexFacts(**vars(self))


class FeaturesFields(Strict):
    """FeaturesView."""

    dictionary: Annotated[str, Field(max_length=4096)] = ""
    feature: Count | None = None
    filter: Annotated[str, Field(max_length=LONGEST_FILTER)] = ""
    column: TableColumn = "maximum"
    descending: bool = True
    at: Count | None = None
    tried: Annotated[str, Field(max_length=LONGEST_TRIED)] = ""
    ranking: Ranking = "activation"
    list: Annotated[str, Field(max_length=LONGEST_LIST)] = ""

    @classmethod
    def of(cls, view: FeaturesView) -> FeaturesFields:
        """What to write for a view."""
        return cls(**vars(view) | {"tried": sound(view.tried), "filter": sound(view.filter), "list": sound(view.list)})

    def view(self) -> FeaturesView:
        """The view that was written."""
        return FeaturesView(**vars(self))
