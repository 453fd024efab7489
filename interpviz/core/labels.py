"""Labels of features that the program can evaluate: a predicate over tokens, and how well it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Where = Literal["at", "before", "after", "says"]
MOST_TOKENS = 5


@dataclass(frozen=True)
class Predicate:
    """What a label claims: that a feature is active where a token of these, or a word of this stem, stands.

    `where` says where it stands, seen from the token at which the feature is active: "at" it, "before" or "after" it;
    "says" means that the feature raises the logits of `tokens`, and the predicate holds where the next token is one of
    them. Either `tokens` are given (at most 5 ids) or `stem`.
    """

    where: Where
    tokens: tuple[int, ...] = ()
    stem: str = ""


@dataclass(frozen=True)
class Label:
    """A predicate in words, and its balanced accuracy on held-out positions: `engine.labels.score` says on which.

    1 is perfect. A label that holds nowhere scores 0.5. Half of the inactive positions are hard ones, at which the
    label holds, as far as there are such: with 25 exceptions a label does no better than 0.75.
    """

    predicate: Predicate
    text: str
    score: float
