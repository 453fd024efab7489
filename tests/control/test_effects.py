"""Which effects a document asks for, when, and what they draw from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from interpviz.control.effects import (
    attribution_request,
    estimate_request,
    patching_requests,
    path_request,
    sweep_requests,
)
from interpviz.control.plan import plan
from interpviz.core import commands, experiments
from interpviz.core.document import PANELS, Document, Prompt, Sources
from interpviz.core.interventions import Intervention
from interpviz.core.requests import (
    AttributionRequest,
    GenerateRequest,
    GraphRequest,
    PatchingEstimateRequest,
    PatchingRequest,
    PathRequest,
    Request,
    RunRequest,
    SweepRequest,
    WritesRequest,
)
from tests.control.desks import CACHE, DOCUMENT, MODEL

CONTRAST = Prompt("a c")
PATCHED = replace(DOCUMENT, contrast=CONTRAST)
TABLE = commands.show_components(PATCHED, "table")
COLOURED = commands.colour_components(PATCHED, "ablation")


def order(document: Document, *kinds: type) -> list[type]:
    """The kinds of requests in the order in which they are wanted, each once."""
    return list(dict.fromkeys(type(request) for request in plan(document) if isinstance(request, kinds)))


@pytest.mark.parametrize("document", [TABLE, COLOURED, replace(TABLE, measure="ablation")])
def test_the_sweep_comes_before_patching_where_its_effects_are_looked_at(document: Document):
    kinds = (PatchingEstimateRequest, SweepRequest, GenerateRequest, PatchingRequest, GraphRequest)
    assert order(document, *kinds) == list(kinds)


@pytest.mark.parametrize("document", [PATCHED, commands.colour_components(PATCHED, "attributed")])
def test_else_the_sweep_fills_the_time_that_is_left_and_only_the_circuit_waits_longer(document: Document):
    kinds = (PatchingEstimateRequest, GenerateRequest, PatchingRequest, SweepRequest, GraphRequest)
    assert order(document, *kinds) == list(kinds)


@pytest.mark.parametrize("document", [PATCHED, TABLE, COLOURED])
def test_a_click_s_run_is_wanted_before_any_effect(document: Document):
    wanted = plan(commands.toggle_intervention(document, MODEL.components()[0]))
    assert isinstance(wanted[0], RunRequest)
    assert wanted[0].interventions
    runs = [place for place, request in enumerate(wanted) if isinstance(request, RunRequest)]
    effects = (PatchingEstimateRequest, SweepRequest, PatchingRequest, WritesRequest, PathRequest, GenerateRequest)
    assert max(runs) < min(place for place, request in enumerate(wanted) if isinstance(request, effects))


@pytest.mark.parametrize(
    ("panel", "kinds"),
    [
        ("components", (AttributionRequest, PatchingEstimateRequest, SweepRequest, WritesRequest)),
        ("patching", (PatchingRequest,)),
        ("paths", (PathRequest,)),
        ("continuation", (GenerateRequest,)),
        ("circuit", (GraphRequest,)),
    ],
)
def test_nothing_is_planned_for_a_closed_panel(panel: str, kinds: tuple[type, ...]):
    document = commands.follow_paths(TABLE, "L0H1 > logits")
    assert {type(request) for request in plan(document)} >= set(kinds)
    closed = commands.show_panel(document, panel, False)
    assert not any(isinstance(request, kinds) for request in plan(closed))


def test_without_panels_nothing_is_planned():
    assert plan(replace(TABLE, panels=frozenset())) == ()
    assert set(PANELS) == DOCUMENT.panels


def test_beside_the_outputs_the_effects_of_a_selected_component_are_wanted():
    alone = replace(DOCUMENT, panels=frozenset({"outputs"}))
    assert order(alone, SweepRequest, AttributionRequest) == []
    selected = commands.select(alone, MODEL.components()[:1])
    assert order(selected, SweepRequest, AttributionRequest) == [AttributionRequest, SweepRequest]


def test_the_grid_asks_for_nothing_that_only_the_table_shows():
    cut = commands.toggle_intervention(PATCHED, MODEL.components()[0])
    assert order(cut, WritesRequest) == []
    assert [r.interventions for r in plan(cut) if isinstance(r, AttributionRequest)] == [frozenset()]
    both = [r.interventions for r in plan(commands.show_components(cut, "table")) if isinstance(r, AttributionRequest)]
    assert both == [frozenset(), cut.interventions]


def test_one_sweep_a_layer_late_layers_first_and_as_a_click_cuts():
    asked = sweep_requests(TABLE)
    assert [(r.layer, r.mode, r.kind, r.sources) for r in asked] == [
        (1, "zero", "component", Sources()),
        (0, "zero", "component", Sources()),
    ]


def test_effects_do_not_follow_the_edits_but_attribution_in_the_edited_run():
    cut = experiments.add_intervention(replace(TABLE, cache=CACHE), Intervention.parse("L1H2:mean"))
    for ask in (sweep_requests, estimate_request, patching_requests, attribution_request):
        assert ask(cut) == ask(TABLE)
    edited = attribution_request(cut, "")
    assert edited is not None
    assert (edited.interventions, edited.sources) == (cut.interventions, Sources(reference=CACHE))


@pytest.mark.parametrize("back", [False, True])
def test_patching_asks_for_a_row_a_layer_of_the_stream_that_is_shown(back: bool):
    asked = patching_requests(commands.show_patching(PATCHED, "mlp", back))
    assert [(r.layer, r.stream, r.back, r.contrast) for r in asked] == [
        (1, "mlp", back, CONTRAST),
        (0, "mlp", back, CONTRAST),
    ]
    for missing in (replace(PATCHED, contrast=None), replace(PATCHED, contrast=Prompt(""))):
        assert patching_requests(missing) == ()


@pytest.mark.parametrize(
    ("mode", "drawn"),
    [("zero", Sources()), ("mean", Sources(reference=CACHE)), ("patch", Sources(contrast=CONTRAST))],
)
def test_a_path_draws_from_what_its_mode_needs(mode: str, drawn: Sources):
    document = commands.follow_paths(replace(PATCHED, cache=CACHE), "L0H1 > L1M > logits", mode)  # type: ignore[arg-type]
    asked = path_request(document)
    assert asked is not None
    assert (asked.mode, asked.sources) == (mode, drawn)
    stranger = path_request(replace(document, cache=replace(CACHE, model_sha256="bb")))
    assert stranger is not None
    assert stranger.sources.reference is None


@pytest.mark.parametrize(
    "missing",
    [
        lambda d: replace(d, model=None),
        lambda d: replace(d, prompt=Prompt("")),
        lambda d: replace(d, target="", distractor=""),
    ],
)
def test_without_model_prompt_or_target_no_effect_is_asked_for(missing: Callable[[Document], Document]):
    document = missing(commands.follow_paths(TABLE, "L0H1 > logits"))
    effects = (AttributionRequest, PatchingEstimateRequest, SweepRequest, PatchingRequest, PathRequest, GraphRequest)
    assert order(document, *effects) == []


@pytest.mark.parametrize("document", [PATCHED, TABLE, COLOURED])
def test_equal_documents_have_equal_plans(document: Document):
    again = commands.set_contrast(replace(document, contrast=None), CONTRAST.text)
    assert plan(again) == plan(document)
    wanted: tuple[Request, ...] = plan(document)
    assert len(set(wanted)) == len(wanted)
