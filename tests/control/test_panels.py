"""Each controller, from a document and answers to what its panel is told. Numbers are worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpviz.control import plan
from interpviz.control.circuit import CircuitController, CircuitPicture
from interpviz.control.cloud import CloudController, CloudPicture, context_text
from interpviz.control.components import ComponentsController, GridPicture
from interpviz.control.maps import MapsController, MapsPicture
from interpviz.control.prompt import PromptController, PromptPicture
from interpviz.core import commands, experiments
from interpviz.core.document import NO_MODEL, CacheFacts, Document, Prompt
from interpviz.core.interventions import Intervention
from interpviz.core.requests import (
    AttributionRequest,
    CacheTokensRequest,
    CloudRequest,
    GraphRequest,
    NormsRequest,
    PatternRequest,
    RowsRequest,
    SweepRequest,
    TokensRequest,
)
from interpviz.core.results import (
    CacheTokens,
    CircuitGraph,
    Cloud,
    Effects,
    FeatureMap,
    Patterns,
    Quality,
    Tokens,
)
from interpviz.core.sites import Site
from tests.control.desks import CACHE, DOCUMENT, MODEL, Bench, Engine, View

HEAD = Site(1, "head", 2)
NOTHING = Effects((), np.zeros(0, np.float32), 0.0)
TOKENS = Tokens(np.array([0, 1], np.int32), ("<bos>", "a"))


def picture_of(controller: Callable[..., Any], panel: str, answers: dict[Any, Any], document: Document) -> View:
    """Everything a panel was told once all that the document needs was answered."""
    view = View()
    with Bench(Engine(answers), document) as bench:
        bench.desk.attach(panel, controller(bench.desk, view))
        done: set[Any] = set()
        bench.scheduler.ended.connect(lambda request: done.add(request))
        bench.desk.refresh()
        bench.pump.until(lambda: done >= set(plan.plan(document)))
    return view


def grid(document: Document, answers: dict[Any, Any]) -> GridPicture:
    shown: GridPicture = picture_of(ComponentsController, "components", answers, document).pictures[-1]
    return shown


def test_the_grid_puts_each_effect_in_its_cell_and_the_mlp_last():
    effects = Effects((HEAD, Site(0, "mlp_out")), np.array([0.5, -2.0], np.float32), 1.0)
    picture = grid(DOCUMENT, {AttributionRequest: effects})
    assert (picture.values[1, 2], picture.values[0, 3], picture.limit) == (0.5, -2.0, 2.0)
    assert picture.site(1, 2) == HEAD
    assert picture.site(0, 3) == Site(0, "mlp_out")
    assert picture.done == 2 / 8


def test_the_grid_fills_with_sweeps_when_coloured_by_ablation():
    document = commands.colour_components(DOCUMENT, "ablation")
    answers = {
        SweepRequest(MODEL, DOCUMENT.prompt, " x", " y", 1): Effects((HEAD,), np.array([3.0], np.float32), 1.0),
        SweepRequest: NOTHING,
    }
    assert grid(document, answers).values[1, 2] == 3.0


def test_the_grid_marks_what_is_cut_and_what_is_selected():
    picture = grid(commands.toggle_intervention(DOCUMENT, HEAD), {AttributionRequest: NOTHING})
    assert (picture.cut, picture.selected) == (frozenset({HEAD}), frozenset({HEAD}))


def test_the_grid_asks_for_a_target():
    assert "target" in grid(replace(DOCUMENT, target="", distractor=""), {}).problem


def maps(document: Document) -> MapsPicture:
    answers = {
        PatternRequest: Patterns(1, np.arange(12, dtype=np.float32).reshape(3, 2, 2), TOKENS),
        NormsRequest: FeatureMap(np.array([[1, 2, 3]], np.float32), (1, 3), ("L0A",), ("a", "b", "c")),
        RowsRequest: FeatureMap(np.array([[5, 6, 7]], np.float32), (5, 7), ("L0R",), ("a", "b", "c")),
        CacheTokensRequest: cache_tokens(),
    }
    shown: MapsPicture = picture_of(MapsController, "maps", answers, document).pictures[-1]
    return shown


def test_the_pattern_of_the_selected_head_is_shown():
    picture = maps(commands.select(DOCUMENT, [HEAD]))
    assert picture.head == HEAD
    assert picture.pattern is not None
    np.testing.assert_array_equal(picture.pattern.values, [[8, 9], [10, 11]])


def test_the_rows_of_a_chosen_context_come_from_the_cache_and_say_so():
    chosen = commands.choose_token(commands.open_cache(DOCUMENT, CACHE), 2, (0, 1, 2), "b")
    norms = maps(chosen).norms
    assert norms is not None
    assert norms.rows == ("L0R cache", "L0A")
    np.testing.assert_array_equal(norms.values, [[5, 6, 7], [1, 2, 3]])


def cache_tokens() -> CacheTokens:
    numbers = np.array([[0, 1, 2, 0, 1, 1], [0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]], np.int32)
    return CacheTokens(numbers[0], numbers[1], numbers[2], {0: "<bos>", 1: " a", 2: " b"})


def cloud(document: Document, cache: CacheFacts = CACHE) -> CloudPicture:
    xy = np.zeros((6, 2), np.float32)
    answers = {
        CacheTokensRequest: cache_tokens(),
        CloudRequest: Cloud(xy, np.arange(6, dtype=np.int32), Quality(0.5, 0.9, 6), "umap"),
    }
    view = picture_of(CloudController, "cloud", answers, commands.open_cache(document, cache))
    shown: CloudPicture = view.pictures[-1]
    return shown


def test_points_are_coloured_by_document_or_by_position():
    assert list(cloud(DOCUMENT).category) == [0, 0, 0, 1, 1, 1]
    assert list(cloud(commands.colour_cloud(DOCUMENT, "position")).category) == [0, 1, 2, 0, 1, 2]


def test_the_cloud_says_how_true_it_is():
    assert cloud(DOCUMENT).status == "UMAP · neighbours kept 0.50 · trustworthiness 0.90"


@pytest.mark.parametrize(
    ("fact", "value", "says"),
    [
        ("model_sha256", "bb", "Recorded from toy"),
        ("numerics", "folded", "Recorded with the weights of toy folded"),
        ("model_sha256", NO_MODEL, "It is not known which model made c.acts"),
    ],
)
def test_a_cache_that_is_not_of_the_open_model_stands_under_a_banner(fact: str, value: str, says: str):
    strange = replace(CACHE, **{fact: value})  # type: ignore[arg-type]
    assert cloud(DOCUMENT, strange).banner.startswith(says)
    assert cloud(DOCUMENT).banner == ""


def test_a_cache_of_features_alone_says_that_it_has_no_cloud_and_whose_it_is():
    codes = replace(CACHE, sites=(), codes=("book",), model_sha256=NO_MODEL)
    view = picture_of(CloudController, "cloud", {CacheTokensRequest: cache_tokens()}, replace(DOCUMENT, cache=codes))
    assert view.sentences[-1].startswith(
        "c.acts keeps features of dictionaries, and no activation to map. It is not known which"
    )


@pytest.mark.parametrize(("fact", "value"), [("numerics", "folded"), ("model_sha256", NO_MODEL)])
def test_rows_of_a_cache_that_is_not_of_the_open_model_never_lie_beside_its_run(fact: str, value: str):
    chosen = commands.choose_token(commands.open_cache(DOCUMENT, CACHE), 2, (0, 1, 2), "b")
    picture = maps(replace(chosen, cache=replace(CACHE, **{fact: value})))  # type: ignore[arg-type]
    assert picture.norms is not None
    assert (picture.norms.rows, picture.source) == (("L0A",), "clean run")
    assert picture.problem.endswith("Its rows are left out here.")


def test_a_token_is_told_in_its_context():
    assert context_text(cache_tokens(), 5) == ("<bos> a", " a")


def graph() -> CircuitGraph:
    return CircuitGraph(
        kind=np.array([0, 1, 3], np.uint8),
        layer=np.array([0, 1, 2], np.int32),
        pos=np.array([0, 1, 1], np.int32),
        index=np.array([-1, 2, -1], np.int32),
        edges=np.array([[1, 2], [0, 1], [0, 2]], np.int32),
        weight=np.array([6.0, -3.0, 1.0], np.float32),
        total=12.0,
        considered=40,
        corruption="zero",
        columns=("<bos>", " a"),
    )


def circuit(document: Document) -> CircuitPicture:
    shown: CircuitPicture = picture_of(CircuitController, "circuit", {GraphRequest: graph()}, document).pictures[-1]
    return shown


def test_pruning_keeps_the_largest_edges_up_to_the_share():
    assert [circuit(commands.prune(DOCUMENT, share)).kept for share in (0.0, 0.5, 0.75, 1.0)] == [0, 1, 2, 3]


def test_the_circuit_says_how_much_is_drawn_and_against_what():
    status = circuit(commands.prune(DOCUMENT, 0.75)).status
    assert status == "2 of 40 edges, 75% of the total score · corrupted by zero"


def test_the_node_of_a_cut_head_is_marked():
    assert list(circuit(commands.toggle_intervention(DOCUMENT, HEAD)).cut) == [False, True, False]


def test_the_prompt_panel_marks_the_positions_that_edits_are_restricted_to():
    document = experiments.add_intervention(DOCUMENT, Intervention(HEAD, positions=(-1,)))
    view = picture_of(PromptController, "prompt", {TokensRequest: TOKENS}, document)
    picture: PromptPicture = view.pictures[-1]
    assert (picture.edited, picture.tokens) == (frozenset({1}), TOKENS)


def test_an_open_model_is_not_asked_for_again():
    document = replace(DOCUMENT, prompt=Prompt(""), target="", distractor="")
    for controller, panel in ((CircuitController, "circuit"), (MapsController, "maps")):
        assert picture_of(controller, panel, {}, document).sentences[-1].startswith("Type a prompt")
        assert picture_of(controller, panel, {}, Document()).sentences[-1].startswith("Open a model")
