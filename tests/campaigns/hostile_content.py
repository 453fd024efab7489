"""Shards of ours whose datasets were changed, with checksums and a header that are right."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.campaigns.hostile_case import Ground, case
from tests.campaigns.hostile_shard import SITE, header, sealed

STATISTICS = "statistics/blocks.0.hook_resid_post"


@case("tokens that were changed", "is not as it was written", opener="cache")
def _changed(ground: Ground) -> Path:
    path = ground.shard()
    with h5py.File(path, "r+") as file:
        file["tokens/id"][3] = 4
    return path


def _resealed(path: Path, name: str, values: Any) -> Path:
    """Other values in a dataset, with the checksums that they should have."""
    with h5py.File(path, "r+") as file:
        file[name][...] = values
        raw = file[name][()].tobytes()
        file[f"checksums/{name}"][...] = np.array([zlib.crc32(raw)], "<u4")
    return path


@case("token ids that are negative", "its tokens have impossible positions", opener="cache")
def _negative_ids(ground: Ground) -> Path:
    return _resealed(ground.shard(), "tokens/id", -1)


@case("token positions of 2^31", "impossible positions", opener="cache")
def _positions(ground: Ground) -> Path:
    return _resealed(ground.shard(), "tokens/position", 2**31 - 1)


@case("token ids that have no text", "its vocabulary has gaps", opener="cache")
def _unknown_ids(ground: Ground) -> Path:
    return _resealed(ground.shard(), "tokens/id", 2**31 - 1)


@case("texts longer than they are wide", "its vocabulary has gaps", opener="cache")
def _lengths(ground: Ground) -> Path:
    return _resealed(ground.shard(), "vocabulary/length", 2**31 - 1)


@case("texts of negative length", "its vocabulary has gaps", opener="cache")
def _negative_lengths(ground: Ground) -> Path:
    return _resealed(ground.shard(), "vocabulary/length", -5)


def reshaped(name: str, dataset: str, shape: tuple[int, ...], said: str) -> None:
    """Add a case: a shard in which a dataset has this shape, as its header says."""

    def craft(ground: Ground) -> Path:
        path = ground.shard()
        fields = json.loads(header(path))
        with h5py.File(path, "r+") as file:
            values = np.resize(file[dataset][()], shape)
            del file[dataset]
            file[dataset] = values
            file[f"checksums/{dataset}"][...] = np.array([zlib.crc32(values.tobytes())], "<u4")
        fields["datasets"][dataset]["shape"] = shape
        return sealed(path, json.dumps(fields))

    case(name, said, opener="cache")(craft)


reshaped("tokens in two axes", "tokens/id", (60, 1), "tokens/id has another shape")
reshaped("lengths of texts in two axes", "vocabulary/length", (8, 1), "vocabulary/length has another shape")
reshaped("fewer lengths than texts", "vocabulary/length", (7,), "its vocabulary has gaps")
reshaped("activations in one axis", SITE, (60,), f"{SITE} has another shape")
reshaped("mean of another width", f"{STATISTICS}/mean", (7,), f"{STATISTICS}/mean has another shape")
reshaped("two counts", f"{STATISTICS}/count", (2,), f"{STATISTICS}/count has another shape")
