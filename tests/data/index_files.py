"""Indices of features whose every number is known, written without what builds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.data.feature_index_file import BINS, NONE, PROMOTED, QUANTILES, RELATED, About
from interpviz.data.feature_index_writer import FeatureIndexWriter

CONTEXT = 20
TEXTS = dict(enumerate(["<s>", " the", "é", "\x00", "a\nb", " 🙂", "<b>x</b>", ""]))
LABELLED = 2
DEAD = 3


@dataclass(frozen=True)
class Known:
    """An index and the activations (token, feature) that it is of, with the tokens' ids, documents and positions."""

    path: Path
    dense: NDArray[np.float32]
    id: NDArray[np.int32]
    document: NDArray[np.int32]
    position: NDArray[np.int32]


def activations(tokens: int, features: int, seed: int = 0, share: float = 0.3) -> NDArray[np.float32]:
    """Quarters up to 16, many of them alike, at some of the tokens, but at no position 0; feature 3 is dead."""
    rng = np.random.default_rng(seed)
    dense = rng.integers(1, 64, (tokens, features)) / 4 * (rng.random((tokens, features)) < share)
    dense[::CONTEXT] = 0
    dense[:, DEAD] = 0
    return dense.astype(np.float32)


def make(path: Path, tokens: int = 200, features: int = 12, share: float = 0.3) -> Known:
    """Write an index of random activations."""
    dense, rng = activations(tokens, features, share=share), np.random.default_rng(1)
    row = np.arange(tokens, dtype=np.int32)
    position = row % CONTEXT
    ids = np.where(position == 0, 0, rng.integers(1, len(TEXTS), tokens)).astype(np.int32)
    known = Known(path, dense, ids, row // (2 * CONTEXT), position)
    with FeatureIndexWriter(path) as writer:
        for name, array in datasets(known).items():
            writer.put(name, array)
        writer.finish(about(known))
    return known


def about(known: Known) -> About:
    """What the file says of itself."""
    tokens, features = known.dense.shape
    return About(
        dictionary="sae",
        dictionary_sha256="a" * 64,
        hook="blocks.0.hook_resid_post",
        model="toy",
        model_sha256="b" * 64,
        cache="notes",
        cache_sha256="c" * 64,
        features=features,
        tokens=tokens,
        counted=int((known.position > 0).sum()),
        compared=tokens,
        labels=1,
        labels_good=1,
        labels_shuffled=0,
    )


def datasets(known: Known) -> dict[str, NDArray[Any]]:
    """Every dataset, feature by feature."""
    features = known.dense.shape[1]
    ranked = [order(known.dense[:, feature]) for feature in range(features)]
    rising = [np.flatnonzero(known.dense[:, feature]) for feature in range(features)]
    value = [known.dense[rows, feature] for feature, rows in enumerate(ranked)]
    texts = [text.encode() for text in TEXTS.values()]
    label = json.dumps({"where": "at", "tokens": [1], "stem": ""}).encode()
    rng = np.random.default_rng(2)
    found: dict[str, NDArray[Any]] = {
        "entries/ptr": np.cumsum([0, *map(len, ranked)]),
        "entries/row": np.concatenate(ranked),
        "entries/value": np.concatenate(value),
        "by_row/row": np.concatenate(rising),
        "by_row/value": np.concatenate([known.dense[rows, feature] for feature, rows in enumerate(rising)]),
        "features/maximum": known.dense.max(axis=0),
        "features/mean": np.array([values.mean() if len(values) else 0 for values in value]),
        "features/top_id": np.array([known.id[rows[0]] if len(rows) else NONE for rows in ranked]),
        "features/histogram": np.array([np.histogram(values, BINS, (0, values.max(initial=1)))[0] for values in value]),
        "features/quantiles": np.array(
            [np.quantile(values, np.linspace(0, 1, QUANTILES)) if len(values) else [0] * QUANTILES for values in value]
        ),
        "labels/score": np.where(np.arange(features) == LABELLED, 0.9, np.nan),
        "labels/text": np.frombuffer('"é" at the token'.encode(), np.uint8),
        "labels/text_ptr": np.where(np.arange(features + 1) > LABELLED, len('"é" at the token'.encode()), 0),
        "labels/predicate": np.frombuffer(label, np.uint8),
        "labels/predicate_ptr": np.where(np.arange(features + 1) > LABELLED, len(label), 0),
        "tokens/row": np.column_stack([known.id, known.document, known.position]),
        "vocabulary/id": np.arange(len(TEXTS)),
        "vocabulary/ptr": np.cumsum([0, *map(len, texts)]),
        "vocabulary/text": np.frombuffer(b"".join(texts), np.uint8),
    }
    for way in ("promoted", "suppressed"):
        found |= {f"{way}/id": rng.integers(0, len(TEXTS), (features, PROMOTED))}
        found |= {f"{way}/value": rng.standard_normal((features, PROMOTED))}
    for kind in ("neighbours", "together"):
        found |= {f"{kind}/feature": rng.integers(-1, features, (features, RELATED))}
        found |= {f"{kind}/value": rng.random((features, RELATED))}
    return found


def order(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """The tokens at which a feature is active, the largest value first, of equal ones the earlier."""
    rows = np.flatnonzero(values)
    return rows[np.lexsort((rows, -values[rows]))]
