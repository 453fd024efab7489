"""The effects that a document asks for: of components, of positions, of paths. Pure."""

from __future__ import annotations

from dataclasses import replace

from interpviz.control.runs import reference, runs, sides, sources, those
from interpviz.core.document import Document, Sources
from interpviz.core.experiments import CLEAN, experiment
from interpviz.core.interventions import REFERENCED
from interpviz.core.path_patching import parse_paths
from interpviz.core.requests import (
    AttributionRequest,
    PatchingEstimateRequest,
    PatchingRequest,
    PathRequest,
    Request,
    SweepRequest,
    WritesRequest,
)


def attribution_request(document: Document, name: str = CLEAN) -> AttributionRequest | None:
    """Direct logit attribution in the run of an experiment; None without model, prompt or target."""
    if not follows(document):
        return None
    assert document.model is not None
    asked = AttributionRequest(document.model, document.prompt, document.target, document.distractor)
    one = experiment(document, name)
    if not one.interventions:
        return asked
    drawn = sources(document, one.interventions)
    return replace(asked, interventions=one.interventions, sources=drawn, freeze=one.freeze)


def estimate_request(document: Document) -> PatchingEstimateRequest | None:
    """Attribution patching of every component against zero; None without model, prompt or target."""
    if not follows(document):
        return None
    assert document.model is not None
    return PatchingEstimateRequest(document.model, document.prompt, document.target, document.distractor)


def writes_request(document: Document) -> WritesRequest | None:
    """How much every component writes; None without model or prompt."""
    return WritesRequest(document.model, document.prompt) if document.model and runs(document.prompt) else None


def sweep_requests(document: Document) -> tuple[SweepRequest, ...]:
    """One sweep a layer, late layers first: they are answered soonest and matter most."""
    model = document.model
    if model is None or not follows(document):
        return ()
    layers = range(model.layers - 1, -1, -1)
    return tuple(SweepRequest(model, document.prompt, document.target, document.distractor, k) for k in layers)


def effect_requests(document: Document) -> tuple[Request, ...]:
    """The tiers of effects, soonest first: direct, attributed, measured. The last fill idle time, so that most clicks

    are answered before they are made.
    """
    return (*those(attribution_request(document), estimate_request(document)), *sweep_requests(document))


def table_requests(document: Document) -> tuple[Request, ...]:
    """What the table of components shows beside the effects; nothing while the grid is shown."""
    if document.components.shown_as == "grid":
        return ()
    both = (attribution_request(document, name) for name in sides(document))
    return those(writes_request(document), *dict.fromkeys(both))


def patching_requests(document: Document) -> tuple[PatchingRequest, ...]:
    """One row a layer of the layer x position grid, late layers first; none without contrast and target."""
    model, contrast, view = document.model, document.contrast, document.patching
    if model is None or contrast is None or not runs(contrast) or not follows(document):
        return ()
    asked = PatchingRequest(
        model, document.prompt, contrast, document.target, document.distractor, view.stream, 0, view.back
    )
    return tuple(replace(asked, layer=layer) for layer in range(model.layers - 1, -1, -1))


def path_request(document: Document) -> PathRequest | None:
    """The effect of the paths that are followed; None without them, model, prompt or target."""
    view = document.paths
    if not view.paths or not follows(document):
        return None
    assert document.model is not None
    drawn = Sources(
        reference=reference(document) if view.mode in REFERENCED else None,
        contrast=document.contrast if view.mode == "patch" else None,
    )
    followed = parse_paths(view.paths)
    return PathRequest(
        document.model, document.prompt, document.target, document.distractor, followed, view.mode, drawn
    )


def follows(document: Document) -> bool:
    """Whether there is a model, a prompt to run, and a target whose metric is followed."""
    return document.model is not None and bool(document.target) and runs(document.prompt)
