"""The components as a grid and as a table, from a document and answers. Numbers are worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpviz.control.components import COLUMNS, ComponentsController, GridPicture, TablePicture
from interpviz.control.effects import attribution_request, sweep_requests
from interpviz.core import commands, experiments
from interpviz.core.document import Document, Measure, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.requests import AttributionRequest, PatchingEstimateRequest, SweepRequest, WritesRequest
from interpviz.core.results import Effects, Writes
from interpviz.core.sites import Site
from tests.control.desks import DOCUMENT, MODEL, Bench, Engine, View
from tests.control.test_panels import picture_of

HEAD, OTHER, MLP = Site(1, "head", 2), Site(0, "head", 1), Site(0, "mlp_out")
TABLE = commands.show_components(DOCUMENT, "table")
NOTHING = Effects((), np.zeros(0, np.float32), 0.0)
ROW = {HEAD: 6, OTHER: 1, MLP: 3}  # of two layers with three heads and an MLP, layer by layer


def effects(**values: float) -> Effects:
    """`L1H2=0.5`: what a site does, in nats."""
    return Effects(tuple(map(Site.parse, values)), np.array([*values.values()], np.float32), 1.0)


ANSWERS: dict[Any, Any] = {
    AttributionRequest: effects(L1H2=0.5, L0H1=0.25, L0M=-2.0),
    PatchingEstimateRequest: effects(L1H2=0.75, L0H1=0.125, L0M=-1.5),
    SweepRequest: NOTHING,
    SweepRequest(MODEL, DOCUMENT.prompt, " x", " y", 0): effects(L0H1=-0.5, L0M=3.0),
    SweepRequest(MODEL, DOCUMENT.prompt, " x", " y", 1): effects(L1H2=1.0),
    WritesRequest: Writes((HEAD, MLP), np.array([4.0, 9.0], np.float32)),
}


def table(document: Document = TABLE, **more: Any) -> TablePicture:
    answers = ANSWERS | more.get("answers", {})
    shown: TablePicture = picture_of(ComponentsController, "components", answers, document).pictures[-1]
    return shown


def numbers(picture: TablePicture, site: Site) -> list[float]:
    return [float(value) for value in picture.numbers[ROW[site]]]


@pytest.mark.parametrize(("measure", "value"), [("direct", 0.5), ("attributed", 0.75), ("ablation", 1.0)])
def test_the_grid_shows_one_tier_and_no_other(measure: Measure, value: float):
    document = commands.colour_components(DOCUMENT, measure)
    picture: GridPicture = picture_of(ComponentsController, "components", ANSWERS, document).pictures[-1]
    assert (picture.measure, picture.values[1, 2]) == (measure, value)
    assert picture.done == 3 / 8


def test_the_table_sets_all_tiers_of_a_component_beside_each_other():
    picture = table()
    assert numbers(picture, HEAD)[:4] == [4.0, 0.5, 0.75, 1.0]
    assert numbers(picture, MLP)[:4] == [9.0, -2.0, -1.5, 3.0]
    assert np.isnan(picture.numbers[ROW[OTHER], 0])
    assert picture.done == 3 / 8
    assert picture.limit == 3.0  # of the effects; norms are no nats


@pytest.mark.parametrize(
    ("column", "descending", "first"),
    [
        ("measured", True, [MLP, HEAD, OTHER]),
        ("measured", False, [OTHER, HEAD, MLP]),
        ("activation", True, [MLP, HEAD]),
        ("direct", False, [MLP, OTHER, HEAD]),
    ],
)
def test_rows_are_sorted_and_what_is_not_known_stands_last(column: str, descending: bool, first: list[Site]):
    picture = table(commands.sort_components(TABLE, column, descending))
    assert [picture.site(row) for row in range(len(first))] == first
    rest = [picture.order[row] for row in range(len(first), 8)]
    assert rest == sorted(rest)


@pytest.mark.parametrize("column", ["component", "no such column"])
def test_sorted_by_name_components_stand_layer_by_layer(column: str):
    picture = table(commands.sort_components(TABLE, column, False))
    assert [picture.site(row) for row in range(8)] == list(MODEL.components())


@pytest.mark.parametrize("descending", [True, False])
def test_equal_values_stay_layer_by_layer_in_both_directions(descending: bool):
    large = replace(MODEL, layers=10)
    document = commands.sort_components(replace(TABLE, model=large), "direct", descending)
    halves = Effects(large.components(), np.repeat(np.array([1, 2], np.float32), 20), 1.0)
    early, late = range(20), range(20, 40)
    expected = [*late, *early] if descending else [*early, *late]
    assert table(document, answers={AttributionRequest: halves}).order.tolist() == expected


def test_the_difference_is_the_direct_effect_in_the_edited_run_minus_that_in_the_clean_one():
    document = commands.toggle_intervention(TABLE, MLP)
    answers = {
        attribution_request(document): effects(L1H2=0.5, L0H1=0.25),
        attribution_request(document, ""): effects(L1H2=2.0, L0M=0.0),
    }
    picture = table(document, answers=answers)
    assert picture.sides == ("clean", "edited")
    assert numbers(picture, HEAD)[4] == 1.5
    assert np.isnan(picture.numbers[ROW[OTHER], 4])


def test_the_difference_follows_the_experiments_that_are_compared():
    document = experiments.save_experiment(commands.toggle_intervention(TABLE, MLP), "no MLP")
    document = experiments.compare_experiments(document, "no MLP", "clean")
    answers = {
        attribution_request(document): effects(L1H2=0.5),
        attribution_request(document, "no MLP"): effects(L1H2=2.0),
    }
    picture = table(document, answers=answers)
    assert (picture.sides, numbers(picture, HEAD)[4]) == (("no MLP", "clean"), -1.5)


def test_without_edits_there_is_no_difference_and_none_is_awaited():
    picture = table()
    assert np.isnan(picture.numbers[:, 4]).all()
    assert picture.asked == (True, True, True, True, False)
    assert picture.sides == ()


def test_the_table_keeps_its_order_true_while_the_sweep_fills():
    late, early = sweep_requests(TABLE)
    engine = Engine(ANSWERS)
    begun, go_on = engine.hold(early)
    with Bench(engine, TABLE) as bench:
        view = View()
        bench.desk.attach("components", ComponentsController(bench.desk, view))
        bench.desk.refresh()
        bench.pump.until(lambda: bench.desk.answer(late) is not None)
        bench.desk.refresh()
        assert (view.pictures[-1].done, view.pictures[-1].site(0)) == (1 / 8, HEAD)
        assert begun.wait(20)
        go_on.set()
        bench.pump.until(lambda: bench.desk.answer(early) is not None)
        assert (view.pictures[-1].done, view.pictures[-1].site(0)) == (3 / 8, MLP)


def test_rows_are_found_by_their_components_and_others_are_left_out():
    picture = table(commands.toggle_intervention(TABLE, HEAD))
    assert picture.rows([HEAD, MLP, Site.parse("L1N3"), Site.parse("E")]).tolist() == [0, 1]
    assert (picture.cut, picture.selected) == (frozenset({HEAD}), frozenset({HEAD}))


def test_without_a_target_only_the_activation_is_asked_for():
    picture = table(replace(TABLE, target="", distractor=""))
    assert picture.problem == "Name a target token to see what each component does for it."
    assert picture.asked == (True, False, False, False, False)
    assert numbers(picture, HEAD)[0] == 4.0


def test_without_prompt_or_model_the_table_says_what_to_do():
    assert table(replace(TABLE, prompt=Prompt(""))).problem == "Type a prompt to see what each component does."
    view = picture_of(ComponentsController, "components", {}, Document())
    assert view.sentences[-1] == "Open a model to see its heads and MLPs."


def test_what_went_wrong_in_any_column_is_said():
    refused = InterpvizError("The prompt has 70 tokens; toy reads 64.")
    assert table(answers={WritesRequest: refused}).problem == str(refused)


def test_the_columns_are_those_that_acts_name():
    assert COLUMNS == ("component", "activation", "direct", "attributed", "measured", "difference")
