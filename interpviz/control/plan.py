"""Which requests a document needs answered, most wanted first. Pure."""

from __future__ import annotations

from collections.abc import Callable

from interpviz.core.document import CacheFacts, Document, Prompt
from interpviz.core.requests import (
    AttributionRequest,
    CacheTokensRequest,
    CloudRequest,
    GraphRequest,
    NormsRequest,
    PatternRequest,
    Request,
    RowsRequest,
    RunRequest,
    SweepRequest,
    TargetRequest,
    TokensRequest,
    VocabularyRequest,
)


def plan(document: Document) -> tuple[Request, ...]:
    """The requests whose answers the open panels need: a click's first, long streams last, each once."""
    wanted = [request for panel in WANTED_FIRST if panel in document.panels for request in NEEDS[panel](document)]
    return tuple(sorted(dict.fromkeys(wanted), key=_urgency))


def _urgency(request: Request) -> int:
    return _LAST.index(type(request)) + 1 if type(request) in _LAST else 0


def tokens_request(document: Document) -> TokensRequest | None:
    """How the prompt is cut; None without model or prompt."""
    return TokensRequest(document.model, document.prompt) if document.model and _runs(document.prompt) else None


def contrast_request(document: Document) -> TokensRequest | None:
    """How the contrast prompt is cut; None without one."""
    contrast = document.contrast
    return TokensRequest(document.model, contrast) if document.model and contrast and _runs(contrast) else None


def vocabulary_request(document: Document) -> VocabularyRequest | None:
    """The texts of the model's tokens; None without a model."""
    return VocabularyRequest(document.model) if document.model else None


def target_request(document: Document) -> TargetRequest | None:
    """The ids of target and distractor; None without a target."""
    if document.model is None or not document.target:
        return None
    return TargetRequest(document.model, document.target, document.distractor)


def clean_run(document: Document) -> RunRequest | None:
    """The run without edits; None without model or prompt."""
    return RunRequest(document.model, document.prompt) if document.model and _runs(document.prompt) else None


def edited_run(document: Document) -> RunRequest | None:
    """The run with the document's edits; the clean run itself where there are none."""
    if document.model is None or not _runs(document.prompt):
        return None
    edits = document.interventions
    reference = _reference(document) if any(edit.mode == "mean" for edit in edits) else None
    return RunRequest(document.model, document.prompt, edits, reference=reference)


def attribution_request(document: Document) -> AttributionRequest | None:
    """Direct logit attribution; None without model, prompt or target."""
    if document.model is None or not document.target or not _runs(document.prompt):
        return None
    return AttributionRequest(document.model, document.prompt, document.target, document.distractor)


def sweep_requests(document: Document) -> tuple[SweepRequest, ...]:
    """One sweep a layer, late layers first: they are answered soonest and matter most."""
    model = document.model
    if model is None or not document.target or not _runs(document.prompt):
        return ()
    layers = range(model.layers - 1, -1, -1)
    return tuple(SweepRequest(model, document.prompt, document.target, document.distractor, k) for k in layers)


def effect_requests(document: Document) -> tuple[Request, ...]:
    """What colours the grid."""
    if document.measure == "ablation":
        return sweep_requests(document)
    return _those(attribution_request(document))


def pattern_request(document: Document) -> PatternRequest | None:
    """The attention of the selected component's layer."""
    if document.model is None or not _runs(document.prompt):
        return None
    sites = document.selection.sites
    layer = next((site.layer for site in sites if site.kind == "head"), sites[0].layer if sites else 0)
    return PatternRequest(document.model, document.prompt, layer)


def norms_request(document: Document) -> NormsRequest | None:
    """Output norms of the clean run; None without model or prompt."""
    return NormsRequest(document.model, document.prompt) if document.model and _runs(document.prompt) else None


def cache_rows_request(document: Document) -> RowsRequest | None:
    """The recorded rows of the context that was chosen in the cloud."""
    if document.cache is None or document.token is None or document.prompt.tokens is None:
        return None
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
    if document.model is None or not document.target or not _runs(document.prompt):
        return None
    return GraphRequest(document.model, document.prompt, document.contrast, document.target, document.distractor)


def _runs(prompt: Prompt) -> bool:
    return bool(prompt.text or prompt.tokens)


def _reference(document: Document) -> CacheFacts | None:
    return document.cache if document.cache_fits else None


def _those(*requests: Request | None) -> tuple[Request, ...]:
    return tuple(request for request in requests if request is not None)


WANTED_FIRST = ("outputs", "prompt", "components", "maps", "cloud", "circuit")

NEEDS: dict[str, Callable[[Document], tuple[Request, ...]]] = {
    "outputs": lambda d: (
        *_those(edited_run(d), clean_run(d), vocabulary_request(d), target_request(d)),
        *(effect_requests(d) if d.selection.sites else ()),
    ),
    "prompt": lambda d: _those(tokens_request(d), contrast_request(d)),
    "components": effect_requests,
    "maps": lambda d: _those(pattern_request(d), norms_request(d), cache_rows_request(d)),
    "cloud": lambda d: (*_those(cache_tokens_request(d)), *cloud_requests(d)[::-1]),
    "circuit": lambda d: _those(graph_request(d)),
}

_LAST: tuple[type, ...] = (NormsRequest, SweepRequest, GraphRequest)
