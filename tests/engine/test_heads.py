"""Head scores, beside patterns made by hand and a loop over what plain transformers attends to."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from interpviz.core.errors import InterpvizError
from interpviz.core.paths import resource
from interpviz.core.requests import HeadsRequest
from interpviz.engine.heads import looks_back, repeated
from tests.engine.pairs import Pair


@pytest.mark.parametrize(("offset", "scores"), [(3, [1.0, 0.0, 0.0]), (4, [0.0, 1.0, 0.0]), (1, [0.0, 0.0, 1.0])])
def test_a_perfect_head_scores_one_in_its_own_kind_alone(offset: int, scores: list[float]) -> None:
    pattern = torch.zeros(3, 9, 9)  # a BOS, then four tokens said twice
    for head, back in enumerate((3, 4, 1)):
        pattern[head, range(5, 9), range(5 - back, 9 - back)] = 1.0
    assert looks_back(pattern, period=4, offset=offset).tolist() == pytest.approx(scores)


def test_attention_outside_the_second_copy_does_not_count() -> None:
    pattern = torch.zeros(1, 8, 8)
    pattern[0, range(1, 4), range(3)] = 1.0
    assert looks_back(pattern, period=4, offset=1).tolist() == [0.0]


@pytest.mark.parametrize("length", [0, 7])
def test_a_pattern_shorter_than_two_periods_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="two periods need 8"):
        looks_back(torch.zeros(1, length, length), period=4, offset=3)


def test_a_context_too_short_for_the_sequences_is_a_sentence(llama: Pair) -> None:
    with pytest.raises(InterpvizError, match=r"reads at most 32 tokens, but head scores need 101"):
        llama.engine.compute(HeadsRequest(llama.facts))


@pytest.mark.slow
def test_scores_of_the_demo_are_those_of_a_loop() -> None:
    pair = Pair.open(resource("demo/model"))
    sequences = repeated(pair.model, seed=3)
    scores = pair.engine.compute(HeadsRequest(pair.facts, seed=3))
    expected = np.zeros((3, pair.facts.layers, pair.facts.heads))
    with torch.no_grad():
        for ids in sequences:
            attentions = pair.plain(torch.from_numpy(ids)[None], output_attentions=True).attentions
            for layer, attention in enumerate(attentions):
                for query in range(51, 101):
                    looks = [attention[0, :, query, key].numpy() for key in (query - 49, query - 1, query - 50)]
                    expected[:, layer] += np.stack(looks) / 50 / len(sequences)
    assert [list(ids[1:51]) == list(ids[51:]) and len(set(ids)) == 51 for ids in sequences] == [True] * 8
    for found, wanted in zip((scores.induction, scores.previous_token, scores.duplicate_token), expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-5)


def test_a_vocabulary_too_small_for_distinct_tokens_is_a_sentence(llama: Pair) -> None:
    model = SimpleNamespace(bos=0, facts=replace(llama.facts, context=200), tokenizer=llama.tokenizer)
    with pytest.raises(InterpvizError, match="head scores need 50 different ones"):
        repeated(model, seed=0)  # type: ignore[arg-type]
