"""What the continuation panel is told: both sides, where they part, and how far they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpviz.control.continuation import ContinuationController, ContinuationPicture, Side, first_difference
from interpviz.control.plan import plan
from interpviz.control.runs import continuation
from interpviz.core import commands, experiments
from interpviz.core.document import Document, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.results import Continuation, Road
from interpviz.core.sites import Site
from tests.control.desks import DOCUMENT, Bench, Engine, View

CUT = commands.toggle_intervention(DOCUMENT, Site(1, "head", 2))
CLEAN, EDITED = continuation(CUT, "clean"), continuation(CUT, "")


def said(*ids: int, ended: bool = False, road: Road = "fast") -> Continuation:
    """A continuation by these tokens, each the likeliest of ten."""
    steps = len(ids)
    return Continuation(
        ids=np.array(ids, np.int32),
        texts=tuple(f" {token}" for token in ids),
        top_ids=np.array([[token, *range(100, 109)] for token in ids], np.int32).reshape(steps, 10),
        top_texts=tuple((f" {token}", *"abcdefghi") for token in ids),
        top_logits=np.tile(np.arange(10, 0, -1, dtype=np.float32), (steps, 1)),
        log_probability=np.full(steps, np.log(0.5), np.float32),
        ended=ended,
        seconds=0.25,
        road=road,
    )


def told(document: Document, engine: Engine) -> View:
    """Everything the panel was told until all that the document needs was answered."""
    view = View()
    document = replace(document, panels=frozenset({"continuation"}))
    with Bench(engine, document) as bench:
        bench.desk.attach("continuation", ContinuationController(bench.desk, view))
        ended: set[Any] = set()
        bench.scheduler.ended.connect(lambda request: ended.add(request))
        bench.desk.refresh()
        bench.pump.until(lambda: ended >= set(plan(document)))
    return view


def last(document: Document, answers: dict[Any, Any]) -> ContinuationPicture:
    shown: ContinuationPicture = told(document, Engine(answers)).pictures[-1]
    return shown


def test_clean_stands_left_of_edited_and_the_first_difference_is_told():
    picture = last(CUT, {CLEAN: said(1, 2, 3), EDITED: said(1, 4, 3)})
    assert [side.name for side in picture.sides] == ["clean", "edited"]
    assert [list(side.continuation.ids) for side in picture.sides if side.continuation] == [[1, 2, 3], [1, 4, 3]]
    assert picture.differs == 1


def test_without_edits_there_is_one_side_and_a_sentence_on_how_to_get_the_other():
    picture = last(DOCUMENT, {CLEAN: said(1)})
    assert [side.name for side in picture.sides] == ["clean"]
    assert picture.differs is None
    assert picture.hint.startswith("Nothing is edited. Cut a component")


def test_two_compared_experiments_stand_under_their_names():
    document = experiments.save_experiment(CUT, "movers")
    picture = last(experiments.compare_experiments(document, "movers", "clean"), {CLEAN: said(1), EDITED: said(2)})
    assert [side.name for side in picture.sides] == ["movers", "clean"]
    assert [int(side.continuation.ids[0]) for side in picture.sides if side.continuation] == [2, 1]


def test_compared_experiments_of_the_same_edits_are_told_to_go_on_alike():
    document = experiments.save_experiment(CUT, "movers")
    picture = last(experiments.compare_experiments(document, "movers", ""), {EDITED: said(2)})
    assert [side.name for side in picture.sides] == ["movers"]
    assert "same edits" in picture.hint


def test_tokens_are_shown_as_they_are_produced():
    engine = Engine({CLEAN: said(1, 2, 3), EDITED: said(1, 4, 3)})
    engine.parts = {CLEAN: said(1), EDITED: said(1, 4)}
    pictures = told(CUT, engine).pictures
    assert (1, True) in [(picture.sides[0].length, picture.sides[0].pending) for picture in pictures]
    assert (2, True) in [(picture.sides[1].length, picture.sides[1].pending) for picture in pictures]
    assert [(side.length, side.pending) for side in pictures[-1].sides] == [(3, False), (3, False)]


def test_the_status_tells_how_far_each_side_is_and_which_text_ended():
    picture = last(CUT, {CLEAN: said(1, 2, ended=True), EDITED: said(1, 2, 3)})
    assert picture.status == "clean: 2 of 24 tokens, ended, 0.25 s · edited: 3 of 24 tokens, 0.25 s"
    assert not picture.slow


def test_a_side_that_is_on_its_way_says_so():
    engine = Engine({CLEAN: said(1, 2)})
    engine.parts = {CLEAN: said(1)}
    assert "1 of 24 tokens …" in [picture.status for picture in told(DOCUMENT, engine).pictures]


def test_the_slow_path_is_told():
    assert last(CUT, {CLEAN: said(1), EDITED: said(1, road="slow")}).slow


def test_a_side_that_cannot_be_run_leaves_the_other_and_a_sentence():
    picture = last(CUT, {CLEAN: said(1), EDITED: InterpvizError("L1H2 is cut at @9; the prompt has 2 tokens.")})
    assert picture.problem == "L1H2 is cut at @9; the prompt has 2 tokens."
    assert [(side.length, side.pending) for side in picture.sides] == [(1, False), (0, False)]


def test_what_is_asked_stands_in_the_picture():
    document = commands.set_continuation(DOCUMENT, 7, 0.5, 3)
    picture = last(document, {continuation(document, "clean"): said(1)})
    assert (picture.tokens, picture.temperature, picture.seed) == (7, 0.5, 3)


@pytest.mark.parametrize(
    ("left", "right", "differs"),
    [
        (said(1, 2), said(1, 2), None),
        (said(1, 2), said(3, 2), 0),
        (said(1, 2, 3), said(1, 2), None),  # the right is still being produced
        (said(1, 2, 3), said(1, 2, ended=True), 2),
        (said(1, ended=True), said(1, 2), 1),
        (None, said(1), None),
    ],
)
def test_two_sides_part_at_another_token_or_where_one_has_ended(
    left: Continuation | None, right: Continuation, differs: int | None
):
    assert first_difference(Side("a", left, False), Side("b", right, False)) == differs


def test_without_model_or_prompt_the_panel_says_what_to_do():
    nothing = replace(DOCUMENT, prompt=Prompt(""))
    assert told(Document(), Engine()).sentences[-1] == "Open a model to see how it goes on."
    assert told(nothing, Engine()).sentences[-1] == "Type a prompt to see how the model goes on."
