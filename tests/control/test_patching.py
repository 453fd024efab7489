"""The patching grid, from a document and answers. Two layers, three tokens of which the middle one differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpviz.control.effects import patching_requests
from interpviz.control.patching import PatchingController, PatchingPicture
from interpviz.control.plan import contrast_request, tokens_request
from interpviz.core import commands
from interpviz.core.document import Document, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.requests import PatchingRequest
from interpviz.core.results import PatchingRow, Tokens
from tests.control.desks import DOCUMENT, MODEL, Bench, Engine, View
from tests.control.test_panels import picture_of

BOTH = commands.set_contrast(DOCUMENT, "a c")
LATE, EARLY = patching_requests(BOTH)
PROMPT, CONTRAST = tokens_request(BOTH), contrast_request(BOTH)


def tokens(*texts: str) -> Tokens:
    """Words of one letter, whose ids are their letters."""
    return Tokens(np.array([ord(text[-1]) for text in texts], np.int32), texts)


def row(layer: int, *values: float) -> PatchingRow:
    return PatchingRow(layer, np.array(values, np.float32), 3.0, -1.0)


ANSWERS: dict[Any, Any] = {
    PROMPT: tokens("<s>", " b", " z"),
    CONTRAST: tokens("<s>", " c", " z"),
    LATE: row(1, 0.0, 0.25, 1.0),
    EARLY: row(0, 0.0, 0.75, -0.5),
}


def told(document: Document, answers: dict[Any, Any] | None = None) -> View:
    return picture_of(PatchingController, "patching", ANSWERS | (answers or {}), document)


def patching(document: Document = BOTH, answers: dict[Any, Any] | None = None) -> PatchingPicture:
    shown: PatchingPicture = told(document, answers).pictures[-1]
    return shown


def test_a_row_is_a_layer_and_a_column_a_token():
    picture = patching()
    assert picture.grid is not None
    np.testing.assert_array_equal(picture.grid.values, [[0, 0.75, -0.5], [0, 0.25, 1]])
    assert (picture.grid.rows, picture.grid.limits) == (("L0", "L1"), (0.0, 1.0))
    assert picture.done == 1


def test_a_token_that_differs_is_shown_in_both_wordings():
    picture = patching()
    assert picture.grid is not None
    assert picture.grid.columns == ("<s>", " b/ c", " z")
    assert picture.differing == {1}


def test_tokens_of_one_text_but_two_ids_differ():
    other = replace(tokens("<s>", " b", " z"), ids=np.array([ord(">"), 7, ord("z")], np.int32))
    assert patching(answers={CONTRAST: other}).differing == {1}


def test_both_metrics_are_told_as_soon_as_one_row_is_there():
    assert (patching().prompt, patching().contrast) == (3.0, -1.0)


def test_the_grid_fills_row_by_row_and_within_a_row():
    engine = Engine(ANSWERS)
    engine.parts[EARLY] = row(0, 0.0, np.nan, np.nan)
    begun, go_on = engine.hold(EARLY)
    with Bench(engine, replace(BOTH, panels=frozenset({"prompt", "patching"}))) as bench:
        view = View()
        bench.desk.attach("patching", PatchingController(bench.desk, view))
        shares: list[float] = []
        bench.scheduler.partial.connect(lambda request, _: shares.append(view.pictures[-1].done))
        bench.desk.refresh()
        bench.pump.until(lambda: bench.desk.answer(LATE) is not None)
        assert (view.pictures[-1].done, view.pictures[-1].prompt) == (0.5, 3.0)
        assert begun.wait(20)
        go_on.set()
        bench.pump.until(lambda: bench.desk.answer(EARLY) is not None)
        assert shares[-1] == pytest.approx(4 / 6)
        assert view.pictures[-1].done == 1


def test_before_the_prompts_are_cut_there_is_no_grid_yet():
    with Bench(Engine(), BOTH) as bench:
        view = View()
        bench.desk.attach("patching", PatchingController(bench.desk, view))
    picture = view.pictures[-1]
    assert (picture.grid, picture.tokens, picture.prompt, picture.done) == (None, (), None, 0)


def test_stream_and_direction_are_those_of_the_document():
    picture = patching(commands.show_patching(BOTH, "mlp", True), {PatchingRequest: row(0, 1.0, 0.0, 1.0)})
    assert (picture.stream, picture.back, picture.mlps) == ("mlp", True, True)
    assert not patching(replace(BOTH, model=replace(MODEL, d_mlp=0)), asking_without_mlps()).mlps


def asking_without_mlps() -> dict[Any, Any]:
    """Answers for a model without MLPs: another model's tokens are other requests."""
    document = replace(BOTH, model=replace(MODEL, d_mlp=0))
    return {
        tokens_request(document): ANSWERS[PROMPT],
        contrast_request(document): ANSWERS[CONTRAST],
        PatchingRequest: row(0, 1.0, 0.0, 1.0),
    }


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (Document(), "Open a model"),
        (replace(BOTH, prompt=Prompt("")), "Type a prompt"),
        (replace(BOTH, target="", distractor=""), "Name a target"),
        (DOCUMENT, "Type a contrast prompt of the same length that differs in what matters"),
    ],
)
def test_what_is_lacking_is_asked_for(document: Document, sentence: str):
    assert told(document).sentences[-1].startswith(sentence)


@pytest.mark.parametrize(
    ("contrast", "sentence"),
    [
        (("<s>", " c"), "They differ from token 1 on, ' b' against ' c'."),
        (("<s>", " b"), "They differ from token 2 on, where the shorter one ends."),
    ],
)
def test_prompts_of_other_lengths_are_counted_and_their_first_difference_named(
    contrast: tuple[str, ...], sentence: str
):
    said = told(BOTH, {CONTRAST: tokens(*contrast)}).sentences[-1]
    assert said.startswith("The prompt has 3 tokens and the contrast 2 tokens, and patching needs as many in both.")
    assert sentence in said


def test_a_contrast_that_is_the_prompt_has_nothing_to_patch():
    assert told(BOTH, {CONTRAST: ANSWERS[PROMPT]}).sentences[-1].startswith("The contrast is the prompt itself.")


def test_what_went_wrong_is_said():
    refused = InterpvizError("The prompt has 70 tokens; toy reads 64.")
    assert patching(answers={EARLY: refused}).problem == str(refused)
