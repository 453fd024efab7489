"""A recorded cache, read: which tokens it holds and what the model's sites were at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.document import CacheFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4, CacheTokens
from interpviz.core.sites import Site
from interpviz.data import manifest
from interpviz.data.halves import as_float32
from interpviz.data.manifest import CacheDamaged, Job
from interpviz.data.shard import TOKENS, CheckedArray, Shard


@dataclass(frozen=True, eq=False)
class Mean:
    """The mean activation of a site, each (d...): at position 0, and at all others, over `tokens` rows in all."""

    first: F4
    rest: F4
    tokens: int


class Cache:
    """An open cache: a folder with its manifest, or one shard alone. Safe to read from several threads."""

    def __init__(self, facts: CacheFacts, job: Job, shards: tuple[Shard, ...]) -> None:
        self.facts, self.job = facts, job
        self._shards = shards
        self._starts = np.cumsum([0, *(shard.tokens for shard in shards)])

    @classmethod
    def open(cls, path: Path | str) -> Cache:
        """Open a `.acts` folder or a shard. Raises an InterpvizError that says what is the matter with it."""
        place = Path(path)
        if place.is_dir():
            return cls._folder(place)
        if not place.exists():
            raise InterpvizError(f"There is no {place}. Choose a folder that `interpviz record` made.")
        shard = Shard(place)
        return cls(_facts(place, shard.job, shard.sha256, shard.tokens), shard.job, (shard,))

    @classmethod
    def _folder(cls, folder: Path) -> Cache:
        stated = manifest.read(folder)
        if not stated.shards:
            raise InterpvizError(f"{folder.name} holds no tokens yet. Run the command that records it again.")
        shards = tuple(_shard(folder, stated, number) for number in range(len(stated.shards)))
        tokens = sum(shard.tokens for shard in shards)
        return cls(_facts(folder, stated.job, stated.sha256, tokens), stated.job, shards)

    def tokens(self) -> CacheTokens:
        """Every token with its document and position, and the text of those that occur."""
        ids, documents, positions = (self._all(name) for name in TOKENS)
        if ids.min() < 0 or positions.min() < 0 or (positions > np.arange(len(positions))).any():
            raise CacheDamaged(Path(self.facts.source), "its tokens have impossible positions")
        texts: dict[int, str] = {}
        for shard in self._shards:
            texts |= _vocabulary(shard)
        if not set(np.unique(ids).tolist()) <= texts.keys():
            raise CacheDamaged(Path(self.facts.source), "its vocabulary has gaps")
        return CacheTokens(ids, documents, positions, texts)

    def rows(self, site: str, rows: Sequence[int] | NDArray[np.integer[Any]]) -> F4:
        """The activations of a site at these rows, in their order: (n, d), or (n, head, d_head) for all heads.

        `site` is a hook name or a short one; for one head (`L1H4`) the answer is (n, d_head). Raises ValueError for
        rows that the cache has not, CacheDamaged where a byte of them is not as it was written.
        """
        index = np.asarray(rows, np.intp)
        if index.size and not 0 <= index.min() <= index.max() < self.facts.tokens:
            raise ValueError(f"the cache has rows 0 to {self.facts.tokens - 1}")
        hook, head = self._hook(site)
        owner = np.searchsorted(self._starts, index, side="right") - 1
        mine = {int(number): np.flatnonzero(owner == number) for number in np.unique(owner)}
        raw = np.empty((len(index), *self._array(hook, 0).values.shape[1:]), np.float16)
        for number, places in mine.items():
            raw[places] = self._array(hook, number).rows(index[places] - self._starts[number])
        values = as_float32(raw)
        for number, places in mine.items():
            if (scale := self._array(hook, number).scale) != 1.0:
                values[places] *= np.float32(scale)
        return values if head is None else np.ascontiguousarray(values[:, head])

    def column(self, site: str, dimension: int) -> F4:
        """One dimension of a site's activation vector at every row: (n,); a head's vectors lie one after the other."""
        hook, head = self._hook(site)
        if head is not None:
            dimension += head * self._array(hook, 0).values.shape[-1]
        arrays = [self._array(hook, number) for number in range(len(self._shards))]
        parts = [array.all().reshape(len(array.values), -1)[:, dimension] * np.float32(array.scale) for array in arrays]
        return np.concatenate(parts)

    def norms(self, site: str, rows: Sequence[int] | NDArray[np.integer[Any]]) -> F4:
        """The Euclidean length of the activation vector of a site at each of these rows: (n,)."""
        values = self.rows(site, rows)
        norms: F4 = np.linalg.norm(values.reshape(len(values), -1), axis=1)
        return norms

    def mean(self, site: str) -> Mean:
        """The mean of a site over all rows; position 0 keeps its own, as mean ablation wants it."""
        hook, head = self._hook(site)
        start = np.flatnonzero(self._all(TOKENS[2]) == 0)
        first = self.rows(hook, start).mean(axis=0, dtype=np.float64)
        counts, means = (
            np.stack([shard[f"statistics/{hook}/{name}"].all() for shard in self._shards]) for name in ("count", "mean")
        )
        weights = counts.reshape(-1, *[1] * (means.ndim - 1)) / max(counts.sum(), 1)
        chosen = slice(None) if head is None else head
        first, rest = (value.astype(np.float32)[chosen] for value in (first, (means * weights).sum(axis=0)))
        return Mean(first, rest, self.facts.tokens)

    def _all(self, name: str) -> NDArray[Any]:
        return np.concatenate([shard[name].all() for shard in self._shards])

    def _array(self, hook: str, number: int) -> CheckedArray:
        return self._shards[number][f"activations/{hook}"]

    def _hook(self, site: str) -> tuple[str, int | None]:
        named = Site.parse(site) if site not in self.facts.sites else None
        hook = named.hook if named else site
        if hook not in self.facts.sites:
            raise InterpvizError(f"{self.facts.name} holds no {site}. It holds {', '.join(self.facts.sites)}.")
        return hook, named.index if named and named.kind == "head" else None


def _shard(folder: Path, stated: manifest.Manifest, number: int) -> Shard:
    """A committed shard, if it is the one that the manifest means."""
    line = stated.shards[number]
    path = folder / line.file
    if not path.is_file():
        raise InterpvizError(
            f"{folder.name} has lost {line.file}. Copy the folder again whole, or record it again elsewhere."
        )
    shard = Shard(path)
    if not shard.job.same_as(stated.job) or (shard.number, shard.tokens) != (number, line.tokens):
        raise CacheDamaged(path, "it belongs to another cache")
    return shard


def _vocabulary(shard: Shard) -> dict[int, str]:
    ids, texts, lengths = (shard[f"vocabulary/{name}"].all() for name in ("id", "text", "length"))
    whole = texts.view(np.uint8).reshape(len(texts), -1)
    if not len(ids) == len(texts) == len(lengths):
        raise CacheDamaged(shard.path, "its vocabulary has gaps")
    return {
        int(i): bytes(raw[:length]).decode("utf-8", "replace")
        for i, raw, length in zip(ids, whole, lengths, strict=True)
    }


def _facts(place: Path, job: Job, sha256: str, tokens: int) -> CacheFacts:
    return CacheFacts(
        place.stem, str(place.resolve()), sha256, job.model, job.model_sha256, job.numerics, job.sites, tokens
    )
