"""How each request that needs a model is answered, by the request's type."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from interpviz.core import requests
from interpviz.core.document import ModelFacts
from interpviz.core.report import Report
from interpviz.core.results import (
    CircuitGraph,
    Effects,
    FeatureMap,
    HeadScores,
    Patterns,
    RunResult,
    Target,
    Tokens,
    Vocabulary,
)
from interpviz.engine import circuits, maps, run, tokens
from interpviz.engine.attribution import direct_attribution
from interpviz.engine.heads import head_scores
from interpviz.engine.interventions import MeanActivation
from interpviz.engine.loaded import Loaded
from interpviz.engine.reference import CacheMeans, TextMeans
from interpviz.engine.sweep import layer_sweep

if TYPE_CHECKING:
    from interpviz.engine.compute import Answer, Engine


def _open(engine: Engine, request: requests.OpenModel, report: Report) -> ModelFacts:
    return replace(engine.open_model(request.source, report).model.facts, source=request.source)


def _tokens(engine: Engine, request: requests.TokensRequest, report: Report) -> Tokens:
    return engine.loaded(request.model, report).model.tokens(request.prompt)


def _vocabulary(engine: Engine, request: requests.VocabularyRequest, report: Report) -> Vocabulary:
    model = engine.loaded(request.model, report).model
    return tokens.vocabulary(model.tokenizer, model.facts)


def _target(engine: Engine, request: requests.TargetRequest, report: Report) -> Target:
    return engine.loaded(request.model, report).model.target(request.target, request.distractor)


def _run(engine: Engine, request: requests.RunRequest, report: Report) -> RunResult:
    loaded = engine.loaded(request.model, report)
    model, edits = loaded.model, request.interventions
    begun = time.perf_counter()
    if not edits and not request.loss:
        clean = loaded.clean.of(request.prompt, report)
        return RunResult(clean.tokens, clean.logits.cpu().numpy(), None, None, time.perf_counter() - begun)
    found = model.tokens(request.prompt)
    hooks = {edit.site.hook for edit in edits if edit.mode == "mean"}
    means = _means(engine, loaded, request, hooks, report) if hooks else None
    logits = run.edited_logits(model, found, edits, means or _none, every=request.loss, report=report)
    losses = run.loss(logits, model.ids(found)) if request.loss else None
    reference = means.reference if means else None
    return RunResult(found, logits[0, -1].cpu().numpy(), losses, reference, time.perf_counter() - begun)


def _attribution(engine: Engine, request: requests.AttributionRequest, report: Report) -> Effects:
    loaded = engine.loaded(request.model, report)
    target = loaded.model.target(request.target, request.distractor)
    return direct_attribution(loaded.model, loaded.clean.of(request.prompt, report), target)


def _sweep(engine: Engine, request: requests.SweepRequest, report: Report) -> Effects:
    loaded = engine.loaded(request.model, report)
    model = loaded.model
    target = model.target(request.target, request.distractor)
    clean = loaded.clean.of(request.prompt, report)
    hooks = {site.hook for site in model.facts.components() if site.layer == request.layer}
    means = _means(engine, loaded, request, hooks, report) if request.mode == "mean" else _none
    return layer_sweep(model, clean, target, request.layer, request.mode, means, report)


def _patterns(engine: Engine, request: requests.PatternRequest, report: Report) -> Patterns:
    return maps.patterns(engine.loaded(request.model, report).model, request.prompt, request.layer, report)


def _norms(engine: Engine, request: requests.NormsRequest, report: Report) -> FeatureMap:
    loaded = engine.loaded(request.model, report)
    return maps.output_norms(loaded.model, loaded.clean.of(request.prompt, report))


def _heads(engine: Engine, request: requests.HeadsRequest, report: Report) -> HeadScores:
    return head_scores(engine.loaded(request.model, report).model, request.seed, report)


def _graph(engine: Engine, request: requests.GraphRequest, report: Report) -> CircuitGraph:
    return circuits.graph(engine.loaded(request.model, report).model, request, report)


def _means(
    engine: Engine,
    loaded: Loaded,
    request: requests.RunRequest | requests.SweepRequest,
    hooks: Collection[str],
    report: Report,
) -> CacheMeans | TextMeans:
    cache = engine.cache(request.reference) if request.reference else None
    return loaded.means(hooks, cache, report)


def _none(hook: str) -> MeanActivation:
    raise AssertionError(f"no edit asked for the mean of {hook}")


ANSWERS: dict[type, Answer] = {
    requests.OpenModel: _open,
    requests.TokensRequest: _tokens,
    requests.VocabularyRequest: _vocabulary,
    requests.TargetRequest: _target,
    requests.RunRequest: _run,
    requests.AttributionRequest: _attribution,
    requests.SweepRequest: _sweep,
    requests.PatternRequest: _patterns,
    requests.NormsRequest: _norms,
    requests.HeadsRequest: _heads,
    requests.GraphRequest: _graph,
}
