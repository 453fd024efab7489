"""Prompts, targets and the vocabulary in tokens, beside TransformerLens's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interpviz.core.document import Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.paths import resource
from interpviz.core.requests import TargetRequest, TokensRequest, VocabularyRequest
from interpviz.engine import tokens
from tests.engine.pairs import Pair
from tests.engine.places import smollm2


@pytest.mark.parametrize("bos", [True, False])
def test_a_prompt_is_cut_as_transformer_lens_cuts_it(random_pair: Pair, bos: bool) -> None:
    tokens = random_pair.model.tokens(Prompt("c a b", bos=bos))
    wanted = None if bos else False
    assert tokens.ids.tolist() == random_pair.model.bridge.to_tokens("c a b", prepend_bos=wanted)[0].tolist()
    assert tokens.texts == (("<s>",) if bos and random_pair.start else ()) + ("c", "a", "b")


@pytest.mark.slow
@pytest.mark.parametrize("text", [" Mary gave it", "def f(x):\n\treturn 'é🙂'", "<bos>a", "  two  spaces "])
def test_the_demo_cuts_text_as_transformer_lens_does_and_its_pieces_join_again(text: str) -> None:
    pair = Pair.open(resource("demo/model"))
    tokens = pair.model.tokens(Prompt(text))
    assert tokens.ids.tolist() == pair.model.bridge.to_tokens(text)[0].tolist()
    if text.isascii():
        assert "".join(tokens.texts[1:]) == text


@pytest.mark.slow
def test_smollm2_says_mary() -> None:
    folder = smollm2()
    if folder is None:
        pytest.skip("SmolLM2 is not fetched: interpviz models get smollm2-135m-instruct")
    pair = Pair.open(folder)
    text = "When Mary and John went to the store, John gave a drink to"
    assert pair.model.tokens(Prompt(text)).ids.tolist() == pair.model.bridge.to_tokens(text)[0].tolist()
    assert pair.tokenizer.decode([int(pair.logits(text).argmax())]) == " Mary"


def test_a_cached_context_is_taken_as_it_is(llama: Pair) -> None:
    tokens = llama.model.tokens(Prompt("whatever", tokens=(5, 0, 6)))
    assert (tokens.ids.tolist(), tokens.texts) == ([5, 0, 6], ("e", "<s>", "f"))


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        (Prompt(""), "The prompt is empty"),
        (Prompt("   "), "The prompt is empty"),
        (Prompt("a \ud83d b"), "The text holds half a character"),
        (Prompt(" ".join("a" * 40)), r"has 41 tokens, but llama\d* reads at most 32"),
        (Prompt("", tokens=(1, 99)), "tokens that llama\\d* does not know"),
    ],
)
def test_a_prompt_that_cannot_run_is_a_sentence(llama: Pair, prompt: Prompt, sentence: str) -> None:
    with pytest.raises(InterpvizError, match=sentence):
        llama.engine.compute(TokensRequest(llama.facts, prompt))


def test_a_target_is_one_token_and_the_distractor_may_be_missing(llama: Pair) -> None:
    target = llama.engine.compute(TargetRequest(llama.facts, "d", ""))
    assert (target.target, target.distractor) == (4, None)


@pytest.mark.parametrize(
    ("target", "distractor", "sentence"),
    [
        ("d e", "", "'d e' is 2 tokens, 'd' and 'e'"),
        ("d", "e f", "'e f' is 2 tokens, 'e' and 'f'"),
        ("", "", "There is no target"),
    ],
)
def test_other_than_one_token_is_a_sentence_that_names_the_pieces(
    llama: Pair, target: str, distractor: str, sentence: str
) -> None:
    with pytest.raises(InterpvizError, match=sentence):
        llama.engine.compute(TargetRequest(llama.facts, target, distractor))


def test_a_target_without_a_logit_is_a_sentence(llama: Pair) -> None:
    with pytest.raises(InterpvizError, match="small has no logit for 'd'"):
        tokens.target(llama.tokenizer, replace(llama.facts, name="small", vocab=4), "d")


def test_the_vocabulary_names_every_logit_and_rows_without_a_token_by_their_number(llama: Pair) -> None:
    texts = llama.engine.compute(VocabularyRequest(llama.facts)).texts
    assert len(texts) == len(llama.logits("a"))
    assert (texts[0], texts[3], texts[31]) == ("<s>", "c", "<31>")
