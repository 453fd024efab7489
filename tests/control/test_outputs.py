"""What the outputs panel is told, from a document and answers. Numbers are worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpviz.control import runs
from interpviz.control.outputs import OutputsController, OutputsPicture
from interpviz.core import experiments
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.logits import Measured, difference, divergence
from interpviz.core.requests import (
    AttributionRequest,
    PatchingEstimateRequest,
    RunRequest,
    SweepRequest,
    TargetRequest,
    VocabularyRequest,
)
from interpviz.core.results import Effects, Reference, RunResult, Target, Tokens, Vocabulary
from interpviz.core.sites import Site
from tests.control.desks import DOCUMENT, MODEL
from tests.control.test_panels import picture_of

HEAD, MLP = Site(1, "head", 2), Site(0, "mlp_out")
CUT = experiments.add_intervention(DOCUMENT, Intervention(HEAD))
TOKENS = Tokens(np.array([0, 1], np.int32), ("<bos>", "a"))
CLEAN_LOGITS, EDITED_LOGITS = (0.0, 0.0, 2.0, 1.0, 0.0), (0.0, 0.0, 1.0, 1.0, 0.0)


def run(*logits: float, **more: Any) -> RunResult:
    return replace(RunResult(TOKENS, np.array(logits, np.float32), None, None, 0.01), **more)


def drawn(*draws: tuple[float, ...]) -> RunResult:
    rows = np.array(draws, np.float32)
    return run(*rows.mean(axis=0), draws=rows)


def of_head(value: float) -> Effects:
    return Effects((HEAD,), np.array([value], np.float32), 1.0)


ANSWERS: dict[Any, Any] = {
    runs.clean_run(DOCUMENT): run(*CLEAN_LOGITS),
    RunRequest: run(*EDITED_LOGITS),
    VocabularyRequest: Vocabulary(("<bos>", "a", " x", " y", "z")),
    TargetRequest: Target(2, 3),
    AttributionRequest: of_head(0.25),
    PatchingEstimateRequest: of_head(0.5),
    SweepRequest: Effects((), np.zeros(0, np.float32), 0.0),
}


def outputs(document: Document = CUT, more: dict[Any, Any] | None = None) -> OutputsPicture:
    """What is told once everything is answered."""
    shown: OutputsPicture = picture_of(OutputsController, "outputs", ANSWERS | (more or {}), document).pictures[-1]
    return shown


def test_the_logit_difference_is_told_before_and_after_the_cut():
    picture = outputs()
    assert (picture.left_difference, picture.right_difference) == (Measured(1.0), Measured(0.0))
    assert (picture.left, picture.right) == ("clean", "edited")


def test_the_divergence_of_the_edited_from_the_clean_answer_is_told():
    p = np.exp(CLEAN_LOGITS) / np.exp(CLEAN_LOGITS).sum()
    q = np.exp(EDITED_LOGITS) / np.exp(EDITED_LOGITS).sum()
    told = outputs().kl
    assert told is not None
    assert told.value == pytest.approx(sum(p * np.log(p / q)), abs=1e-6)


def test_without_edits_the_clean_run_stands_alone():
    picture = outputs(DOCUMENT)
    assert (picture.right_difference, picture.kl, picture.edits, picture.pending) == (None, None, (), False)


def test_target_and_distractor_stand_first_and_the_rest_by_probability():
    rows = outputs().rows
    assert [(row.text, row.role) for row in rows[:2]] == [(" x", "target"), (" y", "distractor")]
    assert [row.right_logit for row in rows[:3]] == [1.0, 1.0, 0.0]


def test_without_a_distractor_the_difference_is_the_log_probability_of_the_target():
    alone = outputs(replace(CUT, distractor=""), {TargetRequest: Target(2, None)}).left_difference
    assert alone is not None
    assert alone.value == pytest.approx(2 - np.log(3 + np.exp(2) + np.exp(1)))


def test_every_tier_of_the_selected_component_is_told():
    sweep = SweepRequest(MODEL, CUT.prompt, " x", " y", 1)
    assert outputs(CUT, {sweep: of_head(-1.0)}).component == "L1H2: direct +0.250, attributed +0.500, cut −1.000 nats"


def test_a_panel_without_a_model_says_what_to_do():
    assert picture_of(OutputsController, "outputs", {}, Document()).sentences[-1].startswith("Open a model")


def test_a_refused_prompt_shows_its_sentence_in_place_of_an_answer():
    refused = {runs.clean_run(DOCUMENT): InterpvizError("The prompt has 70 tokens; toy reads 64.")}
    view = picture_of(OutputsController, "outputs", ANSWERS | refused, DOCUMENT)
    assert view.sentences[-1] == "The prompt has 70 tokens; toy reads 64."


def test_a_refused_edit_leaves_the_clean_run_under_its_sentence():
    picture = outputs(CUT, {runs.edited_run(CUT): InterpvizError("L1H2 has no position 99.")})
    assert (picture.problem, picture.pending, picture.kl) == ("L1H2 has no position 99.", False, None)
    assert picture.left_difference == Measured(1.0)


# Experiments beside each other


def kept() -> Document:
    """The experiment "heads" cuts L1H2, "mlps" L0M; nothing is edited at present."""
    document = DOCUMENT
    for site, name in ((HEAD, "heads"), (MLP, "mlps")):
        document = experiments.add_intervention(replace(document, interventions=frozenset()), Intervention(site))
        document = experiments.save_experiment(document, name)
    return replace(document, interventions=frozenset())


def test_two_experiments_stand_under_their_names():
    document = experiments.compare_experiments(kept(), "heads", "mlps")
    of_heads = {runs.experiment_run(document, "heads"): run(0.0, 0.0, 3.0, 1.0, 0.0)}
    picture = outputs(document, of_heads)
    assert (picture.left, picture.right, picture.compared) == ("heads", "mlps", True)
    assert (picture.left_difference, picture.right_difference) == (Measured(2.0), Measured(0.0))
    assert picture.edits == ("L0M:zero",)


def test_the_present_edits_are_called_so_beside_an_experiment():
    document = experiments.compare_experiments(kept(), "heads", "")
    assert (outputs(document).left, outputs(document).right) == ("heads", "present edits")


def test_an_experiment_beside_itself_does_not_differ():
    picture = outputs(experiments.compare_experiments(kept(), "heads", "heads"))
    assert picture.kl == Measured(0.0)


# Draws of resample


def test_the_metric_is_averaged_over_draws_and_not_taken_of_the_mean_logits():
    told = difference(drawn((0.0, np.log(3)), (0.0, -np.log(3))), Target(0, None))
    quarter, three_quarters = np.log(0.25), np.log(0.75)
    assert told.value == pytest.approx((quarter + three_quarters) / 2, abs=1e-6)  # of the mean logits: log 0.5
    assert told.spread == pytest.approx((three_quarters - quarter) / 2, abs=1e-6)
    assert told.draws == 2


def test_the_divergence_is_averaged_over_draws():
    of_second = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    told = divergence(run(0.0, 0.0), drawn((0.0, 0.0), (0.0, np.log(3))))
    assert (told.value, told.spread) == pytest.approx((of_second / 2, of_second / 2), abs=1e-6)


def test_draws_on_both_sides_are_compared_one_after_the_other():
    both = drawn((0.0, 0.0), (0.0, 5.0))
    assert divergence(both, both) == Measured(0.0, 0.0, 2)


def test_a_run_without_draws_has_no_spread():
    assert difference(run(*CLEAN_LOGITS), Target(2, 3)) == Measured(1.0, 0.0, 1)


# Where the answer comes from


@pytest.mark.parametrize(
    ("modes", "told"),
    [
        (("mean",), "mean from demo.acts"),
        (("resample",), "resample from demo.acts"),
        (("resample", "mean"), "mean and resample from demo.acts"),
    ],
)
def test_what_mean_and_resample_draw_from_is_told(modes: tuple[Any, ...], told: str):
    edits = frozenset(Intervention(site, mode) for site, mode in zip((HEAD, MLP), modes, strict=False))
    document = replace(DOCUMENT, interventions=edits)
    answer = run(*EDITED_LOGITS, reference=Reference("demo.acts", 6, "cc"))
    assert outputs(document, {runs.edited_run(document): answer}).reference == told


@pytest.mark.parametrize("road", ["fast", "slow"])
def test_a_run_by_the_slow_path_is_told(road: str):
    assert outputs(CUT, {runs.edited_run(CUT): run(*EDITED_LOGITS, road=road)}).slow == (road == "slow")


# While the answer is on its way
