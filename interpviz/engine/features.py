"""Edits of dictionary features: an activation changes by what its features change, and its error term is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from interpviz.core.interventions import Intervention
from interpviz.engine.places import positions_of
from interpviz.engine.supplies import Supply

if TYPE_CHECKING:
    from interpviz.engine.interventions import RowEdit


@dataclass(frozen=True, eq=False)
class _Wanted:
    """One edit of one feature, at these positions; `given` (pos,) is what it draws on, or None for nothing."""

    edit: Intervention
    row: int | None
    positions: Tensor
    given: Tensor | None

    def value(self, had: Tensor) -> Tensor:
        """What the feature (row, pos) is to be."""
        if self.given is not None:
            return self.given.to(had).expand_as(had)
        value = self.edit.value or 0.0
        return {"zero": had * 0, "scale": had * value, "add": had + value}.get(self.edit.mode, had * 0 + value)


class FeatureEdits:
    """Edits of features that are read at one activation: x becomes x + (v' - v) W_dec, v the features that x has."""

    def __init__(self, edits: Sequence[RowEdit], length: int, first: int, supply: Supply) -> None:
        """`first` is the token that the run begins at. What is drawn on is drawn now, before the run."""
        self._groups = [
            (supply.dictionary(name), [_wanted(one, length, first, supply) for one in group])
            for name, group in groupby(edits, key=lambda one: one.edit.site.dictionary)
        ]

    def write(self, edited: Tensor, before: Tensor) -> Iterator[tuple[Intervention, Tensor]]:
        """Write into `edited` (batch, pos, ...) in place, as `before` has it; each edit and whether it changed it."""
        flat = before.flatten(2)
        for sae, group in self._groups:
            features = torch.tensor(sorted({one.edit.site.index for one in group}), device=flat.device)
            column = {feature: place for place, feature in enumerate(features.tolist())}
            had = sae.encode_features(flat, features)
            now = had.clone()
            for one in group:
                rows = slice(None) if one.row is None else slice(one.row, one.row + 1)
                place = rows, one.positions, column[one.edit.site.index]
                now[place] = one.value(now[place])
                yield one.edit, (now[place] != had[place]).any()
            edited += sae.change(flat, features, now - had).view_as(edited)


def _wanted(one: RowEdit, length: int, first: int, supply: Supply) -> _Wanted:
    edit, positions = one.edit, positions_of(one.edit, length)
    sae, places = supply.dictionary(edit.site.dictionary), positions + first

    def encode(x: Tensor) -> Tensor:
        return sae.encode_features(x.to(sae.encoder.device), torch.tensor([edit.site.index]))[..., 0]

    hook, given = sae.facts.hook, None
    if edit.mode == "mean":
        given = supply.feature_mean(edit.site.dictionary, encode).at(places)
    elif edit.mode == "resample":
        given = encode(supply.sample(hook, one.draw).at(places).flatten(1))
    elif edit.mode == "patch":
        given = encode(supply.contrast(hook)[places].flatten(1))
    return _Wanted(edit, one.row, positions, given)
