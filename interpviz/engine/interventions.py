"""Cutting parts out of a run: edits of activations, as hooks of a forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from interpviz.core.document import Intervention, ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.sites import Site
from interpviz.engine.lens import Hook, Model


@dataclass(frozen=True, eq=False)
class MeanActivation:
    """What mean ablation puts in: `first` at position 0, `rest` elsewhere; each (d_model,) or (head, d_head)."""

    first: Tensor
    rest: Tensor

    def at(self, positions: Tensor) -> Tensor:
        """One row a position: (pos, d_model) or (pos, head, d_head)."""
        shape = (-1, *(1 for _ in self.rest.shape))
        return torch.where((positions == 0).view(shape), self.first, self.rest)


Means = Callable[[str], MeanActivation]
"""The mean activation of a hook name."""


@dataclass(frozen=True)
class RowEdit:
    """One edit of one row of a batch; of every row where `row` is None."""

    edit: Intervention
    row: int | None = None


class Edits:
    """Hooks that make edits in one forward pass, and the proof afterwards that each was made."""

    def __init__(self, model: Model, edits: Iterable[RowEdit], length: int, means: Means) -> None:
        """`length` is the prompt's, in tokens. Raises InterpvizError for sites and positions that are not there."""
        self._facts = model.facts
        self._length = length
        self._made: set[str] = set()
        # Sorted, so that edits that overlap come out the same every time.
        ordered = sorted(edits, key=lambda one: (one.edit.site.hook, one.row or 0, str(one.edit)))
        for one in ordered:
            model.facts.check(one.edit.site)
        self.hooks: dict[str, Hook] = {
            name: self._hook(name, [self._place(one, length, means) for one in group])
            for name, group in groupby(ordered, key=lambda one: one.edit.site.hook)
        }

    def prove(self) -> None:
        """Raise InterpvizError if an edit's activation never came by: its answer would be that of a clean run."""
        missing = sorted(self.hooks.keys() - self._made)
        if missing:
            raise InterpvizError(f"{self._facts.name} does not use {missing[0]} in a run. Cut another part of it.")

    def _place(self, one: RowEdit, length: int, means: Means) -> _Place:
        positions = torch.tensor(positions_of(one.edit, length))
        mean = means(one.edit.site.hook).at(positions) if one.edit.mode == "mean" else None
        return _Place(one.edit.site, one.row, positions, mean)

    def _hook(self, name: str, places: list[_Place]) -> Hook:
        def see(activation: Tensor) -> Tensor:
            if activation.shape[1] != self._length:
                raise InterpvizError(f"{name} of {self._facts.name} has no place for each token. Cut another part.")
            edited = activation.clone(memory_format=torch.contiguous_format)
            view = per_head(edited, self._facts) if name.endswith("hook_z") else edited
            for place in places:
                place.write(view)
            self._made.add(name)
            return edited

        return see


@dataclass(frozen=True, eq=False)
class _Place:
    """Where an edit writes, and what: `mean` (pos, ...) of the whole activation, or None for zero."""

    site: Site
    row: int | None
    positions: Tensor
    mean: Tensor | None

    def write(self, activation: Tensor) -> None:
        """Write into `activation` (batch, pos, ...) in place; a head's is (batch, pos, head, d_head)."""
        target = activation if self.row is None else activation[self.row : self.row + 1]
        value = torch.zeros(()) if self.mean is None else self.mean
        if self.site.kind == "head":
            target = target[:, :, self.site.index]
            value = value if self.mean is None else value[:, self.site.index]
        target[:, self.positions.to(target.device)] = value.to(target)


def positions_of(edit: Intervention, length: int) -> list[int]:
    """The positions 0 to length-1 that the edit means; raises InterpvizError where one lies outside the prompt."""
    if edit.positions is None:
        return list(range(length))
    outside = [position for position in edit.positions if not -length <= position < length]
    if outside:
        raise InterpvizError(
            f"{edit} is at position {outside[0]}, but the prompt has {length} tokens: 0 to {length - 1}, or -1 for "
            "the last. Choose a position inside it."
        )
    return sorted({position % length for position in edit.positions})


def per_head(z: Tensor, facts: ModelFacts) -> Tensor:
    """The z of a layer as (batch, pos, head, d_head), sharing memory; some architectures hand it over flat.

    Raises InterpvizError where the shape cannot be that of the model's heads, rather than cut a wrong slice.
    """
    if z.ndim == 4 and z.shape[2] == facts.heads:
        return z
    if z.ndim == 3 and z.shape[2] % facts.heads == 0:
        return z.view(*z.shape[:2], facts.heads, -1)
    raise InterpvizError(f"The heads of {facts.name} cannot be told apart. Cut its attention output (L0A) instead.")
