"""The page of a feature, from a document and answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpviz.control.feature_page import FeaturePageController, Kin, PagePicture, row_of, share_below
from interpviz.control.plan import plan
from interpviz.core import experiments
from interpviz.core import feature_commands as acts
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import FeaturePageRequest, NotesRequest
from interpviz.core.feature_results import Notes
from interpviz.core.interventions import Intervention
from interpviz.core.requests import CacheTokensRequest
from interpviz.core.sites import Site
from tests.control.desks import View
from tests.control.feature_samples import ANSWERS, INDEXED, example, other_cache, page
from tests.control.test_panels import picture_of

CHOSEN = acts.choose_feature(INDEXED, 1)


def told(document: Document = CHOSEN, answers: dict[Any, Any] | None = None) -> View:
    only = replace(document, panels=frozenset({"feature"}))
    return picture_of(FeaturePageController, "feature", ANSWERS | (answers or {}), only)


def picture(document: Document = CHOSEN, answers: dict[Any, Any] | None = None) -> PagePicture:
    found: PagePicture = told(document, answers).pictures[-1]
    return found


def test_a_page_joins_the_index_with_what_a_person_noted():
    found = picture()
    assert (found.own, found.automatic, found.score, found.note) == ("animals", "at ' cat'", 0.875, "look again")
    assert (found.bookmarked, found.lists, found.known) == (True, ("pets",), ("pets",))
    assert found.site == Site(-1, "feature", 1, dictionary="sae")
    assert (found.source, found.problem, found.waiting) == ("6 tokens of c.acts", "", False)


def test_its_kin_are_called_what_the_table_calls_them():
    found = picture()
    assert found.neighbours == (Kin(0, 0.75, "at ' dog'"), Kin(3, 0.5, "at '⏎'"))
    assert found.together == (Kin(5, 0.25, ""),)


def test_the_edit_of_the_feature_is_shown_and_that_of_another_is_not():
    edit = Intervention(Site(-1, "feature", 1, dictionary="sae"), "scale", 0.5)
    assert picture(experiments.add_intervention(CHOSEN, edit)).edit == edit
    other = replace(edit, site=replace(edit.site, index=2))
    assert picture(experiments.add_intervention(CHOSEN, other)).edit is None
    assert picture(replace(CHOSEN, model=None)).editable is False


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (CHOSEN, ""),
        (replace(CHOSEN, cache=None), "Open c.acts to make a context of it the prompt."),
        (other_cache(CHOSEN, sha256="dd"), "Open c.acts to make a context of it the prompt."),
        (
            other_cache(CHOSEN, model_sha256="bb"),
            "Recorded from toy of other weights: shown apart from the open model.",
        ),
        (replace(CHOSEN, model=None), "Open the model of the cache to run its contexts."),
    ],
)
def test_why_a_token_cannot_become_the_prompt_is_said(document: Document, says: str):
    assert picture(document).apart == says


def test_the_tokens_of_the_cache_are_asked_for_where_a_click_needs_them():
    only = replace(CHOSEN, panels=frozenset({"feature"}))
    assert any(isinstance(one, CacheTokensRequest) for one in plan(only))
    assert not any(isinstance(one, CacheTokensRequest) for one in plan(other_cache(only, sha256="dd")))
    assert plan(replace(only, features=replace(only.features, feature=None))) == ()


def test_without_an_index_notes_and_edits_remain():
    found = picture(replace(CHOSEN, indices=()))
    assert (found.page, found.own, found.waiting) == (None, "animals", False)
    assert found.problem.startswith("There is no index of sae yet.")


def test_without_a_dictionary_or_a_feature_the_page_says_what_to_do():
    assert told(Document()).sentences[-1] == "Open a dictionary to look at its features."
    assert told(INDEXED).sentences[-1].startswith("Choose a feature in the table")


def test_what_is_wrong_with_the_page_is_said():
    found = picture(answers={FeaturePageRequest: InterpvizError("The index is damaged. Build it again.")})
    assert (found.problem, found.page, found.waiting) == ("The index is damaged. Build it again.", None, False)
    assert picture(answers={NotesRequest: Notes(problem="Put aside.")}).problem == "Put aside."
    assert picture(other_cache(CHOSEN, sha256="dd")).problem.startswith("The examples are from c.acts, not from")


def test_a_token_of_an_example_lies_at_a_row_of_the_cache():
    assert [row_of(example(40), place) for place in range(4)] == [38, 39, 40, 41]


def test_the_share_below_a_value_is_that_of_the_quantiles():
    one = page(quantiles=np.linspace(0, 4, 101, dtype=np.float32))
    assert (share_below(one, 4.0), share_below(one, 2.0), share_below(one, -1.0)) == (1.0, 0.5, 0.0)
