"""A recorded cache, read: which tokens it holds and what the model's sites were at each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.document import CacheFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4, CacheContext, CacheTokens, TokenCodes
from interpviz.core.sites import Site
from interpviz.data import contexts, manifest
from interpviz.data.manifest import CacheDamaged, Job, Manifest
from interpviz.data.moments import Places, first_and_rest
from interpviz.data.shard import Shard, rows_of
from interpviz.data.shards import Shards, scaled
from interpviz.data.shuffled import HELD_BYTES, Block, Part, shuffled
from interpviz.data.tensors import finite

Rows = slice | Sequence[int] | NDArray[np.integer[Any]]
"""Rows of a cache by number, or a stretch of them, which is read faster."""


class Cache:
    """An open cache: a folder with its manifest, or one shard alone. Safe to read from several threads.

    All shards but the first are opened when they are first touched: what is the matter with one is raised there.
    """

    def __init__(self, facts: CacheFacts, job: Job, shards: Shards) -> None:
        self.facts, self.job = facts, job
        self._shards = shards
        self._first = shards[0]  # opened now: what is the matter with all is the matter with it

    @classmethod
    def open(cls, path: Path | str) -> Cache:
        """Open a `.acts` folder or a shard. Raises an InterpvizError that says what is the matter with it."""
        place = Path(path)
        if os.path.isdir(place):  # unlike Path's, these two never raise
            return cls._folder(place)
        if not os.path.exists(place):
            raise InterpvizError(f"There is no {place}. Choose a folder that `interpviz record` made.")
        shard = Shard(place)
        shards = Shards([shard.tokens], lambda place: shard)
        return cls(_facts(place, shard.job, shard.sha256, shards), shard.job, shards)

    @classmethod
    def _folder(cls, folder: Path) -> Cache:
        stated = manifest.read(folder)
        if not stated.shards:
            raise InterpvizError(f"{folder.name} holds no tokens yet. Run the command that records it again.")
        there = set(os.listdir(folder))
        if lost := [line.file for line in stated.shards if line.file not in there]:
            raise InterpvizError(
                f"{folder.name} has lost {lost[0]}{f' and {len(lost) - 1} more' if len(lost) > 1 else ''}. Copy the "
                "folder again whole; or run `interpviz check --repair` on it, and record what is lost again."
            )
        shards = Shards([line.tokens for line in stated.shards], _opening(folder, stated))
        return cls(_facts(folder, stated.job, stated.sha256, shards), stated.job, shards)

    def tokens(self) -> CacheTokens:
        """Every token with its document and position, and the text of those that occur."""
        return contexts.every_token(self._shards)

    def context(self, row: int) -> CacheContext:
        """The tokens of the context that a row lies in, as far as they lie in its shard, which alone is read.

        Raises ValueError for a row that the cache has not.
        """
        self._check(np.array([row]))
        return contexts.context(self._shards, row, self.job.context)

    def rows(self, site: str, rows: Rows) -> F4:
        """The activations of a site at these rows, in their order: (n, d), or (n, head, d_head) for all heads.

        `site` is a hook name or a short one; for one head (`L1H4`, `L1Q4`) the answer is (n, d_head), for one neuron
        (n,). Raises ValueError for rows that the cache has not, CacheDamaged where a byte of them is not as it was
        written.
        """
        name, head = self._part(site)
        values = self._numbers(name, rows)
        return values if head is None else np.ascontiguousarray(values[:, head])

    def codes(self, dictionary: str, rows: Rows) -> TokenCodes:
        """The features of a dictionary that were strongest at these rows. Raises as `rows` does."""
        if dictionary not in self.facts.codes:
            held = ", ".join(self.facts.codes) or "none"
            raise InterpvizError(f"{self.facts.name} holds no codes of {dictionary}. It holds those of: {held}.")
        name = f"codes/{dictionary}"
        index = np.arange(*rows.indices(self._shards.rows)) if isinstance(rows, slice) else np.asarray(rows, np.intp)
        self._check(index)
        return TokenCodes(self._shards.stored(f"{name}/index", index), self._shards.numbers(f"{name}/value", index))

    def column(self, site: str, dimension: int) -> F4:
        """One dimension of a site's activation vector at every row: (n,); a head's vectors lie one after the other.

        Raises ValueError for a dimension that the site has not.
        """
        name, head = self._part(site)
        shape = self._first[name].values.shape[1:]
        size = int(np.prod(shape if head is None else shape[1:]))
        if not 0 <= dimension < size:
            raise ValueError(f"{site} has dimensions 0 to {size - 1}")
        at = dimension + (head or 0) * size
        arrays = (self._shards[place][name] for place in range(len(self._shards)))
        return np.concatenate([scaled(array, array.all().reshape(len(array.values), -1)[:, at]) for array in arrays])

    def norms(self, site: str, rows: Rows) -> F4:
        """The Euclidean length of the activation vector of a site at each of these rows: (n,)."""
        values = self.rows(site, rows)
        norms: F4 = np.linalg.norm(values.reshape(len(values), -1), axis=1)
        return norms

    def mean(self, site: str) -> Places:
        """The mean of a site over all rows; position 0 keeps its own, as mean ablation wants it. NaN of no row."""
        first, rest = self._moments(site)
        return Places(first[0], rest[0], self.facts.tokens)

    def variance(self, site: str) -> Places:
        """The mean squared distance from the mean over all rows; position 0 keeps its own. NaN of no row."""
        first, rest = self._moments(site)
        return Places(first[1], rest[1], self.facts.tokens)

    def shuffled(
        self,
        sites: str | Sequence[str],
        rows_a_block: int,
        seed: int,
        held_bytes: int = HELD_BYTES,
        first: bool = True,
    ) -> Iterator[Block]:
        """Every row once, in an order of chance: blocks of rows and of what each of these sites was there.

        The order follows from the seed; `held_bytes` is about what it takes of memory, and how far rows are mixed:
        see interpviz.data.shuffled. Rows at position 0 are left out unless `first`. Raises ValueError for blocks of
        no rows.
        """
        if rows_a_block < 1:
            raise ValueError("a block has at least one row")
        parts = {site: self._part(site) for site in ((sites,) if isinstance(sites, str) else sites)}
        return shuffled(self._shards, parts, rows_a_block, seed, held_bytes, first)

    def _numbers(self, name: str, rows: Rows) -> F4:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self._shards.rows)
            if step == 1:
                return self._shards.stretch(name, start, max(start, stop))
            rows = np.arange(start, stop, step)
        index = np.asarray(rows, np.intp)
        self._check(index)
        return self._shards.numbers(name, index)

    def _check(self, index: NDArray[np.intp]) -> None:
        if index.size and not 0 <= index.min() <= index.max() < self._shards.rows:
            raise ValueError(f"the cache has rows 0 to {self._shards.rows - 1}")

    def _moments(self, site: str) -> list[tuple[F4, F4]]:
        """Mean and variance, at position 0 and elsewhere."""
        name, head = self._part(site)
        chosen = slice(None) if head is None else head
        found = first_and_rest(self._shards, name.removeprefix("activations/"))
        return [(one.centre.astype(np.float32)[chosen], one.variance.astype(np.float32)[chosen]) for one in found]

    def _part(self, site: str) -> Part:
        """The dataset that a site means, and the head or neuron of it."""
        named = Site.parse(site) if site not in self.facts.sites else None
        hook = named.hook if named and named.kind not in ("edge", "feature") else site
        if hook not in self.facts.sites:
            held = ", ".join(self.facts.sites) or "codes alone"
            raise InterpvizError(f"{self.facts.name} holds no {site}. It holds {held}.")
        name = f"activations/{hook}"
        if named is None or named.index < 0:
            return name, None
        shape = self._first[name].values.shape[1:]
        if named.index >= shape[0] or (len(shape) == 1) != (named.kind == "neuron"):
            told = " x ".join(map(str, shape))
            raise InterpvizError(
                f"{self.facts.name} holds {told} numbers of {hook} a token, but no {site}. Name {hook} itself."
            )
        return name, named.index


def _opening(folder: Path, stated: Manifest) -> Callable[[int], Shard]:
    """What opens a committed shard, if it is the one that the manifest means."""

    widths: list[tuple[int, ...]] = []  # of the first shard, which is opened before the others

    def opened(place: int) -> Shard:
        nonlocal widths
        line = stated.shards[place]
        shard = Shard(folder / line.file)
        if not shard.job.same_as(stated.job) or (shard.number, shard.tokens) != (line.number, line.tokens):
            raise CacheDamaged(shard.path, "it belongs to another cache")
        widths = widths or _widths(shard)
        if _widths(shard) != widths:
            raise CacheDamaged(shard.path, "its rows are of other widths than those of the first shard")
        return shard

    return opened


def _widths(shard: Shard) -> list[tuple[int, ...]]:
    return [shard[name].values.shape[1:] for name in rows_of(shard.job)]


def _facts(place: Path, job: Job, sha256: str, shards: Shards) -> CacheFacts:
    return CacheFacts(
        place.stem,
        str(place.resolve()),
        sha256,
        job.model,
        job.model_sha256,
        job.numerics,
        job.sites,
        shards.rows,
        tuple(codes.name for codes in job.dictionaries),
    )


def check_finite(cache: Cache, site: str, values: F4, rows: NDArray[np.integer[Any]]) -> None:
    """Raise InterpvizError where one of these `values` (row, ...) of a site, at these `rows`, is NaN or infinite."""
    if finite(values):
        return
    row = int(rows[np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))[0]])
    raise InterpvizError(
        f"{cache.facts.name} holds a NaN or infinite number in row {row} of {site}. Record or import it again from a "
        "model and texts that give none."
    )
