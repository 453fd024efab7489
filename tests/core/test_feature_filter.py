"""Filters of features: what they let through, one feature at a time, and what is said of what is no filter."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.core.errors import InterpvizError
from interpviz.core.feature_filter import DEEPEST, LONGEST, Filter, FilterMistake, parse
from interpviz.core.feature_results import FeatureTable, Notes
from interpviz.core.filter_clauses import And, Between, Compared, Lone, Marked, Not, Or, Said

NAN = float("nan")
TABLE = FeatureTable(
    density=np.array([0.5, 0.009, 0.001, 0.0], np.float32),
    maximum=np.array([1.0, 3.5, 10.0, 0.0], np.float32),
    top_token=(" the", " dog", ' "', ""),
    label=('after " to"', 'a word like "DOG-" at the token', "", ""),
    score=np.array([0.7, 0.95, NAN, NAN], np.float32),
)
NOTES = Notes(texts=((2, "quotes?"), (99, "of another")), labels=((0, "own name"),), bookmarks=frozenset({1, 2, 99}))
EFFECTS = np.array([-0.25, NAN, 0.5, 0.0], np.float32)


def kept(text: str, effects: Any = EFFECTS) -> list[int]:
    return np.flatnonzero(parse(text).rows(TABLE, NOTES, effects)).tolist()


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("", [0, 1, 2, 3]),
        ("density < 1% and maximum > 3", [1, 2]),
        ('label ~ "dog" or top_token = " the"', [0, 1]),
        ("not bookmarked", [0, 3]),
        ("noted", [2]),
        ("score >= 0.7", [0, 1]),
        ("score != 0.7", [1]),
        ("score<.8", [0]),
        ("not score >= 0.7", [2, 3]),
        ("effect != 0", [0, 2]),
        ("effect = 0", [3]),
        ("feature in 1..2", [1, 2]),
        ("density in 0.05%..1%", [1, 2]),
        ("maximum = 3.5e0", [1]),
        ("feature = 3", [3]),
        ("feature >= 1e300", []),
        ("density < 1e300", [0, 1, 2, 3]),
        ("Dog", [1]),
        ("own", [0]),
        ("to", [1]),
        ('label ~ "to"', [1]),
        ('label = "own name"', [0]),
        ('label != "own name"', [1, 2, 3]),
        ("label !~ dog", [0, 2, 3]),
        ('top_token = "\\""', []),
        ('top_token ~ "\\""', [2]),
        ("top_token = the", []),
        ("note ~ QUOTES", [2]),
        ("NOT (bookmarked OR feature = 0)", [3]),
        ("bookmarked or noted and density > 1", [1, 2]),
        ("(bookmarked or noted) and density > 1", []),
        ("not not noted", [2]),
        ("noted and not noted", []),
    ],
)
def test_a_filter_lets_through_what_it_says(text: str, features: list[int]) -> None:
    assert kept(text) == features


def test_effects_that_are_not_known_satisfy_nothing() -> None:
    assert kept("effect < 5 or effect >= 5 or effect != 1", None) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("density <", "cannot be read at its end: there could stand a number such as 3, 0.01 or 1%"),
        ("density < x", "at letter 11, 'x': there could stand a number"),
        ("density << 3", "at letter 10, '<': there could stand a number"),
        ("denity < 1%", "at letter 1, 'denity': there could stand feature, density, maximum, score"),
        ("density", 'at its end: there could stand <, <=, >, >=, =, != or in; or "density" in quotes'),
        ("density in 3", "at letter 12, '3': there could stand two numbers"),
        ("density < 1e999", "at letter 11, '1e999': there could stand a smaller number"),
        ("label < 3", "at letter 7, '<': there could stand ~, !~, = or !="),
        ("label ~", "at its end: there could stand a word, or a text in quotes"),
        ('label ~ "dog', "at letter 9, '\"dog': there could stand a text that ends in \""),
        (r'label ~ "d\og"', r"""at letter 11, '\og"': there could stand one of"""),
        ("a b", "at letter 3, 'b': there could stand and, or, or the end"),
        ("(a", "at its end: there could stand and, or, or a closing )"),
        ("a)", "at letter 2, ')': there could stand and, or, or the end"),
        ("and", "at letter 1, 'and': there could stand a condition such as density < 1%"),
        ("not", "at its end: there could stand a condition"),
        ("()", "at letter 2, ')': there could stand a condition"),
        ("a ! b", "at letter 3, '!': there could stand != or !~"),
        ("x" * 1001, "has 1,001 letters"),
        ("(" * 60 + "a" + ")" * 60, "nested over 50 deep"),
        ("not " * 60 + "a", "nested over 50 deep"),
    ],
)
def test_a_mistake_is_a_sentence_that_names_the_place_and_what_could_stand_there(text: str, said: str) -> None:
    with pytest.raises(InterpvizError) as raised:
        parse(text)
    assert said in str(raised.value)


def test_what_is_nested_as_deep_as_may_be_is_read() -> None:
    assert kept("(" * (DEEPEST - 1) + "noted" + ")" * (DEEPEST - 1)) == [2]


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.7, 3.5, 0.0, 1.0, 2.0, 0.001])
TEXTS = st.text(max_size=5) | st.sampled_from(["dog", " the", "own name", '"', ""])
FIGURES = st.sampled_from(["feature", "density", "maximum", "score", "effect"])
SIMPLE: Any = st.one_of(
    st.builds(Compared, FIGURES, st.sampled_from(["<", "<=", ">", ">=", "=", "!="]), NUMBERS),
    st.builds(Between, FIGURES, NUMBERS, NUMBERS),
    st.builds(Said, st.sampled_from(["label", "top_token", "note"]), st.sampled_from(["~", "!~", "=", "!="]), TEXTS),
    st.builds(Marked, st.sampled_from(["bookmarked", "noted"])),
    st.builds(Lone, TEXTS),
)
CLAUSES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@given(CLAUSES)
def test_a_filter_prints_as_what_parses_to_it(clause: Any) -> None:
    if len(str(Filter(clause))) <= LONGEST:
        assert parse(str(Filter(clause))) == Filter(clause)


@given(CLAUSES)
def test_all_features_at_once_are_judged_as_each_alone(clause: Any) -> None:
    assert Filter(clause).rows(TABLE, NOTES, EFFECTS).tolist() == [judged(clause, feature) for feature in range(4)]


@given(st.text(max_size=40) | st.text('()!<>=~"\\ .%1e-anotrdlbi', max_size=40))
def test_any_text_is_a_filter_or_a_sentence(text: str) -> None:
    try:
        parse(text).rows(TABLE, NOTES, EFFECTS)
    except FilterMistake as mistake:
        assert str(mistake).startswith("The filter cannot be read at ")


def judged(clause: Any, feature: int) -> bool:
    """Whether one feature passes, worked out without arrays."""
    match clause:
        case Not():
            return not judged(clause.clause, feature)
        case And():
            return all(judged(one, feature) for one in clause.clauses)
        case Or():
            return any(judged(one, feature) for one in clause.clauses)
        case Marked():
            return feature in (NOTES.bookmarks if clause.mark == "bookmarked" else {2})
        case Lone():
            return any(clause.text.casefold() in text_of(name, feature).casefold() for name in ("label", "top_token"))
        case Said():
            text = text_of(clause.words, feature)
            same = text == clause.text if "=" in clause.likeness else clause.text.casefold() in text.casefold()
            return same != clause.likeness.startswith("!")
    return compared(clause, feature)


def compared(clause: Any, feature: int) -> bool:
    """A figure of float32 is compared with a number that is rounded as it was itself."""
    column: Any = {"feature": range(4), "effect": EFFECTS}.get(clause.figure)
    value = float((column if column is not None else getattr(TABLE, clause.figure))[feature])
    if math.isnan(value):
        return False
    if isinstance(clause, Between):
        return rounded(clause, clause.low) <= value <= rounded(clause, clause.high)
    other = rounded(clause, clause.value)
    return {
        "<": value < other,
        "<=": value <= other,
        ">": value > other,
        ">=": value >= other,
        "=": value == other,
        "!=": value != other,
    }[clause.order]


def rounded(clause: Any, number: float) -> float:
    with np.errstate(over="ignore"):
        return number if clause.figure == "feature" else float(np.float32(number))


def text_of(name: str, feature: int) -> str:
    if name == "note":
        return NOTES.text(feature)
    return TABLE.top_token[feature] if name == "top_token" else NOTES.label(feature) or TABLE.label[feature]


@pytest.mark.slow
def test_a_hundred_thousand_features_are_filtered_while_one_types() -> None:
    count, draw = 100_000, np.random.default_rng(0)
    figures = draw.random(count).astype(np.float32)
    words = tuple(f'" word{number}", " other" at the token' for number in range(count))
    table = FeatureTable(figures, figures, words, words, figures)
    for text, limit in (("density < 1% and score > 0.5", 0.02), ("label ~ word77", 0.1), ("word77", 0.2)):
        started = time.perf_counter()
        parse(text).rows(table, NOTES)
        assert time.perf_counter() - started < limit
