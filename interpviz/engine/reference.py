"""What mean and resample put in place of an activation: that of a cache, or of the bundled reference text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import Reference
from interpviz.core.sites import EMBED, Site
from interpviz.data.activations import Cache
from interpviz.engine.blocks import Hook
from interpviz.engine.lens import Model
from interpviz.engine.parts import per_part
from interpviz.engine.tokens import encoded

CONTEXTS, CONTEXT = 32, 64
_BATCH = 4
# Rows of a cache over which the mean activation of a feature is taken: encoding is dearer than adding up.
_ENCODED_ROWS, _BLOCK = 65_536, 4096

Encode = Callable[[Tensor], Tensor]
"""Activations (..., width) to those of some features (..., feature)."""


@dataclass(frozen=True, eq=False)
class MeanActivation:
    """What mean ablation puts in: `first` at position 0, `rest` elsewhere; each (d_model,) or (head, d_head)."""

    first: Tensor
    rest: Tensor

    def at(self, positions: Tensor) -> Tensor:
        """One row a position: (pos, d_model) or (pos, head, d_head)."""
        shape = (-1, *(1 for _ in self.rest.shape))
        return torch.where((positions == 0).to(self.rest.device).view(shape), self.first, self.rest)


@dataclass(frozen=True, eq=False)
class SampledActivation:
    """What resample puts in: an activation (pos, ...) of another document."""

    values: Tensor

    def at(self, positions: Tensor) -> Tensor:
        """One row a position: the same place of that document; past its end it begins again, after its position 0."""
        length = len(self.values)
        beyond = 1 + (positions - 1) % max(length - 1, 1) if length > 1 else torch.zeros_like(positions)
        return self.values[torch.where(positions < length, positions, beyond)]


class CacheReference:
    """The tokens of a cache that was recorded from the model."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._means: dict[str, MeanActivation] = {}
        self.facts = Reference(cache.facts.name, cache.facts.tokens, cache.facts.sha256)

    def mean(self, hook: str) -> MeanActivation:
        """Mean of the hook over documents and positions, position 0 apart."""
        if hook not in self._means:
            mean = self._cache.mean(hook)
            self._means[hook] = MeanActivation(torch.from_numpy(mean.first), torch.from_numpy(mean.rest))
        return self._means[hook]

    def sample(self, hook: str, seed: int, draw: int) -> SampledActivation:
        """The hook's activation in the context drawn by this seed as number `draw`."""
        starts = np.flatnonzero(self._cache.tokens().position == 0)
        if not len(starts):
            raise InterpvizError(f"{self.facts.source} holds no beginning of a text to draw. Record another cache.")
        chosen = _drawn(len(starts), seed, draw)
        end = starts[chosen + 1] if chosen + 1 < len(starts) else self._cache.facts.tokens
        return SampledActivation(torch.from_numpy(self._cache.rows(hook, np.arange(starts[chosen], end))))

    def feature_mean(self, hook: str, encode: Encode) -> MeanActivation:
        """Mean activation of features over the first 65,536 rows, position 0 apart."""
        rows = min(self._cache.facts.tokens, _ENCODED_ROWS)
        place = self._cache.tokens().position[:rows]
        blocks = (np.arange(start, min(start + _BLOCK, rows)) for start in range(0, rows, _BLOCK))
        codes = torch.cat([encode(torch.from_numpy(self._cache.rows(hook, block)).flatten(1)) for block in blocks])
        return MeanActivation(*(codes[torch.from_numpy(chosen)].mean(0) for chosen in (place == 0, place > 0)))


