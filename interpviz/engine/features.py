"""Edits of dictionary features: what they write changes, and the error term of their dictionary is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.engine.dictionaries import SAE
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
    """Edits of one dictionary's features: what it reads stays, what it writes changes by (v' - v) W_dec.

    v are the features that the run's own activation has. A transcoder reads one activation and writes another, or
    those of several layers, which come later: in between the change is kept.
    """

    def __init__(self, edits: Sequence[RowEdit], length: int, first: int, supply: Supply, rows: int) -> None:
        """`first` is the token that the run of `rows` begins at. What is drawn on is drawn now, before the run."""
        self._sae = supply.dictionary(edits[0].edit.site.dictionary)
        self._wanted = [_wanted(one, length, first, supply) for one in edits]
        self._rows = rows
        self._changes: dict[str, Tensor] = {}
        self.reads, self.writes = self._sae.facts.hook, written_hooks(self._sae)

    def read(self, activation: Tensor) -> Iterator[tuple[Intervention, Tensor]]:
        """Look at what the dictionary reads, (batch, pos, ...), of one row or of all; each edit and whether it

        changes anything.
        """
        flat = activation.flatten(2)
        features = torch.tensor(sorted({one.edit.site.index for one in self._wanted}), device=flat.device)
        column = {feature: place for place, feature in enumerate(features.tolist())}
        had = self._sae.encode_features(flat, features)
        had = had.expand(max(len(had), self._rows), -1, -1)
        now = had.clone()
        for one in self._wanted:
            rows = slice(None) if one.row is None else slice(one.row, one.row + 1)
            place = rows, one.positions, column[one.edit.site.index]
            now[place] = one.value(now[place])
            yield one.edit, (now[place] != had[place]).any()
        change = self._sae.change(flat, features, now - had)
        each = change.unbind(-2) if self._sae.facts.writes_ahead else (change,)
        self._changes = dict(zip(self.writes, each, strict=True))

    def write(self, name: str, edited: Tensor) -> None:
        """Write what `read` found into one of the activations that it writes, (row, pos, ...), in place."""
        if name not in self._changes:
            facts = self._sae.facts
            raise InterpvizError(
                f"{facts.name} would write {name} before it has read {facts.hook}. Open a dictionary of this model."
            )
        edited += self._changes.pop(name).view_as(edited)


def written_hooks(sae: SAE) -> tuple[str, ...]:
    """The activations that a dictionary's features write to: one, or of a cross-layer transcoder one a layer."""
    written, _ = sae.facts.written
    if not sae.facts.writes_ahead:
        return (written,)
    blocks, layer, rest = written.split(".", 2)
    return tuple(f"{blocks}.{int(layer) + ahead}.{rest}" for ahead in range(sae.decoder.shape[1]))


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
