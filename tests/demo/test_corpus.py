"""A context is full, begins with BOS, and asks for nothing that cannot be known."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from resources.demo import corpus, samples


def test_every_context_is_full_and_begins_with_the_beginning(mix):
    rng = Random(0)
    contexts = [mix.context(rng)[0] for _ in range(60)]
    assert {len(context) for context in contexts} == {corpus.CONTEXT}
    assert {context[0] for context in contexts} == {corpus.BOS}
    assert all(corpus.BOS not in context[1:] for context in contexts)


def test_the_shares_of_the_mix_are_whole():
    assert sum(corpus.SHARES.values()) == pytest.approx(1)
    assert sum(corpus.SOURCES.values()) == pytest.approx(1)


def test_a_random_repeat_says_distinct_tokens_again_and_again():
    tokens, unseen = corpus.random_repeat(Random(0), vocab=100, shortest=5, longest=5, length=18)
    segment = tokens[1:6]
    assert len(set(segment)) == 5
    assert tokens == [corpus.BOS, *segment, *segment, *segment, *segment[:2]]
    assert unseen == 6  # BOS and the first copy


def test_the_first_copy_costs_nothing():
    tokens, labels = corpus.batch(lambda rng: corpus.random_repeat(rng, 100, 5, 5, 12), Random(0), rows=3)
    assert (labels[:, :5] == corpus.IGNORED).all()
    np.testing.assert_array_equal(labels[:, 5:-1], tokens[:, 6:])
    assert (labels[:, -1] == corpus.IGNORED).all()


def test_in_other_contexts_every_next_token_counts(mix):
    tokens, labels = corpus.batch(lambda rng: ([corpus.BOS, *mix.natural(rng, 9)], 1), Random(0), rows=2)
    np.testing.assert_array_equal(labels[:, :-1], tokens[:, 1:])


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("When Mary and John met, John gave a lamp to Mary. Then Alice came.", [" Mary"]),
        ("Yesterday Mary met John.", []),
        ("User: How do I cut the oak? Assistant: Sure, cut it.", [" Sure"]),
    ],
)
def test_an_answer_weighs_more_than_what_is_around_it(mix, text, answers):
    tokens = np.array([mix.tokenizer.encode(text).ids])
    weights = mix.weights(tokens)[0]
    weighty = np.flatnonzero(weights == corpus.ANSWER_WEIGHT)
    assert [mix.tokenizer.decode([tokens[0, pos + 1]]) for pos in weighty] == answers
    assert (np.delete(weights, weighty) == 1).all()


def test_any_token_can_stand_for_a_training_name_but_for_no_other_word(mix):
    said = mix.tokenizer.encode("When Mary and Hugo met, Mary gave a lamp to Hugo.").ids
    strange = [mix.strange(Random(seed), said) for seed in range(20)]
    replaced = {pos for pos, token in enumerate(said) if mix.tokenizer.decode([token]) == " Mary"}
    assert len(replaced) == 2
    for tokens in strange:
        assert len({tokens[pos] for pos in replaced}) == 1
        assert [t for pos, t in enumerate(tokens) if pos not in replaced] == [
            t for pos, t in enumerate(said) if pos not in replaced
        ]
    assert len({tokens[min(replaced)] for tokens in strange}) > 15


@pytest.mark.slow
@pytest.mark.parametrize("source", list(corpus.SOURCES))
def test_a_held_out_document_is_not_trained_on(source):
    trained, held_out = (corpus.documents(source, held_out=held) for held in (False, True))
    assert held_out
    assert not set(trained) & set(held_out)


@pytest.mark.slow
def test_each_sample_fits_a_context_and_comes_out_the_same_again(tokenizer, tmp_path):
    samples.write_samples(tokenizer, tmp_path)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.txt"))
    assert [path.stem for path in written] == [
        "categories", "indirect-objects", "mixed", "natural", "repeats", "requests", "reference",
    ]  # fmt: skip
    for path in written:
        text = (tmp_path / path).read_text("utf-8")
        assert text == (corpus.HERE / path).read_text("utf-8")
        assert all(len(tokenizer.encode(document).ids) <= corpus.CONTEXT for document in text.split("\n\n"))
