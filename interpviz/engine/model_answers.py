"""How each request that needs a model is answered, by the request's type."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from interpviz.core import jobs, repairs, requests
from interpviz.core.document import ModelFacts, Prompt, Sources
from interpviz.core.repairs import Hydra, SelfRepair
from interpviz.core.report import Report
from interpviz.core.results import (
    CircuitGraph,
    Continuation,
    Effects,
    FeatureMap,
    HeadScores,
    PatchingRow,
    PathEffects,
    Patterns,
    RunResult,
    Target,
    Tokens,
    Vocabulary,
    Writes,
)
from interpviz.engine import circuits, feature_answers, maps, run, sweep, tokens
from interpviz.engine.attribution import component_writes, direct_attribution, edited_attribution
from interpviz.engine.estimate import attribution_patching
from interpviz.engine.generate import Sampling, generate
from interpviz.engine.heads import head_scores
from interpviz.engine.hydra import hydra
from interpviz.engine.loaded import Loaded
from interpviz.engine.patching import patching_row
from interpviz.engine.path_effects import path_effects
from interpviz.engine.self_repair import self_repair
from interpviz.engine.supplies import Supplies

if TYPE_CHECKING:
    from interpviz.engine.compute import Answer, Engine


def _open(engine: Engine, request: jobs.OpenModel, report: Report) -> ModelFacts:
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
    clean = loaded.clean.of(request.prompt, report)
    supplies = _supplies(engine, loaded, request, report)
    made = (
        run.edited_run(model, clean, edits, supplies, freeze=request.freeze, every=request.loss, report=report)
        if edits or request.loss
        else run.EditedRun(clean.logits[None, None], model.road((), len(clean.tokens.ids)))
    )
    last = made.logits[:, -1]
    return RunResult(
        tokens=clean.tokens,
        logits=last.mean(0).cpu().numpy(),
        loss=run.loss(made.logits, model.ids(clean.tokens)) if request.loss else None,
        reference=supplies.used.facts if supplies.used else None,
        seconds=time.perf_counter() - begun,
        draws=last.cpu().numpy() if len(last) > 1 else None,
        road=made.road,
    )


def _generate(engine: Engine, request: requests.GenerateRequest, report: Report) -> Continuation:
    loaded = engine.loaded(request.model, report)
    clean = loaded.clean.of(request.prompt, report)
    supplies = _supplies(engine, loaded, request, report)
    sampling = Sampling(request.count, request.temperature, request.seed)
    edits = sorted(request.interventions, key=str)
    return generate(loaded.model, clean, edits, supplies, sampling, freeze=request.freeze, report=report)


def _attribution(engine: Engine, request: requests.AttributionRequest, report: Report) -> Effects:
    loaded = engine.loaded(request.model, report)
    model, target = loaded.model, loaded.model.target(request.target, request.distractor)
    clean = loaded.clean.of(request.prompt, report)
    if not request.interventions:
        return direct_attribution(model, clean, target)
    supplies = _supplies(engine, loaded, request, report)
    return edited_attribution(model, clean, target, request.interventions, supplies, request.freeze, report)


def _estimate(engine: Engine, request: requests.PatchingEstimateRequest, report: Report) -> Effects:
    loaded = engine.loaded(request.model, report)
    target = loaded.model.target(request.target, request.distractor)
    supplies = _supplies(engine, loaded, request, report)
    tokens = loaded.model.tokens(request.prompt)
    return attribution_patching(loaded.model, tokens, target, request.mode, supplies, report)


def _writes(engine: Engine, request: requests.WritesRequest, report: Report) -> Writes:
    loaded = engine.loaded(request.model, report)
    return component_writes(loaded.model, loaded.clean.of(request.prompt, report))


def _sweep(engine: Engine, request: requests.SweepRequest, report: Report) -> Effects:
    loaded = engine.loaded(request.model, report)
    model = loaded.model
    target = model.target(request.target, request.distractor)
    clean = loaded.clean.of(request.prompt, report)
    supplies = _supplies(engine, loaded, request, report)
    if request.kind == "feature":
        sites = sweep.active_features(model, clean, supplies.dictionary(request.sources.dictionaries[0].name))
    else:
        sites = sweep.sites_of(model.facts, request.layer, request.kind)
    effects = sweep.sweep(model, clean, target, sites, request.mode, supplies, report)
    return replace(effects, reference=supplies.used.facts) if supplies.used else effects


def _patching(engine: Engine, request: requests.PatchingRequest, report: Report) -> PatchingRow:
    loaded = engine.loaded(request.model, report)
    target = loaded.model.target(request.target, request.distractor)
    prompt, contrast = (loaded.clean.of(one, report) for one in (request.prompt, request.contrast))
    return patching_row(loaded.model, prompt, contrast, target, request.stream, request.layer, request.back, report)


def _paths(engine: Engine, request: requests.PathRequest, report: Report) -> PathEffects:
    loaded = engine.loaded(request.model, report)
    target = loaded.model.target(request.target, request.distractor)
    clean = loaded.clean.of(request.prompt, report)
    supplies = _supplies(engine, loaded, request, report)
    return path_effects(loaded.model, clean, target, request.paths, request.mode, supplies, report)


def _self_repair(engine: Engine, request: repairs.SelfRepairRequest, report: Report) -> SelfRepair:
    loaded = engine.loaded(request.model, report)
    target = loaded.model.target(request.target, request.distractor)
    clean = loaded.clean.of(request.prompt, report)
    supplies = _supplies(engine, loaded, request, report)
    return self_repair(loaded.model, clean, target, request.site, request.mode, supplies, report)


def _hydra(engine: Engine, request: repairs.HydraRequest, report: Report) -> Hydra:
    loaded = engine.loaded(request.model, report)
    target = loaded.model.target(request.target, request.distractor)
    clean = loaded.clean.of(request.prompt, report)
    supplies = _supplies(engine, loaded, request, report)
    return hydra(loaded.model, clean, target, request.mode, supplies, report)


def _patterns(engine: Engine, request: requests.PatternRequest, report: Report) -> Patterns:
    return maps.patterns(engine.loaded(request.model, report).model, request.prompt, request.layer, report)


def _norms(engine: Engine, request: requests.NormsRequest, report: Report) -> FeatureMap:
    loaded = engine.loaded(request.model, report)
    return maps.output_norms(loaded.model, loaded.clean.of(request.prompt, report))


def _heads(engine: Engine, request: requests.HeadsRequest, report: Report) -> HeadScores:
    return head_scores(engine.loaded(request.model, report).model, request.seed, report)


def _graph(engine: Engine, request: requests.GraphRequest, report: Report) -> CircuitGraph:
    return circuits.graph(engine.loaded(request.model, report).model, request, report)


class _Drawing(Protocol):
    """A request whose edits draw from something."""

    @property
    def prompt(self) -> Prompt: ...

    @property
    def sources(self) -> Sources: ...


def _supplies(engine: Engine, loaded: Loaded, request: _Drawing, report: Report) -> Supplies:
    cache = engine.cache(request.sources.reference) if request.sources.reference else None
    return loaded.supplies(request.sources, request.prompt, cache, report)


ANSWERS: dict[type, Answer] = {
    jobs.OpenModel: _open,
    requests.TokensRequest: _tokens,
    requests.VocabularyRequest: _vocabulary,
    requests.TargetRequest: _target,
    requests.RunRequest: _run,
    requests.GenerateRequest: _generate,
    requests.AttributionRequest: _attribution,
    requests.PatchingEstimateRequest: _estimate,
    requests.WritesRequest: _writes,
    requests.SweepRequest: _sweep,
    requests.PatchingRequest: _patching,
    requests.PathRequest: _paths,
    repairs.SelfRepairRequest: _self_repair,
    repairs.HydraRequest: _hydra,
    requests.PatternRequest: _patterns,
    requests.NormsRequest: _norms,
    requests.HeadsRequest: _heads,
    requests.GraphRequest: _graph,
    **feature_answers.ANSWERS,
}
