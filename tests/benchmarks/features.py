"""A feature's top examples from an index against a scan of all codes, and streaming top-k against torch.topk."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from interpviz.core.results import F4
from interpviz.data import probe
from interpviz.data.feature_index import FeatureIndex
from interpviz.data.feature_index_file import TYPES, About
from interpviz.data.feature_index_writer import FeatureIndexWriter
from interpviz.engine.indexing.build import fitting_scale, half
from interpviz.engine.indexing.spool import Spool
from interpviz.engine.indexing.stripes import Entries, Stripes
from interpviz.engine.indexing.strongest import Strongest
from tests.benchmarks.rounds import Row, times_faster

TOKENS, FEATURES, ACTIVE, TOP = 262_144, 16_384, 64, 20
BLOCK = 1024
SHARE = 32  # torch.topk goes over one in so many blocks, and its time is multiplied: all would take it minutes
ASKED = 50


def rows() -> Iterator[Row]:
    """SPEED's rows `top examples` and `streaming top-k`: one thread each, the same codes for both."""
    torch.set_num_threads(1)
    index, value = codes()
    yield _streaming(index, value)
    with tempfile.TemporaryDirectory() as folder:
        yield from _examples(Path(folder), index, value)
        probe.end()


def codes() -> tuple[NDArray[np.int32], F4]:
    """The active features of each token and their values, (token, k): no two values of a feature are alike."""
    rng = np.random.default_rng(0)
    stride = rng.integers(1, FEATURES // ACTIVE, (TOKENS, ACTIVE))
    index = (np.cumsum(stride, axis=1) + rng.integers(0, FEATURES, (TOKENS, 1))) % FEATURES
    value = rng.permutation(np.arange(1, TOKENS * ACTIVE + 1, dtype=np.int64)).reshape(index.shape)
    return index.astype(np.int32), (value.astype(np.float32) / TOKENS).astype(np.float32)


def _streaming(index: NDArray[np.int32], value: F4) -> Row:
    blocks = [_entries(index, value, low) for low in range(0, TOKENS, BLOCK)]
    dense = [_dense(index, value, low) for low in range(0, TOKENS, BLOCK * SHARE)]

    def ours() -> float:
        began = time.perf_counter()
        _ = _strongest(blocks).values
        return time.perf_counter() - began

    def theirs() -> float:
        began = time.perf_counter()
        _topk(dense)
        return SHARE * (time.perf_counter() - began)

    few = _strongest([_entries(index, value, low) for low in range(0, TOKENS, BLOCK * SHARE)])
    same = bool(np.array_equal(few.values, _topk(dense).T.numpy()))
    name = f"streaming top-{TOP}, {TOKENS:,} tokens x {FEATURES:,} features"
    return times_faster(name, "torch.topk of dense blocks and the best so far", 35.0, ours, theirs, sound=same)


def _strongest(blocks: list[Entries]) -> Strongest:
    found = Strongest(FEATURES, TOP)
    for block in blocks:
        found.add(block)
    return found


def _topk(blocks: list[torch.Tensor]) -> torch.Tensor:
    best = torch.zeros(TOP, FEATURES)
    for block in blocks:
        best = torch.topk(torch.cat([best, block]), TOP, dim=0).values
    return best


def _examples(folder: Path, index: NDArray[np.int32], value: F4) -> Iterator[Row]:
    """From the file, all checksums still to be seen in the first round, against arrays in memory."""
    path = folder / "sae.features.h5"
    _write(path, index, value)
    opened, asked = FeatureIndex.open(path), np.random.default_rng(1).integers(0, FEATURES, ASKED).tolist()
    one_at_a_time: list[float] = []

    def ours() -> float:
        took = []
        for feature in asked:
            began = time.perf_counter()
            opened.examples(feature, TOP)
            took.append(time.perf_counter() - began)
        one_at_a_time.append(statistics.median(took))
        return ASKED * one_at_a_time[-1]  # what else runs on the machine falls on few of them

    def theirs() -> float:
        began = time.perf_counter()
        _scan(index, value, asked[0])
        return ASKED * (time.perf_counter() - began)

    same = all(np.array_equal(opened.examples(feature, TOP)[0], _scan(index, value, feature)) for feature in asked[:5])
    name = f"top {TOP} examples, {TOKENS:,} tokens x {FEATURES:,} features"
    row = times_faster(name, f"scan of token-major codes, {ACTIVE} a token", 500.0, ours, theirs, sound=same)
    yield Row(
        **vars(row) | {"note": f"{1e6 * statistics.median(one_at_a_time):.0f} us; page {_page(opened, asked)} ms"}
    )


def _page(opened: FeatureIndex, asked: list[int]) -> str:
    def took(feature: int) -> float:
        began = time.perf_counter()
        opened.page(feature)
        return 1e3 * (time.perf_counter() - began)

    first = statistics.median([took(feature) for feature in asked])
    return f"{first:.1f}, again {statistics.median([took(feature) for feature in asked]):.1f}"


def _scan(index: NDArray[np.int32], value: F4, feature: int) -> NDArray[np.intp]:
    """The rows of the strongest tokens, found by looking at all."""
    there = np.flatnonzero(index.reshape(-1) == feature)
    values = value.reshape(-1)[there]
    found: NDArray[np.intp] = there[np.argsort(-values, kind="stable")[:TOP]] // ACTIVE
    return found


def _write(path: Path, index: NDArray[np.int32], value: F4) -> None:
    """An index of these codes; of all else it holds nothing."""
    with Spool(path.parent) as spool, FeatureIndexWriter(path) as writer:
        stripes = Stripes(FEATURES, spool)
        for low in range(0, TOKENS, BLOCK):
            stripes.add(_entries(index, value, low))
        stripes.flush()
        scale, total = fitting_scale(stripes.largest), stripes.entries
        writer.put("entries/ptr", np.cumsum([0, *stripes.counts]))
        for bucket in stripes.buckets():
            ranked = bucket.ranked()
            writer.put("entries/row", ranked.rows, total)
            writer.put("entries/value", half(ranked.values, scale), total, scale)
            writer.put("by_row/row", bucket.rows, total)
            writer.put("by_row/value", half(bucket.values, scale), total, scale)
        lengths = {"tokens/row": TOKENS, "labels/text": 1, "labels/predicate": 1, "vocabulary/text": 1}
        lengths |= {"vocabulary/id": 1, "vocabulary/ptr": 2}
        lengths |= dict.fromkeys(("labels/text_ptr", "labels/predicate_ptr"), FEATURES + 1)
        for name in TYPES.keys() - {name for name in TYPES if name.startswith(("entries", "by_row"))}:
            dtype, row = TYPES[name]
            writer.put(name, np.zeros((lengths.get(name, FEATURES), *row), dtype))
        writer.finish(_about())


def _about() -> About:
    named = {"dictionary": "sae", "hook": "none", "model": "none", "cache": "none"}
    hashes = dict.fromkeys(("dictionary_sha256", "model_sha256", "cache_sha256"), "0" * 64)
    counts = {"features": FEATURES, "tokens": TOKENS, "counted": TOKENS, "compared": TOKENS}
    return About.model_validate(named | hashes | counts | {"labels": 0, "labels_good": 0, "labels_shuffled": 0})


def _entries(index: NDArray[np.int32], value: F4, low: int) -> Entries:
    here = slice(low, low + BLOCK)
    order = np.argsort(index[here], axis=1)
    features = np.take_along_axis(index[here], order, axis=1)
    return Entries(
        np.repeat(np.arange(low, low + BLOCK), ACTIVE),
        features.reshape(-1),
        np.take_along_axis(value[here], order, axis=1).reshape(-1),
    )


def _dense(index: NDArray[np.int32], value: F4, low: int) -> torch.Tensor:
    dense = torch.zeros(BLOCK, FEATURES)
    return dense.scatter_(
        1, torch.from_numpy(index[low : low + BLOCK].astype(np.int64)), torch.from_numpy(value[low : low + BLOCK])
    )
