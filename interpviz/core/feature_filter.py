"""The filter of the table of features: an expression that is parsed, and never evaluated as code.

    density < 1% and maximum > 3          figures: feature, density, maximum, score, effect; < <= > >= = !=
    feature in 10..200                    from 10 to 200, both included
    label ~ "dog" or top_token = " dog"   texts: label, top_token, note; ~ and !~ look inside and mind no capitals
    bookmarked and not noted              marks: bookmarked, noted
    dog                                   a lone word: the label or the top token contains it

`and` binds closer than `or`; parentheses help. In quotes stand \\" \\\\ \\n and \\t.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from interpviz.core.errors import InterpvizError, shown
from interpviz.core.feature_results import FeatureTable, Notes
from interpviz.core.filter_clauses import (
    FIGURES,
    MARKS,
    WORDS,
    And,
    Between,
    Chosen,
    Clause,
    Columns,
    Compared,
    Likeness,
    Lone,
    Marked,
    Not,
    Or,
    Said,
)
from interpviz.core.results import F4

LONGEST = 1000
DEEPEST = 50
_LEXED = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<sign><=|>=|!=|!~|[<>=~()])|(?P<word>[^\s"()<>=!~]+)|(?P<bad>\S))""",
    re.DOTALL,
)
_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(%?)"
_ONE, _RANGE = re.compile(_NUMBER, re.ASCII), re.compile(rf"{_NUMBER}\.\.{_NUMBER}", re.ASCII)
_UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n", "\\t": "\t"}
_CLAUSE = f'a condition such as density < 1%, label ~ "dog", {MARKS[0]}, or a word'


@dataclass(frozen=True)
class Filter:
    """A parsed filter; prints as text that parses to the same. `clause` is None where nothing was written."""

    clause: Clause | None

    def __str__(self) -> str:
        return "" if self.clause is None else str(self.clause)

    def rows(self, table: FeatureTable, notes: Notes, effects: F4 | None = None) -> Chosen:
        """Which features the filter lets through: (feature,).

        `effects` (feature,) in nats; NaN, like None and like a missing score, is unknown and satisfies no comparison.
        The label is a person's own where there is one.
        """
        columns = Columns(table, notes, effects)
        return np.ones(columns.count, bool) if self.clause is None else self.clause.rows(columns)


class FilterMistake(InterpvizError):
    """The text is no filter."""

    def __init__(self, text: str, at: int, could: str) -> None:
        found = text[at:].split()
        where = f"at letter {at + 1}, '{shown(found[0])[:20]}'" if found else "at its end"
        super().__init__(f"The filter cannot be read {where}: there could stand {could}.")


def parse(text: str) -> Filter:
    """The filter that was written. Raises FilterMistake, which says where it is wrong and what could stand there."""
    return Filter(_Parser(text).whole())


@dataclass(frozen=True)
class _Token:
    kind: str  # "string", "sign", "word" or "end"
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


