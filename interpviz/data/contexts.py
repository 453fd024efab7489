"""The tokens of a cache: all of them, or those of one context."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import CacheContext, CacheTokens
from interpviz.data.manifest import CacheDamaged
from interpviz.data.shard import TOKENS, Shard
from interpviz.data.shards import Shards

IMPOSSIBLE = "its tokens have impossible positions"


def every_token(shards: Shards) -> CacheTokens:
    """Every token with its document and position, and the text of those that occur."""
    parts, texts = [], dict[int, str]()
    for place in range(len(shards)):
        parts.append(tokens(shards[place]))
        new = [i for i in np.unique(parts[-1][0]).tolist() if i not in texts]
        texts |= dict(zip(new, texts_of(shards[place], np.array(new, np.int32)), strict=True))
    ids, documents, positions = (np.concatenate(part) for part in zip(*parts, strict=True))
    if (positions > np.arange(len(positions))).any():
        raise CacheDamaged(shards[0].path, IMPOSSIBLE)
    return CacheTokens(ids, documents, positions, texts)


def tokens(shard: Shard) -> tuple[NDArray[Any], ...]:
    """A shard's tokens, their documents and positions, each (n,). Raises CacheDamaged where they cannot be."""
    ids, documents, positions = (shard[name].all() for name in TOKENS)
    if ids.min() < 0 or positions.min() < 0:
        raise CacheDamaged(shard.path, IMPOSSIBLE)
    return ids, documents, positions


def context(shards: Shards, row: int, length: int) -> CacheContext:
    """What of the context around a row lies in the row's shard; `length` is the most tokens of a context."""
    place, here = shards.place_of(row)
    shard = shards[place]
    position = int(shard["tokens/position"].rows(np.array([here]))[0])
    start = max(0, here - position) if position >= 0 else here
    stop = min(shard.tokens, max(here + 1, start + length))
    ids, documents, positions = (shard[name].part(start, stop).copy() for name in TOKENS)
    ends = np.flatnonzero(np.diff(positions[here - start :]) != 1)  # the next context begins again
    end = here - start + int(ends[0]) + 1 if len(ends) else len(positions)
    if ids[:end].min() < 0 or (np.diff(positions[:end]) != 1).any():
        raise CacheDamaged(shard.path, IMPOSSIBLE)
    first = int(shards.starts[place]) + start
    return CacheContext(first, int(documents[0]), ids[:end], positions[:end], tuple(texts_of(shard, ids[:end])))


def texts_of(shard: Shard, ids: NDArray[np.integer[Any]]) -> list[str]:
    """The text of each of these tokens. Raises CacheDamaged for one that the shard has none of."""
    known, texts, lengths = (shard[f"vocabulary/{name}"].all() for name in ("id", "text", "length"))
    if not len(known) == len(texts) == len(lengths) or not 0 <= lengths.min() <= lengths.max() <= texts.itemsize:
        raise CacheDamaged(shard.path, "its vocabulary has gaps")
    order = np.argsort(known, kind="stable")
    found = order[np.minimum(np.searchsorted(known, ids, sorter=order), len(known) - 1)]
    if (known[found] != ids).any():
        raise CacheDamaged(shard.path, "its vocabulary has gaps")
    whole = texts.view(np.uint8).reshape(len(texts), -1)
    return [bytes(whole[at, : lengths[at]]).decode("utf-8", "replace") for at in found]
