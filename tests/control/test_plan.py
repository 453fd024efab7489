"""The plan: a pure function from a document to what must be computed."""

from __future__ import annotations

from dataclasses import replace

from interpviz.control.plan import plan
from interpviz.core import commands, experiments
from interpviz.core.document import Document, Prompt
from interpviz.core.interventions import Intervention
from interpviz.core.requests import (
    CloudRequest,
    GraphRequest,
    RowsRequest,
    RunRequest,
    SweepRequest,
)
from interpviz.core.sites import Site
from tests.control.desks import CACHE, DOCUMENT, MODEL

HEAD = Site(1, "head", 2)


def test_nothing_is_wanted_for_an_empty_document():
    assert plan(Document()) == ()


def test_a_cut_asks_for_the_edited_run_before_anything_else():
    wanted = plan(commands.toggle_intervention(DOCUMENT, HEAD))
    assert wanted[0] == RunRequest(MODEL, DOCUMENT.prompt, frozenset({Intervention(HEAD)}))
    assert wanted[1] == RunRequest(MODEL, DOCUMENT.prompt)


def test_each_request_is_wanted_once():
    wanted = plan(DOCUMENT)
    assert len(set(wanted)) == len(wanted)


def test_the_circuit_comes_last():
    assert isinstance(plan(commands.open_cache(DOCUMENT, CACHE))[-1], GraphRequest)


def test_a_closed_panel_needs_nothing():
    closed = commands.show_panel(DOCUMENT, "circuit", False)
    assert not any(isinstance(request, GraphRequest) for request in plan(closed))


def test_ablation_effects_are_one_sweep_a_layer_late_layers_first():
    document = commands.colour_components(DOCUMENT, "ablation")
    assert [r.layer for r in plan(document) if isinstance(r, SweepRequest)] == [1, 0]


def test_the_pca_is_wanted_before_the_umap():
    document = commands.open_cache(DOCUMENT, CACHE)
    assert [r.method for r in plan(document) if isinstance(r, CloudRequest)] == ["pca", "umap"]


def test_a_chosen_token_asks_for_the_recorded_rows_of_its_context():
    document = commands.choose_token(commands.open_cache(DOCUMENT, CACHE), 4, (0, 1, 2), "a b")
    assert RowsRequest(CACHE, 2, 4) in plan(document)
    assert document.prompt == Prompt("a b", (0, 1, 2))


def test_mean_ablation_draws_from_the_open_cache_only_if_it_is_of_this_model():
    edit = Intervention(HEAD, "mean")
    fits = experiments.add_intervention(commands.open_cache(DOCUMENT, CACHE), edit)
    stranger = experiments.add_intervention(commands.open_cache(DOCUMENT, replace(CACHE, model_sha256="bb")), edit)
    assert [plan(d)[0].sources.reference for d in (fits, stranger)] == [CACHE, None]  # type: ignore[union-attr]
