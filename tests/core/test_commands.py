from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.core import commands, experiments
from interpviz.core.document import NO_MODEL, PANELS, Document, ModelFacts, Prompt, Selection
from interpviz.core.errors import InterpvizError, SiteMissing
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site
from tests.core.test_document import CACHE, TINY

HEAD, MLP = Site(1, "head", 2), Site(0, "mlp_out")
OPEN = Document(TINY, prompt=Prompt("hello"))
OTHER = replace(TINY, name="other", sha256="99", heads=2)


def test_opening_another_model_keeps_the_words_and_drops_what_belonged_to_the_old_one() -> None:
    old = replace(
        OPEN,
        prompt=Prompt("hello", (1, 2), bos=False),
        contrast=Prompt("bye", (3,)),
        token=7,
        interventions=frozenset({Intervention(HEAD)}),
        selection=Selection((HEAD,)),
    )
    new = commands.open_model(old, OTHER)
    assert new.model == OTHER
    assert new.prompt == Prompt("hello", None, bos=False)
    assert new.contrast == Prompt("bye")
    assert (new.token, new.interventions, new.selection) == (None, frozenset(), Selection())


def test_opening_the_open_model_changes_nothing() -> None:
    assert commands.open_model(OPEN, TINY) is OPEN


def test_opening_a_cache_forgets_the_chosen_token() -> None:
    assert commands.open_cache(replace(OPEN, token=3), CACHE) == replace(OPEN, cache=CACHE)


def test_a_prompt_replaces_a_cached_context_even_with_the_same_text() -> None:
    cached = replace(OPEN, prompt=Prompt("hello", (1, 2)), token=5)
    assert commands.set_prompt(cached, "hello") == OPEN
    assert commands.set_prompt(OPEN, "hello") is OPEN
    assert commands.set_prompt(OPEN, "new").prompt == Prompt("new")


def test_an_empty_contrast_is_none() -> None:
    assert commands.set_contrast(OPEN, "against").contrast == Prompt("against")
    assert commands.set_contrast(replace(OPEN, contrast=Prompt("x")), "").contrast is None


def test_a_distractor_needs_a_target() -> None:
    followed = commands.set_target(OPEN, " Mary", " John")
    assert (followed.target, followed.distractor) == (" Mary", " John")
    with pytest.raises(InterpvizError, match="a distractor but no target"):
        commands.set_target(OPEN, "", " John")


def test_a_click_cuts_a_head_and_a_second_click_puts_it_back() -> None:
    cut = commands.toggle_intervention(OPEN, HEAD)
    assert cut.interventions == {Intervention(HEAD, "zero")}
    assert cut.selection == Selection((HEAD,))
    assert commands.toggle_intervention(cut, HEAD).interventions == frozenset()


def test_a_click_puts_back_whatever_edit_of_the_site_stands() -> None:
    edited = experiments.add_intervention(OPEN, Intervention(HEAD, "mean", positions=(2,)))
    assert commands.toggle_intervention(edited, HEAD).interventions == frozenset()


def test_a_drag_cuts_each_head_once_and_keeps_edits_that_stand() -> None:
    edited = experiments.add_intervention(OPEN, Intervention(HEAD, "mean", positions=(2,)))
    cut = commands.ablate(edited, [HEAD, MLP, MLP])
    assert cut.interventions == {Intervention(HEAD, "mean", positions=(2,)), Intervention(MLP, "zero")}
    assert cut.selection == Selection((HEAD, MLP))


def test_restoring_puts_back_only_what_is_named() -> None:
    cut = commands.ablate(OPEN, [HEAD, MLP])
    assert commands.restore(cut, [HEAD]).interventions == {Intervention(MLP)}
    assert experiments.clear_interventions(cut).interventions == frozenset()


def test_a_new_edit_takes_the_place_of_the_old_one_of_its_site() -> None:
    cut = commands.ablate(OPEN, [HEAD, MLP])
    edited = experiments.add_intervention(cut, Intervention(HEAD, "mean", positions=(1,)))
    assert edited.interventions == {Intervention(HEAD, "mean", positions=(1,)), Intervention(MLP)}


@pytest.mark.parametrize(
    "command",
    [
        lambda document, site: commands.toggle_intervention(document, site),
        lambda document, site: commands.ablate(document, [MLP, site]),
        lambda document, site: experiments.add_intervention(document, Intervention(site)),
        lambda document, site: commands.select(document, [site]),
    ],
)
def test_a_part_that_the_model_has_not_is_refused(command: Callable[[Document, Site], Document]) -> None:
    with pytest.raises(SiteMissing, match="tiny has no L5H0"):
        command(OPEN, Site(5, "head", 0))
    with pytest.raises(InterpvizError, match="No model is open"):
        command(Document(), MLP)


