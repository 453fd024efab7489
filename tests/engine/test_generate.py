"""Continuations under edits, beside a loop that runs everything anew for each token, by plain hooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.requests import GenerateRequest, RunRequest
from interpviz.core.results import Continuation
from tests.engine import tiny
from tests.engine.pairs import Pair
from tests.engine.plain_hooks import Plain

TEXT, CONTRAST, COUNT = "c e g c i", "c b g c i", 8
EDITS = (
    ("L1H1",),
    ("L1H1", "L0M:scale:0.5", "L2H@-1"),
    ("L1K0:scale:2", "L2N3:clamp:1.5"),
    ("L0R:patch@2",),
    ("L1A:patch",),
    ("L1H2[4<2]",),
    pytest.param(("L0H1:mean", "L1M:mean@1-2"), marks=pytest.mark.slow),
)


@pytest.fixture(scope="module", params=["llama", "gpt2", "neox", "llama-slow"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    name, _, slow = request.param.partition("-")
    pair = Pair.open(tiny.save(getattr(tiny, name)(), tmp_path_factory.mktemp(request.param)))
    pair.model.tokenizer.eos_token = None  # these models would end at once
    if slow:
        pair.model.blocks = None
    return pair


def generated(pair: Pair, *texts: str, **more: Any) -> Continuation:
    edits = frozenset(map(Intervention.parse, texts))
    sources = Sources(contrast=Prompt(CONTRAST))
    asked: dict[str, Any] = {"count": COUNT, "sources": sources} | more
    found: Continuation = pair.engine.compute(GenerateRequest(pair.facts, Prompt(TEXT), edits, **asked))
    return found


@pytest.mark.parametrize("texts", EDITS)
def test_each_token_is_that_of_a_run_without_cache(pair: Pair, texts: tuple[str, ...], letters: Path) -> None:
    ids, length = pair.ids(TEXT), len(pair.ids(TEXT))
    plain = Plain(pair.model.bridge, pair.contexts(letters.read_text("utf-8")), pair.ids(CONTRAST), {})
    edits = [_of_the_prompt(Intervention.parse(text), length) for text in texts]
    found = generated(pair, *texts)
    for step in range(COUNT):
        logits = plain.logits(ids, edits)[-1]
        top = logits.topk(10)
        assert found.ids[step] == int(top.indices[0])
        assert found.top_logits[step] == pytest.approx(top.values.numpy(), abs=1e-4)
        assert found.log_probability[step] == pytest.approx(float(logits.log_softmax(-1).max()), abs=1e-4)
        ids = [*ids, int(found.ids[step])]
    assert found.road == ("slow" if pair.model.blocks is None else "fast")


def test_the_first_token_is_what_the_edited_run_says_next(pair: Pair) -> None:
    found = generated(pair, "L1H1", count=1)
    run = pair.engine.compute(RunRequest(pair.facts, Prompt(TEXT), frozenset({Intervention.parse("L1H1")})))
    assert found.ids.tolist() == [int(run.logits.argmax())]


def test_attention_may_be_frozen_on_the_prompt(pair: Pair) -> None:
    held = generated(pair, "L0M", freeze=True)
    ids, frozen = pair.ids(TEXT), Plain(pair.model.bridge, [], [], {})
    logits = frozen.logits(ids, [Intervention.parse("L0M")], freeze=True)[-1]
    assert held.top_logits[0] == pytest.approx(logits.topk(10).values.numpy(), abs=1e-4)
    assert len(held.ids) == COUNT


def test_fast_and_slow_roads_agree_under_frozen_attention(tmp_path: Path) -> None:
    pair = Pair.open(tiny.save(tiny.llama(), tmp_path))
    pair.model.tokenizer.eos_token = None
    fast = generated(pair, "L0M", freeze=True)
    pair.model.blocks = None
    slow = generated(pair, "L0M", freeze=True)
    assert (fast.road, slow.road) == ("fast", "slow")
    assert fast.ids.tolist() == slow.ids.tolist()
    assert fast.top_logits == pytest.approx(slow.top_logits, abs=1e-4)


def test_a_seed_draws_the_same_tokens_again_and_another_others(llama: Pair) -> None:
    llama.model.tokenizer.eos_token = None
    drawn = [generated(llama, temperature=2.0, seed=seed).ids.tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_tokens_are_drawn_as_often_as_they_are_likely(llama: Pair) -> None:
    llama.model.tokenizer.eos_token = None
    logits = llama.engine.compute(RunRequest(llama.facts, Prompt(TEXT))).logits
    expected = torch.softmax(torch.from_numpy(logits) / 3.0, 0).numpy()
    draws = [generated(llama, temperature=3.0, seed=seed, count=1).ids[0] for seed in range(400)]
    often = np.bincount(draws, minlength=len(expected)) / len(draws)
    assert np.abs(often - expected).max() < 0.1


def test_a_continuation_ends_where_the_model_ends_the_text_or_the_context_is_full(llama: Pair) -> None:
    llama.model.tokenizer.eos_token = None
    assert len(generated(llama, count=1000).ids) == llama.facts.context - len(llama.ids(TEXT))
    assert generated(llama, count=1000).ended
    assert not generated(llama, count=2).ended
    second = int(generated(llama, count=2).ids[1])
    llama.model.tokenizer.eos_token = llama.model.tokenizer.convert_ids_to_tokens(second)
    stopped = generated(llama)
    assert (stopped.ended, int(stopped.ids[-1])) == (True, second)


def test_what_is_there_is_handed_over_token_by_token(llama: Pair) -> None:
    llama.model.tokenizer.eos_token = None
    seen: list[list[int]] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if isinstance(partial, Continuation):
            seen.append(partial.ids.tolist())

    asked = GenerateRequest(llama.facts, Prompt(TEXT), count=3)
    final = llama.engine.compute(asked, report)
    assert seen == [final.ids[: k + 1].tolist() for k in range(3)]


def test_a_cancelled_continuation_stops(llama: Pair) -> None:
    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if isinstance(partial, Continuation):
            raise Cancelled

    with pytest.raises(Cancelled):
        llama.engine.compute(GenerateRequest(llama.facts, Prompt(TEXT)), report)


def test_an_edit_that_changes_nothing_is_refused(llama: Pair) -> None:
    with pytest.raises(InterpvizError, match="L1H1:scale:1 changes nothing"):
        generated(llama, "L1H1:scale:1")


def _of_the_prompt(edit: Intervention, length: int) -> Intervention:
    """The edit with its positions counted from the start; a patch has those of the prompt."""
    from dataclasses import replace

    if edit.positions is None:
        return replace(edit, positions=tuple(range(length))) if edit.mode == "patch" else edit
    return replace(edit, positions=tuple(position % length for position in edit.positions))


def test_the_coldest_draw_is_the_likeliest_and_no_numbers_are_a_sentence(llama: Pair) -> None:
    llama.model.tokenizer.eos_token = None
    assert generated(llama, temperature=1e-40).ids.tolist() == generated(llama).ids.tolist()
    with pytest.raises(InterpvizError, match="no finite"):
        generated(llama, "L0R:scale:1e30", "L1R:scale:1e30")


def test_logits_that_are_no_numbers_are_a_sentence(llama: Pair) -> None:
    edits = frozenset(map(Intervention.parse, ("L0R:scale:1e30", "L1R:scale:1e30")))
    with pytest.raises(InterpvizError, match="the logits are no finite numbers"):
        llama.engine.compute(RunRequest(llama.facts, Prompt(TEXT), edits))
