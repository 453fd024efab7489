from __future__ import annotations

from dataclasses import replace

import pytest

from interpviz.core import commands, experiments
from interpviz.core.document import Document, Experiment, Prompt, Selection
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site
from tests.core.test_document import SAE, TINY

HEAD, MLP = Intervention(Site(1, "head", 2)), Intervention(Site(0, "mlp_out"))
HALF = Intervention(Site(1, "head", 2), "scale", 0.5)
OPEN = Document(TINY, prompt=Prompt("hello"))
CUT = replace(OPEN, interventions=frozenset({HEAD, MLP}))


def test_an_edit_that_is_written_stands_beside_others_of_its_site() -> None:
    written = experiments.write_intervention(CUT, " L1H2:scale:0.5@3 ")
    assert written.interventions == {HEAD, MLP, replace(HALF, positions=(3,))}
    assert written.selection == Selection((HEAD.site,))


def test_an_edit_is_changed_in_its_place() -> None:
    assert experiments.change_intervention(CUT, HEAD, HALF).interventions == {HALF, MLP}


def test_an_edit_that_was_changed_meanwhile_is_known_by_its_site_and_positions() -> None:
    other = replace(HALF, value=0.25)
    moved = experiments.change_intervention(CUT, HEAD, HALF)
    assert experiments.change_intervention(moved, HEAD, other).interventions == {other, MLP}
    with pytest.raises(InterpvizError, match="L1H2:zero@3 is no longer among the edits"):
        experiments.change_intervention(CUT, replace(HEAD, positions=(3,)), other)


def test_an_edit_that_stands_by_is_kept_and_not_made() -> None:
    waiting = experiments.switch_intervention(CUT, HEAD)
    assert waiting.interventions == {MLP}
    assert waiting.off == {HEAD}
    changed = experiments.change_intervention(waiting, HEAD, HALF)
    assert changed.interventions == {MLP}
    assert changed.off == {HALF}
    assert experiments.switch_intervention(waiting, HEAD) == CUT
    assert experiments.remove_intervention(waiting, HEAD).off == frozenset()


def test_no_edit_is_both_made_and_standing_by() -> None:
    waiting = experiments.switch_intervention(CUT, HEAD)
    assert experiments.write_intervention(waiting, "L1H2") == replace(CUT, selection=Selection((HEAD.site,)))
    both = replace(waiting, interventions=waiting.interventions | {HALF})
    assert experiments.change_intervention(both, HALF, HEAD) == CUT
    assert experiments.change_intervention(both, HEAD, HALF).interventions == {MLP}


def test_a_click_makes_an_edit_again_that_stands_by() -> None:
    waiting = experiments.switch_intervention(replace(OPEN, interventions=frozenset({HALF})), HALF)
    again = commands.toggle_intervention(waiting, HALF.site)
    assert again.interventions == {HALF}
    assert again.off == frozenset()


def test_clearing_puts_everything_back() -> None:
    held = experiments.freeze_attention(experiments.switch_intervention(CUT, HEAD), True)
    assert held.freeze
    assert experiments.clear_interventions(held) == OPEN


def test_an_experiment_is_kept_under_its_name_and_called_back() -> None:
    kept = experiments.save_experiment(experiments.freeze_attention(CUT, True), " two cuts ")
    assert kept.experiments == (Experiment("two cuts", frozenset({HEAD, MLP}), True),)
    cleared = experiments.clear_interventions(kept)
    assert experiments.recall_experiment(cleared, "two cuts") == kept
    again = experiments.save_experiment(replace(kept, interventions=frozenset({HALF})), "two cuts")
    assert [one.interventions for one in again.experiments] == [{HALF}]


def test_two_experiments_are_compared_until_one_is_forgotten() -> None:
    kept = experiments.save_experiment(CUT, "cuts")
    compared = experiments.compare_experiments(kept, "clean", "cuts")
    assert compared.compared == ("clean", "cuts")
    assert experiments.stop_comparing(compared).compared is None
    forgotten = experiments.forget_experiment(compared, "cuts")
    assert (forgotten.experiments, forgotten.compared) == ((), None)


def test_the_empty_name_is_the_present_edits_and_clean_is_none() -> None:
    assert experiments.experiment(CUT, "") == Experiment("", frozenset({HEAD, MLP}))
    assert experiments.experiment(CUT, "clean").interventions == frozenset()


@pytest.mark.parametrize("name", ["", "  ", "clean", "x" * 61])
def test_some_names_cannot_be_given(name: str) -> None:
    with pytest.raises(InterpvizError, match="cannot name an experiment"):
        experiments.save_experiment(CUT, name)


