"""The page of one feature: its figures, and examples of where it is active with what stands around them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from interpviz.core.feature_results import Example, ExampleGroup, FeaturePage, Related, TopTokens
from interpviz.core.labels import Label, Predicate
from interpviz.core.results import F4
from interpviz.data.feature_index_file import NONE, IndexDamaged, edges

if TYPE_CHECKING:
    from interpviz.data.feature_index import FeatureIndex

STRONGEST, EACH = 20, 5
QUANTILES = 5
CANDIDATES = 3  # times as many are looked at, to find some of different contexts
BEFORE, AFTER = 24, 8
ID, DOCUMENT, POSITION = range(3)

_PREDICATE = TypeAdapter(Predicate)
Ranks = NDArray[np.intp]


def page(index: FeatureIndex, feature: int) -> FeaturePage:
    """All that an index says of a feature. What it takes does not grow with the cache."""
    low, high = index.span(feature)

    def row(name: str) -> Any:
        return index[name].part(feature, feature + 1)[0]

    maximum, quantiles = row("features/maximum"), row("features/quantiles").copy()
    return FeaturePage(
        feature=feature,
        density=(high - low) / index.about.counted,
        active=high - low,
        maximum=float(maximum),
        mean=float(row("features/mean")),
        edges=edges(quantiles[:1], maximum[None])[0],
        counts=row("features/histogram").astype(np.int32),
        quantiles=quantiles,
        groups=_groups(index, low, high),
        promoted=_tokens(index, row("promoted/id"), row("promoted/value")),
        suppressed=_tokens(index, row("suppressed/id"), row("suppressed/value")),
        neighbours=_related(row("neighbours/feature"), row("neighbours/value")),
        together=_related(row("together/feature"), row("together/value")),
        label=_label(index, feature, float(row("labels/score"))),
    )


def _groups(index: FeatureIndex, low: int, high: int) -> tuple[ExampleGroup, ...]:
    """The strongest, then some of each fifth of the active tokens, the fifth with the largest values first."""
    if low == high:
        return ()
    proposed = list(_proposed(high - low))
    rows = _rows(index, low + np.concatenate([ranks for _, ranks, _ in proposed]))
    begins = np.split(_begins(index, rows), np.cumsum([len(ranks) for _, ranks, _ in proposed])[:-1])
    chosen = [np.sort(ranks[_apart(where, most)]) for (_, ranks, most), where in zip(proposed, begins, strict=True)]
    places = low + np.concatenate(chosen)
    values, examples = index.values_at("entries/value", places), iter(_examples(index, low, high, _rows(index, places)))
    ends = np.cumsum([len(ranks) for ranks in chosen])[:-1]
    return tuple(
        ExampleGroup(name, float(theirs.min()), float(theirs.max()), tuple(itertools.islice(examples, len(theirs))))
        for (name, _, _), theirs in zip(proposed, np.split(values, ends), strict=True)
    )


def _proposed(count: int) -> Iterator[tuple[str, Ranks, int]]:
    """Each group's name, the ranks to choose from, the first of them preferred, and how many to choose."""
    yield "Strongest", np.arange(min(count, CANDIDATES * STRONGEST)), STRONGEST
    groups = min(QUANTILES, count)
    for part in range(groups):
        start, stop = count * part // groups, count * (part + 1) // groups
        spread = np.unique(np.linspace(start, stop - 1, CANDIDATES * EACH).round().astype(np.intp))
        dealt = np.concatenate([spread[at::CANDIDATES] for at in range(CANDIDATES)])  # the first few are spread too
        yield f"{100 * (groups - part - 1) // groups}% to {100 * (groups - part) // groups}%", dealt, EACH


def _rows(index: FeatureIndex, places: NDArray[np.intp]) -> NDArray[np.intp]:
    """The rows of the cache at some places of the entries."""
    rows = index["entries/row"].rows(places).astype(np.intp)
    if rows.max() >= index.facts.tokens:
        raise IndexDamaged(index.path, "its entries are of rows that there are not")
    return rows


