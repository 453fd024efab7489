"""Labels that are found and judged by counting: which tokens stand where a feature is active, and nowhere else.

    corpus = Corpus(tokens)                                     # once a cache
    label = automatic(corpus, rows, promoted, feature)          # for each feature, under a millisecond
    control = shuffled_scores(corpus, labels, rows_of)          # once, in the end

`rows` are all rows of the cache at which the feature is active, the most active first; `promoted` the ids of the tokens
whose logits it raises most. Everything follows from `seed` and the feature's number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import shown
from interpviz.core.labels import MOST_TOKENS, Label, Predicate, Where
from interpviz.core.results import F4, I4, CacheTokens
from interpviz.engine.words import words

ACTIVE = INACTIVE = 50
HARD = INACTIVE // 2
FEWEST = 5  # active positions in each half: of fewer there is nothing to learn, or nothing to judge by
TRIED = 20  # the commonest tokens at, before or after the active ones; a label is made of five of them at most
LEAST = 0.55  # of balanced accuracy in training: what does no better says nothing, for a label that never holds has 0.5
WORTH = 0.01  # of balanced accuracy: what less adds to a label, or tells two labels apart, is not worth a word

Unit = Literal["token", "stem"]
# The first of those that do as well as the best is taken: what is seen at the token is simpler than what stands by it.
PREFERRED: tuple[tuple[Where, Unit], ...] = (
    ("at", "token"),
    ("at", "stem"),
    ("says", "token"),
    ("before", "token"),
    ("before", "stem"),
    ("after", "token"),
    ("after", "stem"),
)


class Corpus:
    """The tokens of a cache, counted once so that labels of many features are quick.

    Position 0 is left out: features say little there. The other rows are dealt into two halves by chance, `training`
    (n,) and `held`: labels are chosen by the one and judged by the other.
    """

    def __init__(self, tokens: CacheTokens, seed: int = 0) -> None:
        follows = np.zeros(len(tokens.id), bool)
        follows[1:] = (tokens.position[1:] == tokens.position[:-1] + 1) & (tokens.document[1:] == tokens.document[:-1])
        dealt = np.random.default_rng(seed).random(len(tokens.id)) < 0.5
        self.seed, self.texts = seed, tokens.texts
        self.training, held = dealt & (tokens.position > 0), ~dealt & (tokens.position > 0)
        self.held, self.held_rows = held, np.flatnonzero(held).astype(np.int32)
        self.trained = int(self.training.sum())
        self.ids, code = np.unique(tokens.id, return_inverse=True)
        self.words = words(tokens, follows)
        before, after = _neighbours(code.astype(np.int32), follows)
        keys: dict[tuple[Where, Unit], I4] = {
            ("at", "token"): code.astype(np.int32),
            ("before", "token"): before,
            ("after", "token"): after,
            ("at", "stem"): self.words.stem,
            ("before", "stem"): self.words.before,
            ("after", "stem"): self.words.after,
        }
        self.columns = {place: _Column.of(key, self.training, self.held_rows) for place, key in keys.items()}
        self.columns["says", "token"] = self.columns["after", "token"]

    def codes(self, tokens: Sequence[int] | NDArray[np.integer]) -> I4:
        """The numbers by which this corpus knows those of the tokens that occur in it."""
        wanted = np.asarray(tokens, np.int64)
        at = np.searchsorted(self.ids, wanted)
        here = at < len(self.ids)
        here[here] = self.ids[at[here]] == wanted[here]
        return at[here].astype(np.int32)


@dataclass(frozen=True, eq=False)
class _Column:
    """What stands in one place of every row: `key` (n,), -1 for nothing.

    `trained` (key,) counts the training rows of each key; the held-out rows of key k are
    `rows[starts[k]:starts[k + 1]]`.
    """

    key: I4
    trained: NDArray[np.intp]
    rows: I4
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, key: I4, training: NDArray[np.bool_], held_rows: I4) -> _Column:
        size = int(key.max(initial=-1)) + 1
        trained = np.bincount(key[training & (key >= 0)], minlength=size)
        rows = held_rows[key[held_rows] >= 0]
        rows = rows[np.argsort(key[rows], kind="stable")]
        return cls(key, trained, rows, np.searchsorted(key[rows], np.arange(size + 1)))

    def held(self, keys: I4) -> I4:
        """The held-out rows of these keys."""
        parts = [self.rows[self.starts[key] : self.starts[key + 1]] for key in keys.tolist()]
        return np.concatenate(parts) if parts else self.rows[:0]


def automatic(corpus: Corpus, rows: I4, promoted: Sequence[int] | I4, feature: int) -> Label | None:
    """The label that tells best where a feature is active, judged on positions that it was not chosen by.

    Proposed are sets of up to five tokens, and single stems, at, before or after the token, and "says" with those of
    the promoted tokens that come next. A set grows by the token that helps most, from the 20 commonest that stand
    there more than once, while that gains a hundredth. The measure is what `score`
    can be expected to give.

    None where a feature is active at fewer than 5 positions of either half, where it is active everywhere, and where
    nothing does better than 0.55 in training.
    """
    active = rows[corpus.training[rows]]
    judged_by = int(corpus.held[rows].sum())
    if min(len(active), judged_by) < FEWEST or len(active) == corpus.trained:
        return None
    proposed = [_proposed(corpus, place, active, promoted) for place in PREFERRED]
    best = max(value for value, _ in proposed)
    if best <= LEAST:
        return None
    place, keys = next(
        (place, keys) for place, (value, keys) in zip(PREFERRED, proposed, strict=True) if value > best - WORTH
    )
    predicate = _predicate(corpus, place, keys)
    judged = score(corpus, predicate, rows, feature)
    return None if np.isnan(judged) else Label(predicate, _text(corpus, place, keys), judged)


def score(corpus: Corpus, predicate: Predicate, rows: I4, feature: int) -> float:
    """Balanced accuracy of a predicate on held-out positions: (its share of active ones + 1 - of inactive ones) / 2.

    Active: of the held-out active positions, from the most to the least active, the middle one of each of 50 equal
    shares; all where there are fewer than 50. Inactive: 50, of which 25 are hard: held-out positions at which the
    predicate holds and the feature is not active (all of them where there are fewer). The others are any inactive ones.
    So a label with 25 exceptions or more does no better than 0.75, however often it is right. NaN without
    held-out active, or without inactive positions.
    """
    column, keys = _known(corpus, predicate)
    active = rows[corpus.held[rows]]
    if len(active) > ACTIVE:
        active = active[((np.arange(ACTIVE) + 0.5) * len(active) / ACTIVE).astype(np.intp)]
    inactive = _inactive(corpus, column, keys, rows, np.random.default_rng((corpus.seed, feature)))
    if not len(active) or not len(inactive):
        return float("nan")
    right, wrong = (np.isin(column.key[judged], keys).mean() for judged in (active, inactive))
    return float(right + 1 - wrong) / 2


def shuffled_scores(corpus: Corpus, labels: Sequence[Label | None], rows_of: Callable[[int], I4], seed: int = 0) -> F4:
    """The control: each label scored on another feature's activations. (feature,), NaN where there is no label.

    The labels are passed round a circle of the labelled features in an order of chance, so that none keeps its own;
    `rows_of` gives a feature's active rows, the most active first.
    """
    scores = np.full(len(labels), np.nan, np.float32)
    circle = np.random.default_rng(seed).permutation([at for at, label in enumerate(labels) if label is not None])
    if len(circle) < 2:
        return scores
    for at, other in zip(circle.tolist(), np.roll(circle, 1).tolist(), strict=True):
        label = labels[at]
        assert label is not None
        scores[at] = score(corpus, label.predicate, rows_of(other), at)
    return scores


def holds(corpus: Corpus, predicate: Predicate) -> NDArray[np.bool_]:
    """At which rows of the cache a predicate holds: (n,)."""
    column, keys = _known(corpus, predicate)
    return np.isin(column.key, keys)


def _neighbours(code: I4, follows: NDArray[np.bool_]) -> tuple[I4, I4]:
    """What stands before and after each token in its context, -1 for nothing."""
    before, after = np.full_like(code, -1), np.full_like(code, -1)
    before[1:] = np.where(follows[1:], code[:-1], -1)
    after[:-1] = np.where(follows[1:], code[1:], -1)
    return before, after


def _known(corpus: Corpus, predicate: Predicate) -> tuple[_Column, I4]:
    """The column that a predicate is about, and the keys that it means there."""
    if predicate.stem:
        number = corpus.words.numbers.get(predicate.stem)
        return corpus.columns[predicate.where, "stem"], np.array([] if number is None else [number], np.int32)
    return corpus.columns[predicate.where, "token"], corpus.codes(predicate.tokens)


def _proposed(corpus: Corpus, place: tuple[Where, Unit], active: I4, promoted: Sequence[int] | I4) -> tuple[float, I4]:
    """The best label of one kind on the training positions, and how it does there; 0.5 and no keys where none helps."""
    column = corpus.columns[place]
    keys, hits = np.unique(column.key[active], return_counts=True)
    useful = np.isin(keys, corpus.codes(promoted)) if place[0] == "says" else keys >= 0
    useful &= hits > 1  # what stood there once stood there by chance
    keys, hits = keys[useful], hits[useful]
    commonest = np.argsort(-hits, kind="stable")[:TRIED]
    keys, hits = keys[commonest], hits[commonest]
    false = column.trained[keys] - hits
    most = MOST_TOKENS if place[1] == "token" else 1
    return _grown(keys, hits, false, len(active), corpus.trained - len(active), most)


def _grown(
    keys: I4, hits: NDArray[np.intp], false: NDArray[np.intp], active: int, inactive: int, most: int
) -> tuple[float, I4]:
    chosen: list[int] = []
    value, hit, miss = 0.5, 0, 0
    while len(chosen) < min(most, len(keys)):
        right, wrong = hit + hits, miss + false
        hard = np.minimum(wrong, HARD)
        easy = (INACTIVE - hard) * np.where(wrong > HARD, wrong / inactive, 0)
        values = (right / active + 1 - (hard + easy) / INACTIVE) / 2
        values[chosen] = 0
        at = int(values.argmax())
        if values[at] <= value + WORTH:
            break
        chosen.append(at)
        value, hit, miss = float(values[at]), int(right[at]), int(wrong[at])
    return value, keys[chosen]


def _inactive(corpus: Corpus, column: _Column, keys: I4, rows: I4, draw: np.random.Generator) -> I4:
    """The inactive positions that a label is judged by: the hard ones first, then any others."""
    active = np.zeros(len(corpus.held), bool)
    active[rows] = True
    holding = column.held(keys)
    hard = holding[~active[holding]]
    hard = hard[draw.choice(len(hard), min(HARD, len(hard)), replace=False)]
    active[hard] = True  # taken
    wanted = INACTIVE - len(hard)
    some = np.unique(corpus.held_rows[draw.integers(len(corpus.held_rows), size=4 * INACTIVE)])
    some = some[~active[some]]
    if len(some) < wanted:
        some = corpus.held_rows[~active[corpus.held_rows]]
    return np.concatenate([hard, some[draw.choice(len(some), min(wanted, len(some)), replace=False)]])


def _predicate(corpus: Corpus, place: tuple[Where, Unit], keys: I4) -> Predicate:
    where, unit = place
    if unit == "stem":
        return Predicate(where, stem=corpus.words.stems[int(keys[0])])
    return Predicate(where, tokens=tuple(corpus.ids[keys].tolist()))


def _text(corpus: Corpus, place: tuple[Where, Unit], keys: I4) -> str:
    where, unit = place
    if unit == "stem":
        standing = "at the token" if where == "at" else where
        return f'a word like "{corpus.words.shown[int(keys[0])]}" {standing}'
    named = ", ".join(_quoted(corpus.texts.get(number, "")) for number in corpus.ids[keys].tolist())
    # A feature that is active with " to" before it is active after " to".
    return {"at": f"{named} at the token", "before": f"after {named}", "after": f"before {named}"}.get(
        where, f"says {named}"
    )


def _quoted(text: str) -> str:
    return shown(json.dumps(text[:40], ensure_ascii=False))