def test_nothing_cannot_be_kept_and_what_is_not_kept_not_called_back() -> None:
    with pytest.raises(InterpvizError, match="nothing to keep"):
        experiments.save_experiment(OPEN, "empty")
    for act in (experiments.recall_experiment, experiments.forget_experiment):
        with pytest.raises(InterpvizError, match="No experiment is called 'lost'"):
            act(CUT, "lost")
    with pytest.raises(InterpvizError, match="No experiment is called 'lost'"):
        experiments.compare_experiments(CUT, "", "lost")


def test_a_feature_is_edited_where_its_dictionary_is_open() -> None:
    with pytest.raises(InterpvizError, match="No dictionary sae is open"):
        experiments.write_intervention(OPEN, "sae/3:clamp:2")
    known = commands.open_dictionary(OPEN, SAE)
    clamped = experiments.write_intervention(known, "sae/3:clamp:2").interventions
    assert [str(one) for one in clamped] == ["sae/3:clamp:2"]
    with pytest.raises(InterpvizError, match="sae has no sae/16"):
        experiments.write_intervention(known, "sae/16:clamp:2")
    with pytest.raises(InterpvizError, match="sae has no sae/16"):
        experiments.write_intervention(known, "L1R:add:2:sae/16")


def test_a_dictionary_of_the_same_name_takes_the_place_of_the_other() -> None:
    other = replace(SAE, sha256="99")
    assert commands.open_dictionary(commands.open_dictionary(OPEN, SAE), other).dictionaries == (other,)


def test_parts_that_are_called_alike_are_told_apart_by_the_folders_above_them() -> None:
    third = replace(SAE, name="average_l0_54", source="/scope/layer_3/width_16k/average_l0_54", layout="Gemma Scope")
    fourth, wide = (
        replace(third, source=f"/scope/{place}/average_l0_54", sha256=place)
        for place in ("layer_4/width_16k", "layer_4/width_65k")
    )
    document = OPEN
    for one in (third, fourth, wide, fourth, third):
        document = commands.open_dictionary(document, one)
    assert {one.name: one.source for one in document.dictionaries} == {
        "average_l0_54": third.source,
        "width_16k-average_l0_54": fourth.source,
        "width_65k-average_l0_54": wide.source,
    }
    assert document.features.dictionary == "average_l0_54"


def test_another_model_takes_experiments_and_dictionaries_with_it() -> None:
    full = replace(experiments.save_experiment(CUT, "cuts"), dictionaries=(SAE,), compared=("", "cuts"), freeze=True)
    new = commands.open_model(full, replace(TINY, name="other", sha256="99"))
    assert new == replace(OPEN, model=new.model)


def test_a_dictionary_that_was_there_before_any_model_stays() -> None:
    assert commands.open_model(Document(dictionaries=(SAE,)), TINY).dictionaries == (SAE,)


@pytest.mark.parametrize(
    ("act", "complaint"),
    [
        (lambda d: commands.set_continuation(d, 0, 0.0, 0), "0 tokens cannot be shown"),
        (lambda d: commands.set_continuation(d, 5, -1.0, 0), "-1 is no temperature"),
        (lambda d: commands.set_continuation(d, 5, float("nan"), 0), "nan is no temperature"),
        (lambda d: commands.follow_paths(d, "L1H2 > L0M > logits"), "is not computed before"),
        (lambda d: commands.follow_paths(d, "L1H2 > logits," * 1000), "Follow fewer"),
        (lambda d: commands.set_continuation(d, 5, 0.0, -1), "-1 is no seed"),
        (lambda d: experiments.write_intervention(d, "L0H0@0-999999"), "tiny reads at most 16 tokens"),
        (lambda d: experiments.save_experiment(CUT, "a\ud800b"), "cannot name an experiment"),
        (lambda d: experiments.write_intervention(replace(d, model=None), "L1H2"), "No model is open"),
        (lambda d: experiments.add_intervention(d, Intervention(Site(7, "mlp_out"))), "has no L7M"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(act: object, complaint: str) -> None:
    assert callable(act)
    with pytest.raises(InterpvizError, match=complaint):
        act(OPEN)


def test_the_views_of_the_new_panels_are_part_of_the_document() -> None:
    document = commands.show_patching(commands.show_components(OPEN, "table"), "mlp", True)
    document = commands.sort_components(commands.set_continuation(document, 5, 0.7, 3), "direct", False)
    document = commands.follow_paths(document, " L0H2 > logits ", "patch")
    assert (document.patching.stream, document.patching.back) == ("mlp", True)
    assert (document.components.shown_as, document.components.column, document.components.descending) == (
        "table", "direct", False,
    )  # fmt: skip
    assert (document.continuation.tokens, document.continuation.temperature, document.continuation.seed) == (5, 0.7, 3)
    assert (document.paths.paths, document.paths.mode) == ("L0H2 > logits", "patch")
    assert commands.show_patching(document, back=False).patching.stream == "mlp"
