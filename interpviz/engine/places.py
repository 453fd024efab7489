"""Where an edit writes in an activation, and what it writes there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.engine.supplies import Supply


@dataclass(frozen=True, eq=False)
class Place:
    """One edit in one row of an activation (all rows where `row` is None), at `positions` of the run.

    `hook` is the activation's name, `first` the token that the run begins at, `draw` the number of a resample.
    """

    edit: Intervention
    row: int | None
    positions: Tensor
    hook: str
    first: int = 0
    draw: int = 0

    def supplied(self, supply: Supply) -> Tensor | None:
        """What the edit draws on, at its positions: (pos, ...) of the part, or a direction (width,); None for none."""
        mode, places = self.edit.mode, self.positions + self.first
        if mode == "mean":
            return self._part(supply.mean(self.hook).at(places))
        if mode == "resample":
            return self._part(supply.sample(self.hook, self.draw).at(places))
        if mode == "patch" and self.edit.site.kind == "edge":
            return supply.contrast(self.hook)
        if mode == "patch":
            return self._part(supply.contrast(self.hook)[places])
        return supply.direction(self.edit.direction) if self.edit.direction else None

    def write(self, view: Tensor, before: Tensor, given: Tensor | None) -> Tensor:
        """Write into `view` (batch, pos, ...) in place; whether anything differs from `before`, a bool ().

        A head's activation is (batch, pos, head, d_head), a pattern (batch, head, query, key).
        """
        index = self._index()
        old, was = view[index], before[index]
        new = self._value(old, None if given is None else given.to(old))
        view[index] = new
        return (view[index] != was).any()

    def _value(self, old: Tensor, given: Tensor | None) -> Tensor:
        mode, value = self.edit.mode, self.edit.value or 0.0
        if mode == "zero":
            return torch.zeros_like(old)
        if mode == "scale":
            return old * value
        if mode == "clamp":
            return torch.full_like(old, value)
        if mode == "add":
            return old + value * self._fitting(old, given)
        assert given is not None
        return given[0, self.edit.site.index, self._query(), self._key()] if given.ndim == 4 else given.expand_as(old)

    def _fitting(self, old: Tensor, direction: Tensor | None) -> Tensor | float:
        if direction is None:
            return 1.0
        if direction.shape[-1] != old.shape[-1]:
            raise InterpvizError(
                f"{self.edit.direction} has {direction.shape[-1]} numbers, but {self.edit.site} is {old.shape[-1]} "
                "wide. Give a direction of that width."
            )
        return direction

    def _part(self, activation: Tensor) -> Tensor:
        """What the site is of an activation (pos, ...)."""
        return activation[:, self.edit.site.index] if self.edit.site.index >= 0 else activation

    def _index(self) -> tuple[int | slice | Tensor, ...]:
        site = self.edit.site
        rows = slice(None) if self.row is None else slice(self.row, self.row + 1)
        if site.kind == "edge":
            return rows, site.index, self._query(), self._key()
        return (rows, self.positions) if site.index < 0 else (rows, self.positions, site.index)

    def _query(self) -> int:
        return self.edit.site.query

    def _key(self) -> int:
        return self.edit.site.key


def positions_of(edit: Intervention, length: int) -> Tensor:
    """The positions 0 to length-1 that the edit means, in order; raises InterpvizError where one lies outside.

    An attention edge must look back, from a token of the prompt to one that is not after it.
    """
    site = edit.site
    if site.kind == "edge" and not 0 <= site.key <= site.query < length:
        raise InterpvizError(
            f"{site} is no edge of this prompt: a token looks at itself or back, and there are {length}, 0 to "
            f"{length - 1}. Write L1H4[7<3] for what token 7 pays to token 3."
        )
    if edit.positions is None:
        return torch.arange(length)
    outside = [position for position in edit.positions if not -length <= position < length]
    if outside:
        raise InterpvizError(
            f"{edit} is at position {outside[0]}, but the prompt has {length} tokens: 0 to {length - 1}, or -1 for "
            "the last. Choose a position inside it."
        )
    return torch.tensor(sorted({position % length for position in edit.positions}))
