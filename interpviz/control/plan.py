"""Which requests a document needs answered, most wanted first. Pure."""

from __future__ import annotations

from collections.abc import Callable

from interpviz.control.effects import (
    effect_requests,
    follows,
    patching_requests,
    path_request,
    table_requests,
)
from interpviz.control.indexed import (
    active_request,
    effects_request,
    lies_in_cache,
    notes_request,
    page_request,
    table_request,
    tried_request,
)
from interpviz.control.runs import clean_run, edited_run, experiment_run, generate_requests, runs, sides, those
from interpviz.core.document import Document
from interpviz.core.feature_requests import FitRequest
from interpviz.core.requests import (
    CacheTokensRequest,
    CloudRequest,
    GenerateRequest,
    GraphRequest,
    NormsRequest,
    PatchingEstimateRequest,
    PatchingRequest,
    PathRequest,
    PatternRequest,
    Request,
    RowsRequest,
    SweepRequest,
    TargetRequest,
    TokensRequest,
    VocabularyRequest,
    WritesRequest,
)


def plan(document: Document) -> tuple[Request, ...]:
    """The requests whose answers the open panels need: a click's first, long streams last, each once."""
    wanted = [request for panel in WANTED_FIRST if panel in document.panels for request in NEEDS[panel](document)]
    return tuple(sorted(dict.fromkeys(wanted), key=lambda request: _urgency(request, document)))


def _urgency(request: Request, document: Document) -> int:
    """0 for what a click waits for; sweeps fill idle time, unless their effects are what is looked at."""
    looked_at = document.measure == "ablation" or document.components.shown_as == "table"
    if isinstance(request, SweepRequest) and (looked_at or request.kind == "feature"):
        return _LAST.index(PatchingEstimateRequest) + 1
    return _LAST.index(type(request)) + 1 if type(request) in _LAST else 0


def tokens_request(document: Document) -> TokensRequest | None:
    """How the prompt is cut; None without model or prompt."""
    return TokensRequest(document.model, document.prompt) if document.model and runs(document.prompt) else None


def contrast_request(document: Document) -> TokensRequest | None:
    """How the contrast prompt is cut; None without one."""
    contrast = document.contrast
    return TokensRequest(document.model, contrast) if document.model and contrast and runs(contrast) else None


def vocabulary_request(document: Document) -> VocabularyRequest | None:
    """The texts of the model's tokens; None without a model."""
    return VocabularyRequest(document.model) if document.model else None


def target_request(document: Document) -> TargetRequest | None:
    """The ids of target and distractor; None without a target."""
    if document.model is None or not document.target:
        return None
    return TargetRequest(document.model, document.target, document.distractor)


def pattern_request(document: Document) -> PatternRequest | None:
    """The attention of the selected component's layer."""
    if document.model is None or not runs(document.prompt):
        return None
    sites = document.selection.sites
    heads = (site.layer for site in sites if site.kind in ("head", "query", "edge"))
    layer = next(heads, max(sites[0].layer, 0) if sites else 0)
    return PatternRequest(document.model, document.prompt, layer)


def norms_request(document: Document) -> NormsRequest | None:
    """Output norms of the clean run; None without model or prompt."""
    return NormsRequest(document.model, document.prompt) if document.model and runs(document.prompt) else None


def cache_rows_request(document: Document) -> RowsRequest | None:
    """The recorded rows of the context that was chosen in the cloud; None of a cache that is not of the open model."""
    if document.token is None or document.prompt.tokens is None or not document.cache_fits:
        return None
    assert document.cache is not None
    return RowsRequest(document.cache, document.token - len(document.prompt.tokens) + 1, document.token)


def cache_tokens_request(document: Document) -> CacheTokensRequest | None:
    """The tokens of the cache; None without one."""
    return CacheTokensRequest(document.cache) if document.cache else None


def cloud_requests(document: Document) -> tuple[CloudRequest, ...]:
    """The cloud that is wanted, then the one that is there sooner."""
    if document.cache is None or not document.cloud_site:
        return ()
    methods = dict.fromkeys((document.cloud.method, "pca"))
    return tuple(CloudRequest(document.cache, document.cloud_site, "umap" if m == "umap" else "pca") for m in methods)


def graph_request(document: Document) -> GraphRequest | None:
    """The circuit of the prompt; None without model, prompt or target."""
    if not follows(document):
        return None
    assert document.model is not None
    return GraphRequest(document.model, document.prompt, document.contrast, document.target, document.distractor)


def fit_request(document: Document) -> FitRequest | None:
    """The figures of the dictionary that is shown; None without a model or a dictionary."""
    dictionary = document.dictionary
    return FitRequest(document.model, dictionary) if document.model and dictionary else None


def features_requests(document: Document) -> tuple[Request, ...]:
    """The table of features and the notes on them; effects only while the table is sorted by them, or filtered."""
    measured = document.features.column == "effect" or "effect" in document.features.filter
    return those(
        table_request(document),
        notes_request(document),
        effects_request(document) if measured else None,
    )


def page_requests(document: Document) -> tuple[Request, ...]:
    """The page of a feature, with what its kin are called, and the tokens that a click makes a prompt of."""
    if document.features.feature is None:
        return ()
    tokens = cache_tokens_request(document) if lies_in_cache(document) else None
    return those(page_request(document), notes_request(document), table_request(document), tokens)


def active_requests(document: Document) -> tuple[Request, ...]:
    """The features on the prompt, what they are called, and the one that is tried; effects if they are ordered by them.

    Nothing without a dictionary and a prompt.
    """
    request = active_request(document)
    if request is None:
        return ()
    return those(
        tried_request(document),
        request,
        target_request(document),
        notes_request(document),
        table_request(document),
        effects_request(document) if document.features.ranking == "ablation" else None,
    )


WANTED_FIRST = (
    "outputs",
    "prompt",
    "feature",
    "features",
    "interventions",
    "components",
    "maps",
    "activations",
    "continuation",
    "paths",
    "patching",
    "cloud",
    "circuit",
    "fit",
)

NEEDS: dict[str, Callable[[Document], tuple[Request, ...]]] = {
    "outputs": lambda d: (
        *those(*(experiment_run(d, name) for name in sides(d)[::-1])),
        *those(edited_run(d), clean_run(d), vocabulary_request(d), target_request(d)),
        *(effect_requests(d) if d.selection.sites else ()),
    ),
    "prompt": lambda d: those(tokens_request(d), contrast_request(d)),
    "interventions": lambda d: those(edited_run(d), clean_run(d), tokens_request(d), contrast_request(d)),
    "components": lambda d: (*effect_requests(d), *table_requests(d)),
    "maps": lambda d: those(pattern_request(d), norms_request(d), cache_rows_request(d)),
    "continuation": generate_requests,
    "paths": lambda d: those(path_request(d)),
    "patching": lambda d: (*those(tokens_request(d), contrast_request(d)), *patching_requests(d)),
    "cloud": lambda d: (*those(cache_tokens_request(d)), *cloud_requests(d)[::-1]),
    "circuit": lambda d: those(graph_request(d)),
    "fit": lambda d: those(fit_request(d)),
    "training": lambda d: (),
    "activations": active_requests,
    "features": features_requests,
    "feature": page_requests,
}

_LAST: tuple[type, ...] = (
    NormsRequest,
    WritesRequest,
    PathRequest,
    PatchingEstimateRequest,
    GenerateRequest,
    PatchingRequest,
    SweepRequest,
    FitRequest,
    GraphRequest,
)
