"""The table of features, from a document and answers. Orders are worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpviz.control.features import FeaturesController, FeaturesPicture, Offer, ordered
from interpviz.control.indexed import effects_request, index_job
from interpviz.control.plan import plan
from interpviz.core import commands
from interpviz.core import feature_commands as acts
from interpviz.core.document import NO_MODEL, Document, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import FeatureTableRequest, Index, NotesRequest
from interpviz.core.feature_results import Notes
from interpviz.core.features import TableColumn
from interpviz.core.requests import SweepRequest
from interpviz.core.results import Effects
from interpviz.core.sites import Site
from tests.control.desks import View
from tests.control.feature_samples import ANSWERS, HOOK, INDEXED, SAE, TABLE, floats, other_cache
from tests.control.test_panels import picture_of

EFFECTS = Effects(
    (Site(-1, "feature", 4, dictionary="sae"), Site(-1, "feature", 0, dictionary="sae")), floats(-2.0, 0.5), 1.0
)


def shown(document: Document, answers: dict[Any, Any] | None = None) -> View:
    only = replace(document, panels=frozenset({"features"}))
    return picture_of(FeaturesController, "features", ANSWERS | {SweepRequest: EFFECTS} | (answers or {}), only)


def picture(document: Document, answers: dict[Any, Any] | None = None) -> FeaturesPicture:
    found: FeaturesPicture = shown(document, answers).pictures[-1]
    return found


@pytest.mark.parametrize(
    ("column", "descending", "order"),
    [
        ("maximum", True, [1, 4, 5, 3, 0, 2]),
        ("maximum", False, [2, 0, 3, 5, 1, 4]),
        ("density", True, [0, 3, 5, 1, 4, 2]),
        ("feature", True, [5, 4, 3, 2, 1, 0]),
        ("score", True, [0, 4, 3, 1, 2, 5]),
        ("score", False, [3, 4, 0, 1, 2, 5]),
        ("top_token", False, [3, 4, 1, 0, 5, 2]),
        ("top_token", True, [0, 5, 1, 4, 3, 2]),
        ("label", False, [4, 1, 0, 3, 2, 5]),
        ("effect", True, [0, 4, 1, 2, 3, 5]),
    ],
)
def test_rows_are_sorted_and_what_has_no_value_stands_last(column: TableColumn, descending: bool, order: list[int]):
    assert picture(acts.sort_features(INDEXED, column, descending)).order.tolist() == order


def test_sorting_is_that_of_python_for_any_floats():
    rng = np.random.default_rng(0)
    keys = rng.choice([-3.5, -0.0, 0.0, 1e-30, 2.0, np.nan, np.inf, -np.inf], 500).astype(np.float32)
    for descending in (True, False):
        sign = -1 if descending else 1
        by_hand = sorted(range(500), key=lambda k: (np.isnan(keys[k]), 0 if np.isnan(keys[k]) else sign * keys[k], k))
        assert ordered(keys, descending).tolist() == by_hand


def test_a_filter_and_a_list_narrow_together():
    assert picture(acts.filter_features(INDEXED, "maximum >= 3")).order.tolist() == [1, 4, 5]
    assert picture(acts.show_list(INDEXED, "pets")).order.tolist() == [1, 5, 0]
    assert picture(acts.show_list(INDEXED, "bookmarks")).order.tolist() == [1, 3]
    assert picture(acts.filter_features(acts.show_list(INDEXED, "pets"), "dog")).order.tolist() == [5, 0]
    assert picture(acts.show_list(INDEXED, "gone")).order.tolist() == []


def test_the_filter_sees_what_a_person_named_and_marked():
    assert picture(acts.filter_features(INDEXED, "animals")).order.tolist() == [1]
    assert picture(acts.filter_features(INDEXED, "noted or label ~ 'ape'".replace("'", '"'))).order.tolist() == [1]


def test_a_filter_that_is_wrong_filters_nothing_and_says_why():
    spoilt = replace(INDEXED, features=replace(INDEXED.features, filter="density <"))
    found = picture(spoilt)
    assert len(found.order) == 6
    assert "number" in found.wrong


def test_the_row_of_the_chosen_feature_is_found_where_it_is_shown():
    found = picture(acts.choose_feature(INDEXED, 5))
    assert (found.chosen, found.row(5), found.row(None)) == (5, 2, None)
    assert picture(acts.filter_features(INDEXED, "maximum > 3")).row(5) is None


def test_a_random_feature_is_ever_active_and_the_same_for_the_same_seed():
    found = picture(acts.filter_features(INDEXED, "feature >= 2"))
    chosen = {found.random(seed) for seed in range(40)}
    assert chosen == {3, 4, 5}
    assert found.random(7) == found.random(7)
    assert picture(acts.filter_features(INDEXED, "feature = 2")).random(0) is None


def test_effects_are_measured_only_where_they_are_looked_at():
    asked = effects_request(INDEXED)
    assert asked is not None
    assert asked not in plan(INDEXED)
    assert asked in plan(acts.sort_features(INDEXED, "effect", True))
    assert asked in plan(acts.filter_features(INDEXED, "effect > 0"))
    found = picture(acts.sort_features(INDEXED, "effect", False)).effects
    assert found is not None
    assert np.isnan(found).tolist() == [False, True, True, True, False, True]
    assert (found[0], found[4]) == (0.5, -2.0)


def test_without_a_target_there_is_no_column_of_effects():
    assert picture(replace(INDEXED, target="", distractor="")).effects is None
    assert picture(replace(INDEXED, prompt=Prompt(""))).effects is None


def test_a_step_through_the_rows_sorts_nothing_anew():
    from tests.control.desks import Bench, Engine

    only = replace(INDEXED, panels=frozenset({"features"}))
    with Bench(Engine(ANSWERS), only) as bench:
        view = View()
        bench.desk.attach("features", FeaturesController(bench.desk, view))
        bench.desk.refresh()
        bench.pump.until(lambda: all(bench.desk.answer(one) for one in plan(only)))
        bench.desk.refresh()
        before = view.pictures[-1]
        bench.store.apply(acts.choose_feature, 3)
        assert view.pictures[-1].chosen == 3
        assert view.pictures[-1].order is before.order


def test_without_a_dictionary_opening_one_is_offered():
    offer: Offer = shown(commands.open_cache(Document(), INDEXED.cache)).pictures[-1]  # type: ignore[arg-type]
    assert offer.does == "dictionary"
    assert "Open one first." in offer.sentence


def test_without_an_index_building_one_is_offered():
    offer: Offer = shown(replace(INDEXED, indices=())).pictures[-1]
    assert (offer.does, offer.job) == ("index", Index("/d/sae", "toy", "c.acts"))
    assert "There is no index of sae yet. Build one" in offer.sentence
    assert (offer.dictionary, offer.dictionaries) == ("sae", ("sae",))


def test_an_index_of_another_dictionary_is_told_apart():
    assert INDEXED.index is not None
    stranger = replace(INDEXED.index, dictionary_sha256="ff", dictionary="else")
    offer: Offer = shown(replace(INDEXED, indices=(stranger,))).pictures[-1]
    assert offer.sentence.startswith(f"{stranger.name} is an index of else, which is not open. Open it. There is no")
    offer = shown(replace(INDEXED, dictionaries=(), indices=(stranger,))).pictures[-1]
    assert (offer.sentence, offer.does) == (
        f"{stranger.name} is an index of else, which is not open. Open it.",
        "dictionary",
    )


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (replace(INDEXED, model=None), "Open the model that sae belongs to"),
        (replace(INDEXED, cache=None), f"Open a cache of toy that holds {HOOK}"),
        (other_cache(INDEXED, model_sha256=NO_MODEL), "not known which model made c.acts"),
        (other_cache(INDEXED, sites=("blocks.1.hook_resid_post",)), f"c.acts does not hold {HOOK}, which sae reads"),
        (Document(), "Open a dictionary first"),
    ],
)
def test_what_an_index_lacks_is_said_in_a_sentence(document: Document, says: str):
    job = index_job(document)
    assert isinstance(job, str)
    assert says in job


def test_an_index_of_another_model_is_shown_under_a_sentence():
    assert INDEXED.index is not None
    other = replace(INDEXED, indices=(replace(INDEXED.index, model_sha256="ff"),))
    assert "was built with another model than toy" in picture(other).problem
    assert picture(other_cache(INDEXED, sha256="dd")).problem.startswith("The examples are from c.acts, not from")


def test_what_went_wrong_with_index_or_notes_is_said():
    assert shown(INDEXED, {FeatureTableRequest: InterpvizError("No index. Build one.")}).sentences[-1] == (
        "No index. Build one."
    )
    found = picture(INDEXED, {NotesRequest: InterpvizError("No notes. Move the file.")})
    assert (found.problem, found.notes) == ("No notes. Move the file.", Notes())
    assert found.table is TABLE


def test_notes_that_were_put_aside_are_said_to_be():
    assert picture(INDEXED, {NotesRequest: Notes(problem="Put aside.")}).problem == "Put aside."


def test_several_dictionaries_can_be_chosen_from():
    both = commands.open_dictionary(INDEXED, replace(SAE, name="other", sha256="07"))
    found = picture(acts.choose_dictionary(both, "sae"))
    assert (found.dictionaries, found.dictionary) == (("sae", "other"), SAE)
