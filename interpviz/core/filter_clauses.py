"""What a filter of features is made of: clauses, each of which says which features it lets through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from interpviz.core.feature_results import FeatureTable, Notes
from interpviz.core.results import F4

Figure = Literal["feature", "density", "maximum", "score", "effect"]
Words = Literal["label", "top_token", "note"]
Mark = Literal["bookmarked", "noted"]
Order = Literal["<", "<=", ">", ">=", "=", "!="]
Likeness = Literal["~", "!~", "=", "!="]
FIGURES, WORDS, MARKS = get_args(Figure), get_args(Words), get_args(Mark)

Chosen = NDArray[np.bool_]
_ORDERS: dict[Order, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
    "!=": np.not_equal,
}
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


class Columns:
    """The columns that a filter asks for, each made when it is first asked for."""

    def __init__(self, table: FeatureTable, notes: Notes, effects: F4 | None) -> None:
        self._table, self._notes = table, notes
        self.count = len(table.density)
        self._effects = np.full(self.count, np.nan, np.float32) if effects is None else effects
        self._folded: dict[Words, list[str]] = {}

    def figure(self, name: Figure) -> NDArray[Any]:
        """A column of numbers: (feature,)."""
        if name == "feature":
            return np.arange(self.count, dtype=np.int64)
        found: dict[str, F4] = {
            "density": self._table.density,
            "maximum": self._table.maximum,
            "score": self._table.score,
            "effect": self._effects,
        }
        return found[name]

    def texts(self, name: Words) -> Sequence[str]:
        """A column of texts, one a feature."""
        return {"label": self._labels, "top_token": self._table.top_token, "note": self._notes_by_feature}[name]

    def folded(self, name: Words) -> list[str]:
        """The same without capitals."""
        if name not in self._folded:
            self._folded[name] = [text.casefold() for text in self.texts(name)]
        return self._folded[name]

    def mark(self, name: Mark) -> Chosen:
        """A column of yes and no: (feature,)."""
        marked = np.zeros(self.count, bool)
        features = self._notes.bookmarks if name == "bookmarked" else [feature for feature, _ in self._notes.texts]
        marked[[feature for feature in features if 0 <= feature < self.count]] = True
        return marked

    @cached_property
    def _labels(self) -> list[str]:
        return self._over(list(self._table.label), self._notes.labels)

    @cached_property
    def _notes_by_feature(self) -> list[str]:
        return self._over([""] * self.count, self._notes.texts)

    def _over(self, texts: list[str], written: Sequence[tuple[int, str]]) -> list[str]:
        for feature, text in written:
            if 0 <= feature < self.count:
                texts[feature] = text
        return texts


@dataclass(frozen=True)
class Compared:
    """A figure beside a number."""

    figure: Figure
    order: Order
    value: float

    def __str__(self) -> str:
        return f"{self.figure} {self.order} {self.value!r}"

    def rows(self, columns: Columns) -> Chosen:
        column = columns.figure(self.figure)
        held: Chosen = _ORDERS[self.order](column, _as_of(column, self.value))
        return held & ~np.isnan(column) if self.order == "!=" else held


@dataclass(frozen=True)
class Between:
    """A figure from one number to another, both included."""

    figure: Figure
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.figure} in {self.low!r}..{self.high!r}"

    def rows(self, columns: Columns) -> Chosen:
        column = columns.figure(self.figure)
        held: Chosen = (column >= _as_of(column, self.low)) & (column <= _as_of(column, self.high))
        return held


@dataclass(frozen=True)
class Said:
    """A text that holds another, or is it."""

    words: Words
    likeness: Likeness
    text: str

    def __str__(self) -> str:
        return f"{self.words} {self.likeness} {_quoted(self.text)}"

    def rows(self, columns: Columns) -> Chosen:
        if self.likeness in ("~", "!~"):
            held = _inside(self.text, columns.folded(self.words))
        else:
            held = np.fromiter((text == self.text for text in columns.texts(self.words)), bool, columns.count)
        return ~held if self.likeness.startswith("!") else held


@dataclass(frozen=True)
class Marked:
    """What a person has marked."""

    mark: Mark

    def __str__(self) -> str:
        return self.mark

    def rows(self, columns: Columns) -> Chosen:
        return columns.mark(self.mark)


@dataclass(frozen=True)
class Lone:
    """A word in the label or in the top token."""

    text: str

    def __str__(self) -> str:
        return _quoted(self.text)

    def rows(self, columns: Columns) -> Chosen:
        return _inside(self.text, columns.folded("label")) | _inside(self.text, columns.folded("top_token"))


@dataclass(frozen=True)
class Not:
    """All that a clause lets not through."""

    clause: Clause

    def __str__(self) -> str:
        return f"not {_nested(self.clause)}"

    def rows(self, columns: Columns) -> Chosen:
        return ~self.clause.rows(columns)


@dataclass(frozen=True)
class And:
    """What every one of two or more clauses lets through."""

    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        return " and ".join(map(_nested, self.clauses))

    def rows(self, columns: Columns) -> Chosen:
        held: Chosen = np.logical_and.reduce([clause.rows(columns) for clause in self.clauses])
        return held


@dataclass(frozen=True)
class Or:
    """What one of two or more clauses lets through."""

    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        return " or ".join(_nested(one) if isinstance(one, Or) else str(one) for one in self.clauses)

    def rows(self, columns: Columns) -> Chosen:
        held: Chosen = np.logical_or.reduce([clause.rows(columns) for clause in self.clauses])
        return held


Clause = Compared | Between | Said | Marked | Lone | Not | And | Or


def _nested(clause: Clause) -> str:
    return f"({clause})" if isinstance(clause, And | Or) else str(clause)


def _quoted(text: str) -> str:
    return '"' + "".join(_ESCAPED.get(sign, sign) for sign in text) + '"'


def _inside(text: str, folded: Sequence[str]) -> Chosen:
    wanted = text.casefold()
    return np.fromiter((wanted in one for one in folded), bool, len(folded))


def _as_of(column: NDArray[Any], value: float) -> Any:
    """The number as precise as the column is: a score of 0.7 is at least 0.7, though float32 rounds it down."""
    with np.errstate(over="ignore"):
        return column.dtype.type(value) if column.dtype.kind == "f" else value
