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
    """A predicate in words, and its balanced accuracy (0.5: chance, 1: perfect) on held-out positions.

    Positions: 50 active ones spread over the quantiles and 50 inactive ones, half of which hold a token of the label.
    """

    predicate: Predicate
    text: str
    score: float
