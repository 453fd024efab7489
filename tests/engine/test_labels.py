"""Labels found by counting: what they say, and how well they do where they were not chosen."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from interpviz.core.labels import Label, Predicate
from interpviz.core.results import I4, CacheTokens
from interpviz.engine.labels import HARD, Corpus, automatic, holds, score, shuffled_scores

TEXTS = {
    0: "<s>",
    1: " the",
    2: " beagle",
    3: " poodle",
    4: " to",
    5: " Mary",
    6: " happy",
    7: " happi",
    8: "ness",
    9: " un",
    10: ".",
    11: " ran",
    12: "\n",
    13: ' "',
}
CONTEXT = 25
ROWS = 20_000


@pytest.fixture(scope="module")
def tokens() -> CacheTokens:
    """Tokens by chance, in contexts that begin with <s>."""
    position = (np.arange(ROWS) % CONTEXT).astype(np.int32)
    drawn = np.random.default_rng(0).integers(1, len(TEXTS), ROWS)
    ids = np.where(position == 0, 0, drawn).astype(np.int32)
    return CacheTokens(ids, (np.arange(ROWS) // CONTEXT).astype(np.int32), position, TEXTS)


@pytest.fixture(scope="module")
def corpus(tokens: CacheTokens) -> Corpus:
    return Corpus(tokens)


def rows_at(mask: NDArray[np.bool_]) -> I4:
    """Rows of a feature that is active there, in an order of activation that means nothing."""
    return np.random.default_rng(1).permutation(np.flatnonzero(mask)).astype(np.int32)


def follows(tokens: CacheTokens, number: int) -> NDArray[np.bool_]:
    """Where the token before is this one, in the same context."""
    return np.asarray((np.roll(tokens.id, 1) == number) & (tokens.position > 0))


def comes(tokens: CacheTokens, number: int) -> NDArray[np.bool_]:
    """Where the token after is this one, in the same context."""
    return np.asarray((np.roll(tokens.id, -1) == number) & (np.roll(tokens.position, -1) > 0))


def found(corpus: Corpus, mask: NDArray[np.bool_], promoted: tuple[int, ...] = ()) -> Label:
    label = automatic(corpus, rows_at(mask), promoted, 7)
    assert label is not None
    return label


def test_tokens_at_the_feature_are_named(tokens: CacheTokens, corpus: Corpus) -> None:
    label = found(corpus, np.isin(tokens.id, [2, 3]))
    assert label.text in ('" beagle", " poodle" at the token', '" poodle", " beagle" at the token')
    assert (label.predicate.where, set(label.predicate.tokens), label.score) == ("at", {2, 3}, 1.0)


def test_a_token_that_stands_before_is_named(tokens: CacheTokens, corpus: Corpus) -> None:
    label = found(corpus, follows(tokens, 4))
    assert (label.text, label.predicate, label.score) == ('after " to"', Predicate("before", (4,)), 1.0)


def test_the_next_token_is_what_the_feature_says_if_it_promotes_it(tokens: CacheTokens, corpus: Corpus) -> None:
    assert found(corpus, comes(tokens, 5), promoted=(5, 3)).text == 'says " Mary"'
    assert found(corpus, comes(tokens, 5), promoted=(3, 999_999)).text == 'before " Mary"'


def test_words_of_one_stem_are_named_by_what_they_share(tokens: CacheTokens, corpus: Corpus) -> None:
    happiness = np.isin(tokens.id, [7, 8]) & (corpus.words.stem == corpus.words.numbers["happi"])
    mask = happiness | ((tokens.id == 6) & (corpus.words.stem == corpus.words.numbers["happi"]))
    label = found(corpus, mask)
    assert (label.text, label.predicate) == ('a word like "happ-" at the token', Predicate("at", stem="happi"))
    assert label.score == 1.0


def test_a_token_that_cannot_be_printed_is_quoted(tokens: CacheTokens, corpus: Corpus) -> None:
    assert found(corpus, tokens.id == 12).text == r'"\n" at the token'
    assert found(corpus, tokens.id == 13).text == r'" \"" at the token'


def test_pieces_of_a_word_are_put_together_and_others_are_not() -> None:
    ids = np.array([0, 9, 8, 8, 10, 8, 7, 0, 8, 6], np.int32)
    position = np.array([0, 1, 2, 3, 4, 5, 6, 0, 1, 2], np.int32)
    words = Corpus(CacheTokens(ids, np.zeros(10, np.int32), position, TEXTS)).words
    names = {number: stem for stem, number in words.numbers.items()}
    assert [names.get(number) for number in words.stem.tolist()] == [
        *(None, "unness", "unness", "unness", None, "ness", "happi", None, "ness", "happi")
    ]
    before, after = ([names.get(number) for number in one.tolist()] for one in (words.before, words.after))
    assert before == [None, None, None, None, "unness", None, "ness", None, None, "ness"]
    assert after == ["unness", None, None, None, "ness", "happi", None, "ness", "happi", None]


def test_what_stood_there_once_is_no_part_of_a_label(tokens: CacheTokens) -> None:
    """Names that occur once each tell all that they were seen at, and nothing of what is to come."""
    names, beagles = np.flatnonzero(tokens.id == 5)[:30], np.flatnonzero(tokens.id == 2)[:30]
    ids = tokens.id.copy()
    ids[names] = np.arange(100, 130)
    label = automatic(
        Corpus(CacheTokens(ids, tokens.document, tokens.position, TEXTS)),
        np.append(beagles, names).astype(np.int32),
        (),
        7,
    )
    assert label is None or not set(label.predicate.tokens) & set(range(100, 130))


def test_position_0_is_left_out(tokens: CacheTokens, corpus: Corpus) -> None:
    assert automatic(corpus, rows_at(tokens.position == 0), (), 7) is None


@pytest.mark.parametrize("case", ["never", "always", "nine times"])
def test_a_feature_that_nothing_can_be_said_of_has_no_label(tokens: CacheTokens, corpus: Corpus, case: str) -> None:
    masks = {
        "never": np.zeros(ROWS, bool),
        "always": np.ones(ROWS, bool),
        "nine times": (tokens.id == 5) & (np.cumsum(tokens.id == 5) < 10),
    }
    assert automatic(corpus, rows_at(masks[case]), (), 7) is None


def test_a_feature_by_chance_has_no_label_that_does_well(corpus: Corpus) -> None:
    label = automatic(corpus, rows_at(np.random.default_rng(5).random(ROWS) < 0.02), (), 7)
    assert label is None or label.score < 0.65


def test_the_same_seed_gives_the_same_label_and_another_judges_by_other_positions(tokens: CacheTokens) -> None:
    mask = (tokens.id == 2) & (np.random.default_rng(3).random(ROWS) < 0.5)
    first, again = (automatic(Corpus(tokens, seed=4), rows_at(mask), (), 7) for _ in range(2))
    assert first == again
    scores = {score(Corpus(tokens, seed=seed), Predicate("at", (2,)), rows_at(mask), 7) for seed in range(6)}
    assert len(scores) > 1


def test_the_score_is_balanced_accuracy_over_positions_that_can_be_listed(tokens: CacheTokens, corpus: Corpus) -> None:
    """Expected values, by the definition: half of the beagles are silent, so the hard half is full of them."""
    coin = np.random.default_rng(2).random(ROWS) < 0.5
    judged = [score(corpus, Predicate("at", (2,)), rows_at((tokens.id == 2) & coin), seed) for seed in range(300)]
    others = np.count_nonzero((tokens.id == 2) & ~coin) / np.count_nonzero(~((tokens.id == 2) & coin))
    wrong = (HARD + (50 - HARD) * others) / 50
    assert np.mean(judged) == pytest.approx((1 + 1 - wrong) / 2, abs=0.005)


def test_a_label_that_is_right_half_of_the_time_is_half_sensitive(tokens: CacheTokens, corpus: Corpus) -> None:
    active = np.flatnonzero(np.isin(tokens.id, [2, 4])).astype(np.int32)
    orders = (np.random.default_rng(seed).permutation(active) for seed in range(100))
    scores = [score(corpus, Predicate("at", (2,)), rows, 7) for rows in orders]
    assert np.mean(scores) == pytest.approx(0.75, abs=0.02)


def test_active_positions_are_spread_from_the_most_to_the_least_active(tokens: CacheTokens, corpus: Corpus) -> None:
    """The stronger half of a feature is beagles: a label that knew only the strongest would look perfect."""
    strong, weak = np.flatnonzero(tokens.id == 2), np.flatnonzero(tokens.id == 4)
    rows = np.concatenate([strong, weak[: len(strong)]]).astype(np.int32)
    assert score(corpus, Predicate("at", (2,)), rows, 7) == pytest.approx(0.75, abs=0.04)


def test_no_judged_position_was_trained_on(tokens: CacheTokens, corpus: Corpus) -> None:
    assert not (corpus.training & corpus.held).any()
    assert ((corpus.training | corpus.held) == (tokens.position > 0)).all()


def test_labels_on_other_features_do_no_better_than_chance(tokens: CacheTokens, corpus: Corpus) -> None:
    rows = [rows_at(tokens.id == number) for number in range(1, 13)] + [rows_at(np.zeros(ROWS, bool))]
    labels = [automatic(corpus, active, (), at) for at, active in enumerate(rows)]
    control = shuffled_scores(corpus, labels, rows.__getitem__)
    assert np.isnan(control[-1])
    assert (control[:-1] <= 0.5).all()
    assert (control[:-1] >= 0.2).all()


def test_a_lone_label_has_nobody_to_be_compared_with(tokens: CacheTokens, corpus: Corpus) -> None:
    label = found(corpus, tokens.id == 2)
    assert np.isnan(shuffled_scores(corpus, [None, label], lambda at: rows_at(tokens.id == 2))).all()


def test_where_a_predicate_holds_can_be_seen(tokens: CacheTokens, corpus: Corpus) -> None:
    assert (holds(corpus, Predicate("before", (4, 999))) == follows(tokens, 4)).all()
    assert (holds(corpus, Predicate("says", (5,))) == comes(tokens, 5)).all()
    assert not holds(corpus, Predicate("at", stem="unheard")).any()


def test_a_feature_takes_a_few_milliseconds_at_most(tokens: CacheTokens, corpus: Corpus) -> None:
    rows = [rows_at((tokens.id == 2) & (np.random.default_rng(at).random(ROWS) < 0.7)) for at in range(20)]
    started = time.perf_counter()
    for at, active in enumerate(rows):
        automatic(corpus, active, (1, 2, 3), at)
    assert (time.perf_counter() - started) / len(rows) < 0.02