def test_selecting_keeps_the_order_and_drops_repeats() -> None:
    assert commands.select(OPEN, [MLP, HEAD, MLP]).selection == Selection((MLP, HEAD))


def test_a_token_of_the_cache_makes_its_context_the_prompt() -> None:
    document = replace(OPEN, cache=CACHE, contrast=Prompt("against"))
    chosen = commands.choose_token(document, 99, (0, 7, 8), "so far")
    assert chosen.prompt == Prompt("so far", (0, 7, 8))
    assert (chosen.token, chosen.contrast) == (99, None)


@pytest.mark.parametrize("row", [-1, 100])
def test_a_row_outside_the_cache_is_refused(row: int) -> None:
    with pytest.raises(InterpvizError, match="holds no such token"):
        commands.choose_token(replace(OPEN, cache=CACHE), row, (0,), "")


def test_contexts_of_another_model_are_not_run() -> None:
    with pytest.raises(InterpvizError, match="c was recorded from tiny. Open that model"):
        commands.choose_token(Document(OTHER, CACHE), 0, (0,), "")
    with pytest.raises(InterpvizError, match="holds no such token"):
        commands.choose_token(OPEN, 0, (0,), "")


@pytest.mark.parametrize(("fact", "value"), [("numerics", "folded"), ("model_sha256", NO_MODEL)])
def test_contexts_of_folded_or_unknown_weights_are_not_run_by_any_model(fact: str, value: str) -> None:
    strange = replace(CACHE, **{fact: value})  # type: ignore[arg-type]
    with pytest.raises(InterpvizError, match="shown .*apart from .* Record a cache of the open model"):
        commands.choose_token(replace(OPEN, cache=strange), 0, (0,), "")


def test_the_cloud_changes_site_and_projection_one_at_a_time() -> None:
    document = replace(OPEN, cache=CACHE)
    moved = commands.show_cloud(document, "hook_embed")
    assert (moved.cloud.site, moved.cloud.method) == ("hook_embed", document.cloud.method)
    projected = commands.show_cloud(moved, method="pca")
    assert (projected.cloud.site, projected.cloud.method) == ("hook_embed", "pca")
    with pytest.raises(InterpvizError, match="The cache holds no blocks.9"):
        commands.show_cloud(document, "blocks.9.hook_mlp_out")
    with pytest.raises(InterpvizError, match="The cache holds no hook_embed"):
        commands.show_cloud(OPEN, "hook_embed")


def test_views_change_without_touching_the_experiment() -> None:
    assert commands.colour_cloud(OPEN, "position").cloud.colour == "position"
    assert commands.colour_components(OPEN, "ablation").measure == "ablation"
    assert commands.prune(OPEN, 0.25).graph.threshold == 0.25
    for threshold in (-0.1, 1.1, float("nan")):
        with pytest.raises(InterpvizError, match="Choose between 0 and 1"):
            commands.prune(OPEN, threshold)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_is_closed_and_opened_again(panel: str) -> None:
    closed = commands.show_panel(OPEN, panel, False)
    assert closed.panels == frozenset(PANELS) - {panel}
    assert commands.show_panel(closed, panel, True) == OPEN


def test_a_panel_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(InterpvizError, match="There is no panel 'sound'. The panels are prompt"):
        commands.show_panel(OPEN, "sound", True)


def toggles(model: ModelFacts) -> st.SearchStrategy[list[Site]]:
    return st.lists(st.sampled_from(model.components()), max_size=12)


@given(toggles(TINY))
def test_what_is_cut_is_what_was_clicked_an_odd_number_of_times(clicks: list[Site]) -> None:
    document = reduce(lambda current, site: commands.toggle_intervention(current, site), clicks, OPEN)
    odd = {site for site in clicks if clicks.count(site) % 2}
    assert {edit.site for edit in document.interventions} == odd


@given(toggles(TINY), toggles(TINY))
def test_restoring_what_was_cut_gives_the_experiment_back(standing: list[Site], added: list[Site]) -> None:
    before = commands.ablate(OPEN, standing)
    after = commands.restore(commands.ablate(before, added), set(added) - set(standing))
    assert after.interventions == before.interventions