def _begins(index: FeatureIndex, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """The row at which the context of each of these begins."""
    found: NDArray[np.intp] = rows - index["tokens/row"].rows(rows)[:, POSITION]
    return found


def _apart(begins: NDArray[np.intp], most: int) -> Ranks:
    """Which to show of rows whose contexts begin there: the first ones, each of another context if there are enough."""
    _, first = np.unique(begins, return_index=True)
    again = np.ones(len(begins), np.bool_)
    again[first] = False
    return np.concatenate([np.sort(first), np.flatnonzero(again)])[:most]


def _examples(index: FeatureIndex, low: int, high: int, rows: NDArray[np.intp]) -> Iterator[Example]:
    """Each of these tokens with what stands around it in its context."""
    around = np.clip(rows[:, None] + np.arange(-BEFORE, AFTER + 1), 0, index.facts.tokens - 1)
    tokens = index["tokens/row"].rows(around.reshape(-1)).reshape(*around.shape, 3)
    positions = tokens[:, :, POSITION]
    if positions.min() < 0:
        raise IndexDamaged(index.path, "its tokens have impossible positions")
    start = np.maximum(around[:, 0], rows - positions[:, BEFORE])
    goes_on = positions[:, BEFORE:] == positions[:, BEFORE, None] + np.arange(AFTER + 1)
    goes_on &= rows[:, None] + np.arange(AFTER + 1) < index.facts.tokens
    stop = rows + np.cumprod(goes_on, axis=1).sum(axis=1)
    lengths = stop - start
    ends = np.cumsum(lengths)
    every = np.arange(ends[-1]) + np.repeat(start - (ends - lengths), lengths)
    ids = tokens[np.repeat(np.arange(len(rows)), lengths), every - np.repeat(rows - BEFORE, lengths), ID]
    texts, values = index.vocabulary.texts(ids), _values(index, low, high, start, stop)
    for number, (first, last) in enumerate(itertools.pairwise((0, *ends.tolist()))):
        at = int(rows[number] - start[number])
        yield Example(
            row=int(rows[number]),
            at=at,
            ids=ids[first:last],
            texts=texts[first:last],
            values=values[first:last],
            document=int(tokens[number, BEFORE, DOCUMENT]),
            position=int(positions[number, BEFORE]),
        )


def _values(index: FeatureIndex, low: int, high: int, start: NDArray[np.intp], stop: NDArray[np.intp]) -> F4:
    """A feature's values at the rows of stretches from `start` to before `stop`, found among its entries by row.

    The search looks at no checksums; those of the two entries between which it ended are looked at after it. Whatever
    misled it would be one of them.
    """
    array = index["by_row/row"]
    array.part(low, low)  # says if the file was cut
    entries = array.values[low:high]
    first, last = (low + np.searchsorted(entries, bound.astype(np.uint32)) for bound in (start, stop))
    array.rows(np.clip(np.concatenate([first - 1, first, last - 1, last]), low, high - 1))
    counts = np.maximum(last - first, 0)
    ends = np.cumsum(counts)
    places = np.arange(ends[-1]) + np.repeat(first - (ends - counts), counts)
    rows, stretch = array.rows(places).astype(np.intp), np.repeat(np.arange(len(start)), counts)
    if (rows < start[stretch]).any() or (rows >= stop[stretch]).any():
        raise IndexDamaged(index.path, "its entries are not in order")
    lengths = stop - start
    found = np.zeros(int(lengths.sum()), np.float32)
    found[rows + (np.cumsum(lengths) - lengths - start)[stretch]] = index.values_at("by_row/value", places)
    return found


def _tokens(index: FeatureIndex, ids: NDArray[np.int32], values: F4) -> TopTokens:
    there = ids != NONE
    kept = ids[there].copy()
    return TopTokens(kept, index.vocabulary.texts(kept), values[there].copy())


def _related(features: NDArray[np.int32], values: F4) -> Related:
    there = features != NONE
    return Related(features[there].copy(), values[there].copy())


def _label(index: FeatureIndex, feature: int, score: float) -> Label | None:
    said = index.predicates[feature]
    if not said:
        return None
    try:
        predicate = _PREDICATE.validate_python(json.loads(said))
    except (ValueError, RecursionError, ValidationError) as error:
        raise IndexDamaged(index.path, f"the label of feature {feature} says nothing that can be") from error
    return Label(predicate, index.labels[feature], score)
