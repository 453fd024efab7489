"""A finished sweep answers the clicks on its components; only where it cut them as a click does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpviz.control.effects import sweep_requests
from interpviz.control.implied import remember
from interpviz.control.memo import Memo
from interpviz.control.runs import edited_run
from interpviz.core import commands, experiments
from interpviz.core.document import Prompt, Sources
from interpviz.core.interventions import Intervention
from interpviz.core.requests import Request, RunRequest, SweepRequest
from interpviz.core.results import Effects, RunResult, Tokens, nbytes
from interpviz.core.sites import Site
from tests.control.desks import DOCUMENT, MODEL, Bench, Engine

CLEAN = RunRequest(MODEL, DOCUMENT.prompt)
LATE, _ = sweep_requests(DOCUMENT)
SITES = MODEL.components()[4:]  # of layer 1
VOCAB = 5
TOKENS = Tokens(np.array([0, 1, 2], np.int32), ("<bos>", "a", " b"))
ANSWER = RunResult(TOKENS, np.arange(VOCAB, dtype=np.float32), None, None, 0.25)


def swept(sites: tuple[Site, ...] = SITES) -> Effects:
    """Row k of the logits is k + 1 everywhere."""
    logits = np.repeat(np.arange(1, len(sites) + 1, dtype=np.float32)[:, None], VOCAB, axis=1)
    return Effects(sites, np.zeros(len(sites), np.float32), 1.0, logits, seconds=2.0)


def single(site: Site, **changes: Any) -> RunRequest:
    return replace(CLEAN, interventions=frozenset({Intervention(site, **changes)}))


def remembered(request: SweepRequest = LATE, known: tuple[tuple[Request, Any], ...] = ((CLEAN, ANSWER),)) -> Memo:
    """A memo that knows these, after this sweep."""
    memo = Memo()
    for asked, answer in known:
        memo.put(asked, answer)
    remember(memo, request, swept())
    return memo


def runs_in(memo: Memo) -> int:
    """How many of the sites' lone cuts are known."""
    return sum(single(site) in memo for site in SITES)


@pytest.fixture
def bench() -> Any:
    other = Effects((), np.zeros(0, np.float32), 1.0)
    shown = replace(DOCUMENT, panels=frozenset({"outputs", "components"}))
    with Bench(Engine({CLEAN: ANSWER, LATE: swept(), SweepRequest: other, RunRequest: ANSWER}), shown) as bench:
        bench.desk.refresh()
        bench.pump.until(lambda: bench.desk.settled)
        yield bench


@pytest.mark.parametrize("row", range(len(SITES)))
def test_a_click_on_a_component_that_was_swept_asks_for_no_run(bench: Bench, row: int):
    bench.store.apply(commands.toggle_intervention, SITES[row])
    asked = edited_run(bench.store.document)
    bench.pump.until(lambda: bench.desk.settled)
    assert asked == single(SITES[row])
    assert bench.desk.answer(asked).logits.tolist() == [row + 1.0] * VOCAB
    assert [r for r in bench.engine.asked if isinstance(r, RunRequest)] == [CLEAN]


@pytest.mark.parametrize(
    "act",
    [
        lambda d: commands.toggle_intervention(d, SITES[0], "mean"),
        lambda d: experiments.add_intervention(d, Intervention(SITES[0], positions=(1,))),
        lambda d: experiments.add_intervention(d, Intervention(SITES[0], "scale", 0.0)),
        lambda d: experiments.freeze_attention(commands.toggle_intervention(d, SITES[0]), True),
        lambda d: commands.ablate(d, SITES[:2]),
        lambda d: commands.toggle_intervention(commands.set_prompt(d, "b a"), SITES[0]),
        lambda d: commands.toggle_intervention(d, Site(0, "head", 1)),  # its layer's sweep kept no logits
    ],
)
def test_what_the_sweep_did_not_run_is_asked_for(bench: Bench, act: Any):
    bench.store.apply(act)
    asked = edited_run(bench.store.document)
    bench.pump.until(lambda: bench.desk.settled)
    assert asked in bench.engine.asked


def test_what_follows_from_a_sweep_is_the_clean_run_with_other_logits():
    result: RunResult = remembered().get(single(SITES[2]))
    assert result.logits.tolist() == [3.0] * VOCAB
    assert (result.tokens, result.loss, result.reference, result.road) == (TOKENS, None, None, "fast")
    assert result.seconds == 2.0  # what the sweep took, not what the clean run did


@pytest.mark.parametrize(
    "request_",
    [
        replace(LATE, mode="mean"),
        replace(LATE, mode="resample"),
        replace(LATE, mode="patch", sources=Sources(contrast=Prompt("a c"))),
        replace(LATE, sources=Sources(seed=1)),
        replace(LATE, prompt=Prompt("b a")),
        replace(LATE, model=replace(MODEL, sha256="bb")),
    ],
)
def test_a_sweep_that_cut_otherwise_or_elsewhere_answers_no_click(request_: SweepRequest):
    memo = remembered(request_)
    assert runs_in(memo) == 0
    assert memo.get(request_).sites == SITES


def test_the_metric_that_was_followed_does_not_matter_to_a_click():
    assert runs_in(remembered(replace(LATE, target=" z", distractor=""))) == len(SITES)


def test_before_the_clean_run_is_known_nothing_follows():
    assert runs_in(remembered(known=())) == 0


def test_logits_are_held_once_and_each_row_can_be_forgotten_by_itself():
    memo = remembered()
    kept: Effects = memo.get(LATE)
    assert (kept.logits, kept.sites) == (None, SITES)
    rows = [memo.get(single(site)).logits for site in SITES]
    assert all(row.base is None for row in rows), "a row should not hold the whole sweep"
    one = nbytes(replace(ANSWER, logits=rows[0]))
    assert memo.held == nbytes(ANSWER) + len(SITES) * one + nbytes(replace(swept(), logits=None))


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_the_memo_stays_within_its_bytes(runs: int):
    one, effects = nbytes(ANSWER), nbytes(replace(swept(), logits=None))
    memo = Memo(limit=runs * one + effects)
    memo.put(CLEAN, ANSWER)
    remember(memo, LATE, swept())
    assert memo.held == runs * one + effects
    assert [single(site) in memo for site in SITES] == [False] * (4 - runs) + [True] * runs
    assert LATE in memo
