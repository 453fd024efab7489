"""The Python surface, against plain transformers on the demo model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interpviz import api
from interpviz.core.errors import InterpvizError
from interpviz.core.paths import resource
from interpviz.core.sites import Site
from tests.engine import oracle

PROMPT = "When Mary and John went to the store, John gave a drink to"


@pytest.fixture(scope="module")
def model() -> api.Model:
    return api.load("demo")


@pytest.fixture(scope="module")
def plain() -> Any:
    """The demo as transformers alone sees it."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(resource("demo/model"), attn_implementation="eager").eval()


def logits(plain: Any, ids: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        values: np.ndarray = plain(torch.from_numpy(ids).long()[None]).logits[0].numpy()
    return values


def documents(seed: int) -> list[list[int]]:
    """The eight contexts of the bundled text that this seed draws, each of 64 tokens with its BOS."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(resource("demo/model"))
    ids = tokenizer(resource("demo/reference.txt").read_text("utf-8"), add_special_tokens=False)["input_ids"]
    pieces = [[tokenizer.bos_token_id, *ids[at : at + 63]] for at in range(0, 32 * 63, 63)]
    return [pieces[row] for row in np.random.default_rng(seed).permutation(32)[:8]]


def with_head_of(plain: Any, model: api.Model, ids: np.ndarray, document: list[int]) -> np.ndarray:
    """Logits (vocab,) at the last token of `ids` with the output of head 1.4 in a document in the place of its own."""
    other = oracle.activations(plain, [Site.parse("L1H")], document)["blocks.1.attn.hook_z"][: len(ids)]
    wide = other.shape[1] // model.facts.heads

    def put(module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        z = given[0].clone()
        z[0, :, 4 * wide : 5 * wide] = other[:, 4 * wide : 5 * wide]
        return (z,)

    hook = plain.model.layers[1].self_attn.o_proj.register_forward_pre_hook(put)
    row: np.ndarray = logits(plain, ids)[-1]
    hook.remove()
    return row


def test_a_clean_run_says_what_transformers_says(model: api.Model, plain: Any) -> None:
    run = model.run(PROMPT, target=" Mary", distractor=" John", loss=True)
    expected = logits(plain, run.token_ids)
    scale = float(np.abs(expected).max())
    assert run.clean.logits == pytest.approx(expected[-1], abs=1e-4 * scale)
    ids = dict(zip(run.tokens, run.token_ids, strict=True))
    difference = expected[-1][ids[" Mary"]] - expected[-1][ids[" John"]]
    assert run.clean.logit_diff == pytest.approx(difference, abs=1e-4 * scale)
    nats = [
        math.log(sum(math.exp(v - row[i]) for v in row)) for row, i in zip(expected, run.token_ids[1:], strict=False)
    ]
    assert run.clean.loss == pytest.approx(sum(nats) / len(nats), abs=1e-3)
    assert (run.edited, run.kl, run.reference, run.interventions) == (None, None, None, ())
    assert (run.road, run.spread) == ("fast", None)


def test_the_top_tokens_are_the_likeliest_with_their_probabilities(model: api.Model) -> None:
    answer = model.run(PROMPT, top=5).clean
    order = sorted(range(len(answer.logits)), key=lambda i: -answer.logits[i])[:5]
    assert [token.id for token in answer.top] == order
    whole = sum(math.exp(float(logit)) for logit in answer.logits)
    for token in answer.top:
        assert token.logit == answer.logits[token.id]
        assert token.prob == pytest.approx(math.exp(token.logit) / whole, rel=1e-5)
        assert token.prob == answer.prob(token.id)
        assert model.vocabulary()[token.id] == token.text


def test_cutting_a_head_equals_zeroing_its_columns_of_the_output_matrix(model: api.Model, plain: Any) -> None:
    run = model.run(PROMPT, ablate=["L1H4"], target=" Mary")
    projection = plain.model.layers[1].self_attn.o_proj
    wide = projection.weight.shape[1] // model.facts.heads

    def cut(module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        z = given[0].clone()
        z[..., 4 * wide : 5 * wide] = 0
        return (z,)

    hook = projection.register_forward_pre_hook(cut)
    expected = logits(plain, run.token_ids)[-1]
    hook.remove()
    assert run.edited is not None
    assert run.edited.logits == pytest.approx(expected, abs=1e-4 * float(np.abs(expected).max()))
    p, q = (np.exp(row - row.max()) / np.exp(row - row.max()).sum() for row in (run.clean.logits, expected))
    assert run.kl == pytest.approx(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)), abs=1e-4)
    mary = dict(zip(run.tokens, run.token_ids, strict=True))[" Mary"]
    assert run.logit_diff == run.edited.logit_diff == pytest.approx(math.log(q[mary]), abs=1e-3)


def test_resample_is_the_mean_over_runs_with_the_heads_of_eight_other_documents(model: api.Model, plain: Any) -> None:
    run = model.run("The king", ablate=["L1H4:resample"], target=" was", seed=3)
    assert run.edited is not None
    drawn = np.array([with_head_of(plain, model, run.token_ids, document) for document in documents(seed=3)])
    assert run.edited.logits == pytest.approx(drawn.mean(0), abs=1e-4 * float(np.abs(drawn).max()))
    p, q = (rows - np.log(np.exp(rows).sum(-1, keepdims=True)) for rows in (run.clean.logits.astype(float), drawn))
    followed = q[:, model.vocabulary().index(" was")]
    assert run.logit_diff == pytest.approx(followed.mean(), abs=1e-3)
    assert run.spread == pytest.approx(math.sqrt(((followed - followed.mean()) ** 2).mean()), abs=1e-3)
    assert run.kl == pytest.approx((np.exp(p) * (p - q)).sum(1).mean(), abs=1e-3)


def test_another_seed_draws_other_documents(model: api.Model) -> None:
    runs = [model.run(PROMPT, ["L1H4:resample"], target=" Mary", distractor=" John", seed=k) for k in (0, 0, 1)]
    assert runs[0].logit_diff == runs[1].logit_diff
    assert runs[0].logit_diff != pytest.approx(runs[2].logit_diff, abs=1e-3)


def test_exact_tokens_take_the_place_of_the_text(model: api.Model) -> None:
    written = model.run(PROMPT)
    exact = model.run("", tokens=written.token_ids)
    assert exact.tokens == written.tokens
    assert np.array_equal(exact.clean.logits, written.clean.logits)


def test_frozen_attention_keeps_an_edit_from_moving_where_later_heads_look(model: api.Model) -> None:
    loose, frozen = (model.run(PROMPT, ["L1H4"], target=" Mary", distractor=" John", freeze=f) for f in (False, True))
    assert frozen.logit_diff != pytest.approx(loose.logit_diff, abs=1e-4)
    last = [model.run(PROMPT, ["L3H4"], target=" Mary", distractor=" John", freeze=f) for f in (False, True)]
    assert last[1].logit_diff == pytest.approx(last[0].logit_diff, abs=1e-4)  # no head comes after


def test_the_cache_that_means_are_drawn_from_is_named(model: api.Model) -> None:
    run = model.run(PROMPT, ["L1R:mean@3"], reference=api.open(resource("demo/demo.acts")))
    assert run.reference is not None
    assert run.reference.source == "demo"


def test_mean_ablation_names_what_it_drew_from(model: api.Model) -> None:
    run = model.run(PROMPT, ablate=["L0M:mean@2-4"])
    assert run.reference is not None
    assert run.reference.source == "reference.txt"
    assert [str(edit) for edit in run.interventions] == ["L0M:mean@2-4"]


def test_without_a_bos_there_is_one_token_less(model: api.Model) -> None:
    with_bos, without = model.run(PROMPT), model.run(PROMPT, bos=False)
    assert list(with_bos.token_ids[1:]) == list(without.token_ids)


def test_each_head_has_three_scores_between_zero_and_one(model: api.Model) -> None:
    scores = model.heads()
    for score in (scores.induction, scores.previous_token, scores.duplicate_token):
        assert score.shape == (model.facts.layers, model.facts.heads)
        assert ((score >= 0) & (score <= 1)).all()


@pytest.mark.parametrize(
    ("prompt", "keywords", "complaint"),
    [
        ("", {}, "empty"),
        (" the" * 3000, {}, "tokens"),
        (PROMPT, {"ablate": ["L9H0"]}, "demo has no L9H0"),
        (PROMPT, {"ablate": ["L1H4@99"]}, "99"),
        (PROMPT, {"ablate": ["nothing"]}, "names no part of a model"),
        (PROMPT, {"target": " Mary John"}, "token"),
        (PROMPT, {"distractor": " John"}, "no target"),
        (PROMPT, {"ablate": ["L1H4:patch"]}, "no contrast prompt"),
        (PROMPT, {"ablate": ["L1H4:patch"], "contrast": "a b"}, "3 tokens and the prompt 16"),
        (PROMPT, {"ablate": ["L1H4:scale:1"]}, "changes nothing"),
        (PROMPT, {"ablate": ["L1H4:scale:nan"]}, "no strength"),
        (PROMPT, {"ablate": ["book/3"]}, "book, which was not given"),
        (PROMPT, {"ablate": ["L1R:add:2:book/3"]}, "book, which was not given"),
        (PROMPT, {"ablate": ["L1R:add:2:none.npy"]}, "There is no file none.npy"),
        (PROMPT, {"dictionaries": ["/none"]}, "There is no folder /none"),
        (PROMPT, {"tokens": [4095, 4096]}, "does not know"),
    ],
)
def test_a_mistake_is_a_sentence(model: api.Model, prompt: str, keywords: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InterpvizError, match=complaint) as mistake:
        model.run(prompt, **keywords)
    assert str(mistake.value).endswith(".")


def test_recorded_rows_are_the_models_residuals(model: api.Model, plain: Any, tmp_path: Path) -> None:
    import torch

    text = tmp_path / "a.txt"
    text.write_text("Mary had a little lamb, and the lamb had Mary. " * 8, "utf-8")
    cache = api.record(model, [text], sites=["L1R", "L0H"], out=tmp_path / "x.acts", tokens=64, context=32)
    again = api.open(tmp_path / "x.acts")
    assert again.facts == cache.facts
    assert again.facts.tokens == 64
    ids = again.tokens.id[:32]
    with torch.no_grad():
        states = plain(torch.from_numpy(ids.copy()).long()[None], output_hidden_states=True).hidden_states[2][0]
    rows = again.rows("L1R", [3, 9])
    assert rows.dtype == np.float32
    assert rows == pytest.approx(states[[3, 9]].numpy(), rel=2e-3, abs=2e-3 * float(states.abs().max()))
    heads = again.rows("L0H", [3])
    assert heads.shape == (1, model.facts.heads, model.facts.d_model // model.facts.heads)
    assert np.array_equal(again.rows("L0H4", [3]), heads[:, 4])


def test_what_can_be_fetched_and_opened_has_a_name() -> None:
    names = {entry.name: entry.state for entry in api.models()}
    assert names["demo"] == "bundled"
    assert "smollm2-135m-instruct" in names


def test_the_bundled_model_is_whole() -> None:
    found = api.check("demo")
    assert (found.kind, found.whole, found.problems) == ("model", True, ())


def test_every_public_name_has_a_docstring() -> None:
    assert sorted(api.__all__) == api.__all__
    assert [name for name in api.__all__ if not getattr(api, name).__doc__] == []
