"""What the panel of edits is told, and what an edit can become."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from interpviz.control import plan, runs
from interpviz.control.edits import in_order, modes_of, positions_text, with_mode, with_positions, with_value
from interpviz.control.interventions import InterventionsController, InterventionsPicture, unaligned
from interpviz.core.document import Document, Experiment, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import MODES, Intervention, Mode
from interpviz.core.requests import RunRequest
from interpviz.core.results import RunResult, Tokens
from interpviz.core.sites import Kind, Site
from tests.control.desks import DOCUMENT, Bench, Engine, View

ONLY = replace(DOCUMENT, panels=frozenset({"interventions"}))


def edits(*texts: str) -> frozenset[Intervention]:
    return frozenset(map(Intervention.parse, texts))


def tokens(*ids: int) -> Tokens:
    return Tokens(np.array(ids, np.int32), tuple(map(str, ids)))


def run(road: Any = "fast") -> RunResult:
    return RunResult(tokens(0, 1), np.zeros(5, np.float32), None, None, 0.01, road=road)


def view_of(document: Document, answers: dict[Any, Any] | None = None) -> View:
    view = View()
    with Bench(Engine({RunRequest: run(), **(answers or {})}), document) as bench:
        bench.desk.attach("interventions", InterventionsController(bench.desk, view))
        bench.desk.refresh()
        bench.pump.until(lambda: bench.desk.settled)
    return view


def picture(document: Document, answers: dict[Any, Any] | None = None) -> InterventionsPicture:
    shown: InterventionsPicture = view_of(document, answers).pictures[-1]
    return shown


def test_edits_made_and_standing_by_are_listed_by_site_and_position() -> None:
    made, off = edits("L1H2:zero", "L0H1:mean@3", "L0H1:mean@1"), edits("L0M:zero")
    shown = picture(replace(ONLY, interventions=made, off=off))
    assert [(str(chip.edit), chip.on) for chip in shown.chips] == [
        ("L0H1:mean@1", True),
        ("L0H1:mean@3", True),
        ("L0M:zero", False),
        ("L1H2:zero", True),
    ]
    assert shown.told == "L0H1:mean@1; L0H1:mean@3; L0M:zero (off); L1H2:zero"


def test_layers_are_ordered_as_numbers() -> None:
    assert [str(edit.site) for edit in in_order(edits("L10H0", "L2H0"))] == ["L2H0", "L10H0"]


def test_a_dragged_value_does_not_change_the_order() -> None:
    orders = {
        tuple(edit.mode for edit in in_order(edits(f"L0N1:clamp:{value}", "L0N1:scale:2"))) for value in (-9, 0, 9)
    }
    assert orders == {("scale", "clamp")}


def test_without_a_model_the_panel_says_what_to_do() -> None:
    assert view_of(Document()).sentences[-1] == "Open a model to edit what it does."


@pytest.mark.parametrize("road", ["fast", "slow"])
def test_the_road_of_the_edited_run_is_told(road: str) -> None:
    cut = replace(ONLY, interventions=edits("L1H2"))
    shown = picture(cut, {runs.edited_run(cut): run(road)})
    assert (shown.road, shown.pending) == (road, False)


def test_until_it_is_answered_the_edited_run_is_on_its_way() -> None:
    view = View()
    cut = replace(ONLY, interventions=edits("L1H2"))
    with Bench(Engine({RunRequest: run()}), cut) as bench:
        bench.desk.attach("interventions", InterventionsController(bench.desk, view))
    assert (view.pictures[0].road, view.pictures[0].pending) == ("", True)


def test_a_refused_edit_is_told_in_its_sentence() -> None:
    cut = replace(ONLY, interventions=edits("L1H2@9"))
    refused = InterpvizError("L1H2:zero@9 is at position 9, but the prompt has 2 tokens.")
    shown = picture(cut, {runs.edited_run(cut): refused})
    assert (shown.problem, shown.pending) == (str(refused), False)


def test_patch_without_a_contrast_says_that_there_is_none() -> None:
    assert "there is none" in picture(replace(ONLY, interventions=edits("L1H2:patch"))).problem


def test_patch_with_a_contrast_of_another_length_says_where_they_part() -> None:
    document = replace(ONLY, interventions=edits("L1H2:patch"), contrast=Prompt("a c d"))
    answers = {
        plan.tokens_request(document): tokens(0, 1, 2),
        plan.contrast_request(document): tokens(0, 1, 3, 4),
        runs.edited_run(document): InterpvizError("The engine's own words."),
    }
    assert picture(document, answers).problem == (
        "The contrast prompt has 4 tokens and the prompt 3, so patch cannot align them. "
        "Make them equally long; they differ from token 2 on."
    )


def test_a_patch_that_stands_by_needs_no_contrast() -> None:
    assert picture(replace(ONLY, off=edits("L1H2:patch"))).problem == ""


@pytest.mark.parametrize(
    ("prompt", "contrast", "said"),
    [
        ((0, 1, 2), (0, 1, 3), ""),
        ((0, 1, 2), (0, 1), "differ from token 2 on"),
        ((5, 1, 2), (0, 1), "differ from token 0 on"),
    ],
)
def test_prompts_align_where_they_are_equally_long(prompt: Any, contrast: Any, said: str) -> None:
    sentence = unaligned(tokens(*prompt), tokens(*contrast))
    assert said in sentence
    assert bool(said) == bool(sentence)


def test_kept_experiments_are_told_with_what_they_hold() -> None:
    kept = (Experiment("both", edits("L1H2", "L0M:mean"), freeze=True), Experiment("one", edits("L1H2")))
    shown = picture(replace(ONLY, experiments=kept, compared=("both", "")))
    assert [(one.name, one.edits) for one in shown.kept] == [
        ("both", "L0M:mean; L1H2:zero; attention frozen"),
        ("one", "L1H2:zero"),
    ]
    assert shown.compared == ("both", "")


@pytest.mark.parametrize(
    ("kind", "modes", "directed"),
    [
        ("head", {"zero", "mean", "resample", "scale", "add", "patch"}, True),
        ("resid_post", {"zero", "mean", "resample", "scale", "add", "patch"}, True),
        ("neuron", set(MODES), False),
        ("feature", set(MODES), False),
        ("edge", {"zero", "scale", "clamp", "patch"}, False),
    ],
)
def test_only_modes_that_mean_something_at_a_site_are_offered(kind: Kind, modes: set[Mode], directed: bool) -> None:
    assert (set(modes_of(kind)[0]), modes_of(kind)[1]) == (modes, directed)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_offered_mode_can_be_changed_to(kind: Kind) -> None:
    edit = Intervention(Site(0, kind, 1, 2, 1, "NAME" if kind == "feature" else ""))
    modes, directed = modes_of(kind)
    changed = [with_mode(edit, mode, "a.npy" if mode == "add" and directed else "") for mode in modes]
    assert [one.mode for one in changed] == list(modes)


@pytest.mark.parametrize(("mode", "value"), [("scale", 0.5), ("clamp", 1.0), ("add", 1.0), ("mean", None)])
def test_a_mode_that_needs_a_value_begins_at_a_middling_one(mode: Mode, value: float | None) -> None:
    edit = with_mode(Intervention.parse("L0N3:clamp:7@2"), "zero")
    assert (with_mode(edit, mode).value, with_mode(edit, mode).positions) == (value, (2,))


def test_another_direction_keeps_the_strength() -> None:
    edit = Intervention.parse("L0R:add:4:a.npy")
    assert str(with_mode(edit, "add", "NAME/3")) == "L0R:add:4:NAME/3"
    assert str(with_mode(edit, "scale")) == "L0R:scale:0.5"


@pytest.mark.parametrize(("text", "value"), [("0.25", 0.25), (" −3 ", -3.0), ("1e3", 1000.0)])
def test_a_number_is_read_as_it_is_typed(text: str, value: float) -> None:
    assert with_value(Intervention.parse("L0N3:clamp:7"), text).value == value


@pytest.mark.parametrize("text", ["", "much", "nan", "inf", "0,5"])
def test_what_is_no_number_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InterpvizError, match="is no"):
        with_value(Intervention.parse("L0N3:clamp:7"), text)


@pytest.mark.parametrize(("text", "positions"), [("", None), ("2-5, 7", (2, 3, 4, 5, 7)), ("-1", (-1,)), ("@3", (3,))])
def test_positions_are_read_as_they_are_typed_and_shown_so_again(text: str, positions: Any) -> None:
    edit = with_positions(Intervention.parse("L0M:mean@1"), text)
    assert (edit.positions, edit.mode) == (positions, "mean")
    assert with_positions(edit, positions_text(edit)) == edit


@pytest.mark.parametrize("text", ["5-2", "x", "-3-1"])
def test_positions_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(InterpvizError):
        with_positions(Intervention.parse("L0M"), text)
