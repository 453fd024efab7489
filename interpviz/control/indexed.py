"""What a document asks of an index of features, of notes on them, and of the model about them. Pure."""

from __future__ import annotations

from interpviz.control.effects import follows
from interpviz.control.runs import runs
from interpviz.core.document import Document, Prompt, Sources
from interpviz.core.feature_requests import (
    FeaturePageRequest,
    FeatureTableRequest,
    Index,
    NotesRequest,
    PromptFeaturesRequest,
    TryFeature,
)
from interpviz.core.requests import SweepRequest


def table_request(document: Document) -> FeatureTableRequest | None:
    """The figures of every feature; None without an index of the dictionary that is shown."""
    return FeatureTableRequest(document.index) if document.index else None


def page_request(document: Document) -> FeaturePageRequest | None:
    """All that is known of the feature that is chosen; None without one or without an index."""
    index, feature = document.index, document.features.feature
    if index is None or feature is None or feature >= index.features:
        return None
    return FeaturePageRequest(index, feature)


def notes_request(document: Document) -> NotesRequest | None:
    """What was noted of the dictionary that is shown; None without one."""
    return NotesRequest(document.dictionary.sha256) if document.dictionary else None


def effects_request(document: Document) -> SweepRequest | None:
    """What cutting each active feature does to the metric; None without model, prompt, target or dictionary."""
    shown = document.dictionary
    if shown is None or not follows(document):
        return None
    assert document.model is not None
    drawn = Sources(dictionaries=(shown,))
    return SweepRequest(
        document.model, document.prompt, document.target, document.distractor, -1, kind="feature", sources=drawn
    )


def active_request(document: Document) -> PromptFeaturesRequest | None:
    """Which features are active on the prompt; None without model, prompt or dictionary."""
    model, shown = document.model, document.dictionary
    if model is None or shown is None or not runs(document.prompt):
        return None
    followed = document.target, document.distractor
    return PromptFeaturesRequest(model, document.prompt, shown, *followed, index=document.index)


def tried_request(document: Document) -> TryFeature | None:
    """The chosen feature on another text; None without either."""
    model, shown, view = document.model, document.dictionary, document.features
    if model is None or shown is None or view.feature is None or not view.tried:
        return None
    return TryFeature(model, Prompt(view.tried, bos=document.prompt.bos), shown, view.feature)


def lies_in_cache(document: Document) -> bool:
    """Whether the rows of the index's examples are rows of the open cache."""
    cache, index = document.cache, document.index
    return cache is not None and index is not None and cache.sha256 == index.cache_sha256


def index_job(document: Document) -> Index | str:
    """The job that builds an index of the dictionary that is shown on the open cache, or why there is none."""
    model, cache, shown = document.model, document.cache, document.dictionary
    if shown is None:
        return "Open a dictionary first: its features are what an index is of."
    if model is None:
        return f"Open the model that {shown.name} belongs to; an index tells what its features write to the logits."
    if cache is None:
        return f"Open a cache of {model.name} that holds {shown.hook}: in it, features are looked up."
    if document.cache_apart:
        return f"{document.cache_apart} Open a cache of {model.name} that holds {shown.hook}."
    if shown.hook not in cache.sites:
        return f"{cache.name} does not hold {shown.hook}, which {shown.name} reads. Record a cache that does."
    return Index(shown.source, model.source, cache.source)
