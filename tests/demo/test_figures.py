"""The figures are measured as they are defined, and the shipped model reaches what its figures say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace

import pytest
import torch

from resources.demo import corpus, figures, grammar, words
from tests.demo.conftest import MODEL


@dataclass
class InductionModel:
    """One head that looks at the token after the last copy, and says it; on the first copy every token is as likely."""

    config: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(vocab_size=90))

    def __call__(self, tokens, output_attentions):
        batch, length = tokens.shape
        pattern = torch.zeros(1, batch, 1, length, length)
        logits = torch.zeros(batch, length, 90)
        for query in range(figures.PERIOD + 1, length):
            source = query - figures.PERIOD + 1
            pattern[..., query, source] = 1.0
            logits[torch.arange(batch), query, tokens[:, source]] = 100.0
        return SimpleNamespace(logits=logits, attentions=list(pattern))


def test_a_perfect_induction_head_scores_one():
    scores, first, second = figures.on_random_repeats(figures.Subject(InductionModel(), lambda text: [0]))
    assert scores.tolist() == [[1.0]]
    assert first == pytest.approx(torch.log(torch.tensor(90.0)).item())
    assert second < first / 10


def test_a_case_ends_before_its_last_name():
    rng = Random(0)
    for _ in range(300):
        prompt, receiver, giver = figures.indirect_object_case(
            rng, words.HELD_OUT_NAMES, grammar.INDIRECT_OBJECT_TEMPLATES
        )
        assert prompt.count(giver) == 2
        assert prompt.count(receiver) == 1
        assert not prompt.startswith((giver, receiver))


def test_figures_are_written_with_their_bars(tmp_path):
    measured = [figures.Figure("one", 0.5, "90%", False), figures.Figure("two", 4.0)]
    figures.write(measured, torch.full((2, 1), 0.25).numpy(), tmp_path / "figures.json")
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["figures"][0] == {"name": "one", "value": 0.5, "bar": "90%", "reached": False}
    assert written["induction"] == [[0.25], [0.25]]


@pytest.mark.slow
def test_the_shipped_model_is_the_one_its_figures_were_measured_on():
    shipped = json.loads((corpus.HERE / "figures.json").read_text())
    scores, _, second = figures.on_random_repeats(figures.Subject.from_folder(MODEL))
    assert scores.round(2).tolist() == [pytest.approx(layer, abs=0.011) for layer in shipped["induction"]]
    values = {figure["name"]: figure["value"] for figure in shipped["figures"]}
    assert values["loss on the second copy of random repeats, nats"] == pytest.approx(second, abs=0.01)