class _Parser:
    """Reads one text once, from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise InterpvizError(f"The filter has {len(text):,} letters. Write it in {LONGEST:,} at most.")
        self._text = text
        self._tokens = self._lexed()
        self._place = self._depth = 0

    def whole(self) -> Clause | None:
        """The clause that all of the text is; None for no text."""
        if self._next.kind == "end":
            return None
        clause = self._either()
        if self._next.kind != "end":
            raise self._mistake("and, or, or the end")
        return clause

    def _lexed(self) -> list[_Token]:
        tokens, at = list[_Token](), 0
        while match := _LEXED.match(self._text, at):
            kind, at = match.lastgroup, match.end()
            if kind == "string" or kind == "sign" or kind == "word":
                tokens.append(_Token(kind, match[kind], match.start(kind)))
            else:
                quote = match["bad"] == '"'
                raise FilterMistake(self._text, match.start("bad"), 'a text that ends in "' if quote else "!= or !~")
        return [*tokens, _Token("end", "", len(self._text))]

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _mistake(self, could: str) -> FilterMistake:
        return FilterMistake(self._text, self._next.at, could)

    def _either(self) -> Clause:
        clauses = [self._both()]
        while self._next.is_word("or"):
            self._take()
            clauses.append(self._both())
        return clauses[0] if len(clauses) == 1 else Or(tuple(clauses))

    def _both(self) -> Clause:
        clauses = [self._single()]
        while self._next.is_word("and"):
            self._take()
            clauses.append(self._single())
        return clauses[0] if len(clauses) == 1 else And(tuple(clauses))

    def _single(self) -> Clause:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._mistake(f"no more, since it is nested over {DEEPEST} deep")
        clause = self._inner()
        self._depth -= 1
        return clause

    def _inner(self) -> Clause:
        if self._next.is_word("not"):
            self._take()
            return Not(self._single())
        if self._next.kind == "sign" and self._next.text == "(":
            self._take()
            clause = self._either()
            if self._next.text != ")" or self._next.kind != "sign":
                raise self._mistake("and, or, or a closing )")
            self._take()
            return clause
        return self._condition()

    def _condition(self) -> Clause:
        token = self._next
        if token.kind not in ("word", "string") or token.is_word("and", "or", "in"):
            raise self._mistake(_CLAUSE)
        self._take()
        name = token.text.lower() if token.kind == "word" else ""
        for figure in FIGURES:
            if name == figure:
                return self._range(figure) if self._next.is_word("in") else self._compared(figure)
        for words in WORDS:
            if name == words:
                return Said(words, self._likeness(), self._said())
        for mark in MARKS:
            if name == mark:
                return Marked(mark)
        if token.kind == "word" and self._next.kind == "sign" and self._next.text not in ("(", ")"):
            known = ", ".join((*FIGURES, *WORDS))
            raise FilterMistake(self._text, token.at, f"{known}, since nothing else is compared")
        return Lone(self._plain(token))

    def _compared(self, figure: str) -> Clause:
        token, orders = self._next, {"<", "<=", ">", ">=", "=", "!="}
        if token.kind != "sign" or token.text not in orders:
            raise self._mistake(f'<, <=, >, >=, =, != or in; or "{figure}" in quotes where the word is meant')
        self._take()
        found = _ONE.fullmatch(self._next.text) if self._next.kind == "word" else None
        if found is None:
            raise self._mistake("a number such as 3, 0.01 or 1%")
        value = self._number(*found.groups())
        self._take()
        return Compared(figure, token.text, value)  # type: ignore[arg-type]  # one of them, as was seen

    def _range(self, figure: str) -> Clause:
        self._take()
        found = _RANGE.fullmatch(self._next.text) if self._next.kind == "word" else None
        if found is None:
            raise self._mistake("two numbers with .. between them, such as 10..200")
        low, low_unit, high, high_unit = found.groups()
        between = Between(figure, self._number(low, low_unit), self._number(high, high_unit))  # type: ignore[arg-type]
        self._take()
        return between

    def _number(self, digits: str, unit: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise self._mistake("a smaller number")
        return value / 100 if unit else value

    def _likeness(self) -> Likeness:
        for likeness in ("~", "!~", "=", "!="):
            if self._next.kind == "sign" and self._next.text == likeness:
                self._take()
                return likeness
        raise self._mistake("~, !~, = or !=; or the word in quotes where it is meant itself")

    def _said(self) -> str:
        if self._next.kind not in ("word", "string"):
            raise self._mistake('a word, or a text in quotes such as " dog"')
        return self._plain(self._take())

    def _plain(self, token: _Token) -> str:
        if token.kind == "word":
            return token.text
        parts = re.split(r"(\\.)", token.text[1:-1], flags=re.DOTALL)
        if unknown := next((part for part in parts[1::2] if part not in _UNESCAPED), None):
            at = token.at + token.text.index(unknown)
            raise FilterMistake(self._text, at, 'one of \\" \\\\ \\n \\t')
        return "".join(_UNESCAPED[part] if place % 2 else part for place, part in enumerate(parts))