class TextReference:
    """The first contexts of a text, run through the model once for the means of all sites: one costs what all cost."""

    def __init__(self, model: Model, text: Path) -> None:
        """Raises ValueError if the text does not fill one context."""
        content = text.read_bytes()
        self._model = model
        self._ids = contexts(model, content.decode("utf-8"))
        self.report = silent
        self._means: dict[str, MeanActivation] = {}
        self._seen: dict[tuple[str, int], Tensor] = {}
        self.facts = Reference(text.name, self._ids.size, hashlib.sha256(content).hexdigest())

    def mean(self, hook: str) -> MeanActivation:
        """Mean of the hook over documents and positions, position 0 apart; all are worked out at first, by `report`."""
        if not self._means:
            self._means = _means(self._model, self._ids, self.report)
        if hook not in self._means:
            raise InterpvizError(f"{self._model.facts.name} gives no access to {hook}. Choose another part of it.")
        return self._means[hook]

    def sample(self, hook: str, seed: int, draw: int) -> SampledActivation:
        """The hook's activation in the context drawn by this seed as number `draw`."""
        return SampledActivation(self._activation(hook, _drawn(len(self._ids), seed, draw)))

    def feature_mean(self, hook: str, encode: Encode) -> MeanActivation:
        """Mean activation of features over documents and positions, position 0 apart."""
        codes = torch.stack([encode(self._run(row, [hook])[hook].flatten(1)) for row in range(len(self._ids))])
        return MeanActivation(codes[:, 0].mean(0), codes[:, 1:].mean((0, 1)))

    def _activation(self, hook: str, row: int) -> Tensor:
        """A hook's activation (pos, ...) in one context; those of its kind in other layers are kept too."""
        if (hook, row) not in self._seen:
            self._seen = {key: value for key, value in self._seen.items() if key[0].endswith(_kind(hook))}
            found = self._run(row, [hook, *(name for name in _hooks(self._model) if name.endswith(_kind(hook)))])
            self._seen |= {(name, row): value for name, value in found.items()}
        return self._seen[hook, row]

    def _run(self, row: int, hooks: Sequence[str]) -> dict[str, Tensor]:
        """By hook name, activations (pos, ...) in one context."""
        found: dict[str, Tensor] = {}

        def keeping(name: str) -> Hook:
            def see(activation: Tensor) -> None:
                found[name] = per_part(activation, name, self._model.facts)[0].clone()

            return see

        ids = torch.from_numpy(self._ids[row : row + 1]).to(self._model.device)
        self._model.forward(ids, {name: keeping(name) for name in hooks}, report=self.report)
        return found


AnyReference = CacheReference | TextReference


def _kind(hook: str) -> str:
    return hook.rpartition(".")[2]


def _drawn(count: int, seed: int, draw: int) -> int:
    """The document of a draw: each of `count` once, in an order of the seed, before one comes again."""
    return int(np.random.default_rng(seed).permutation(count)[draw % count])


def _means(model: Model, ids: NDArray[np.int64], report: Report) -> dict[str, MeanActivation]:
    sums: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = {name: _adding(sums, name, model) for name in _hooks(model)}
    for start in range(0, len(ids), _BATCH):
        batch = torch.from_numpy(ids[start : start + _BATCH]).to(model.device)
        model.forward(batch, hooks, report=report, share=(start / len(ids), (start + len(batch)) / len(ids)))
    rows, length = ids.shape
    return {
        name: MeanActivation((first / rows).float().cpu(), (rest / (rows * (length - 1))).float().cpu())
        for name, (first, rest) in sums.items()
    }


def _adding(sums: dict[str, tuple[Tensor, Tensor]], name: str, model: Model) -> Hook:
    """A hook that adds the activation up: at position 0, and over all others."""

    def see(activation: Tensor) -> None:
        value = per_part(activation.contiguous(), name, model.facts)
        first, rest = value[:, 0].double().sum(0), value[:, 1:].double().sum((0, 1))
        before = sums.get(name)
        sums[name] = (first, rest) if before is None else (before[0] + first, before[1] + rest)

    return see


def _hooks(model: Model) -> Iterator[str]:
    """Every activation of the model that a site with a mean can mean."""
    kinds = ("resid_pre", "heads", "query", "key", "value", "attn_out", "mlp_in", "neuron", "mlp_out", "resid_post")
    sites = [EMBED, *(Site(layer, kind) for layer in range(model.facts.layers) for kind in kinds)]  # type: ignore[arg-type]
    return (site.hook for site in sites if model.has(site.hook))


def contexts(model: Model, text: str) -> NDArray[np.int64]:
    """The first 32 contexts of 64 tokens of a text, (context, pos): each begins with a BOS where the model has one.

    Raises ValueError if the text does not fill one.
    """
    start = [] if model.bos is None else [model.bos]
    length = min(CONTEXT, model.facts.context) - len(start)
    ids = encoded(model.tokenizer, text)
    whole = [[*start, *ids[at : at + length]] for at in range(0, len(ids) - length + 1, length)]
    if not whole:
        raise ValueError(f"the text has {len(ids)} tokens; a context needs {length}")
    return np.array(whole[:CONTEXTS], np.int64)
