"""What stands in the file of a feature index: its header and its datasets, by path."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4
from interpviz.data.checked import Described
from interpviz.data.manifest import Sha256

ENCODING = "interpviz-features"
VERSION = "1.0.0"
BINS, QUANTILES = 40, 101
PROMOTED, RELATED = 10, 8
NONE = -1
"""The id or feature in a place that nothing takes."""

Features = Annotated[int, Field(ge=0, lt=2**31)]
Text = Annotated[str, Field(min_length=1, max_length=4096)]

TYPES: dict[str, tuple[str, tuple[int, ...]]] = {
    "entries/ptr": ("<u8", ()),
    "entries/row": ("<u4", ()),
    "entries/value": ("<f2", ()),
    "by_row/row": ("<u4", ()),
    "by_row/value": ("<f2", ()),
    "features/maximum": ("<f4", ()),
    "features/mean": ("<f4", ()),
    "features/top_id": ("<i4", ()),
    "features/histogram": ("<u4", (BINS,)),
    "features/quantiles": ("<f4", (QUANTILES,)),
    "promoted/id": ("<i4", (PROMOTED,)),
    "promoted/value": ("<f4", (PROMOTED,)),
    "suppressed/id": ("<i4", (PROMOTED,)),
    "suppressed/value": ("<f4", (PROMOTED,)),
    "neighbours/feature": ("<i4", (RELATED,)),
    "neighbours/value": ("<f4", (RELATED,)),
    "together/feature": ("<i4", (RELATED,)),
    "together/value": ("<f4", (RELATED,)),
    "labels/score": ("<f4", ()),
    "labels/text_ptr": ("<u8", ()),
    "labels/text": ("|u1", ()),
    "labels/predicate_ptr": ("<u8", ()),
    "labels/predicate": ("|u1", ()),
    "tokens/row": ("<i4", (3,)),
    "vocabulary/id": ("<i4", ()),
    "vocabulary/ptr": ("<u8", ()),
    "vocabulary/text": ("|u1", ()),
}
"""Every dataset with the type of its numbers and the shape of one row.

`entries` are the tokens at which a feature is active: those of feature f are rows ptr[f] to ptr[f+1], the strongest
first, and of equal ones the earlier; `row` is the cache's. `by_row` are the same in the order of the cache's rows.
A row of tokens is id, document and position, side by side so that a page touches few blocks.
Texts are UTF-8, text i the bytes ptr[i] to ptr[i+1]; a predicate is JSON, empty where a feature has no label. A dataset
of no rows has one row of zeros, since HDF5 gives an empty one no place.
"""


class IndexDamaged(InterpvizError):
    """A feature index is not as it was written."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"{path.name} is damaged: {what}. Build it again with `interpviz features`, or take an undamaged copy."
        )


class About(BaseModel):
    """What was looked up where. `tokens` are the rows of the cache, `counted` those of them not at position 0.

    `compared` are the rows that co-activation was counted on, all of them unless there were too many. Of the `labels`
    that were found `labels_good` score over 0.7, and `labels_shuffled` would if each were another feature's.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    dictionary: Text
    dictionary_sha256: Sha256
    hook: Text
    model: Text
    model_sha256: Sha256
    cache: Text
    cache_sha256: Sha256
    features: Annotated[Features, Field(ge=1)]
    tokens: Annotated[int, Field(ge=1, lt=2**31)]
    counted: Annotated[int, Field(ge=1, lt=2**31)]
    compared: Annotated[int, Field(ge=0, lt=2**31)]
    labels: Features
    labels_good: Features
    labels_shuffled: Features


class IndexHeader(About):
    """All that a reader of an index needs; `content` is the sha256 over the checksums of all datasets."""

    datasets: Annotated[dict[str, Described], Field(max_length=1000)]
    content: Sha256


def header(about: About, datasets: dict[str, dict[str, Any]], content: str) -> dict[str, Any]:
    """The header as it is written."""
    return {"format": ENCODING, "version": VERSION, **about.model_dump(), "datasets": datasets, "content": content}


def edges(minimum: F4, maximum: F4) -> F4:
    """The edges (feature, bin+1) of the histogram: from 0, or the least where that is negative, to the largest."""
    low, high = np.minimum(minimum, 0).astype(np.float64), np.maximum(maximum, 0).astype(np.float64)
    return np.linspace(low, high, BINS + 1, axis=1).astype(np.float32)
