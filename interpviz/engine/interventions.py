"""Edits of activations, as hooks of a forward pass, with the proof afterwards that each was made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site
from interpviz.engine.blocks import Hook
from interpviz.engine.features import FeatureEdits
from interpviz.engine.lens import Model
from interpviz.engine.parts import per_part
from interpviz.engine.places import Place, positions_of
from interpviz.engine.supplies import Supply


@dataclass(frozen=True)
class RowEdit:
    """One edit of one row of a batch, of every row where `row` is None; `draw` numbers what resample puts in."""

    edit: Intervention
    row: int | None = None
    draw: int = 0


class Edits:
    """The hooks of some edits in one forward pass."""

    def __init__(
        self,
        model: Model,
        edits: Iterable[RowEdit],
        length: int,
        supply: Supply,
        *,
        rows: int = 1,
        first: int = 0,
        strict: bool = False,
    ) -> None:
        """`length` is the prompt's, in tokens, of a run of `rows`; it begins at token `first` of the text.

        With `strict` an edit that finds its site as it would leave it is a mistake: its answer would be that of a
        run without it. Raises InterpvizError for sites and positions that are not there.
        """
        self._model, self._length, self._rows, self._strict = model.facts, length, rows, strict
        self._came: set[str] = set()
        self._changed: dict[Intervention, bool] = {}
        # Sorted, so that edits that overlap come out the same every time.
        hooked = sorted(((hook_of(one.edit.site, supply), one) for one in edits), key=_order)
        for _, one in hooked:
            model.facts.check(one.edit.site)
        self.hooks: dict[str, Hook] = {
            name: self._hook(name, [one for _, one in group], supply, first)
            for name, group in groupby(hooked, key=lambda pair: pair[0])
        }

    def prove(self) -> None:
        """Raise InterpvizError if an edit's activation never came by, or, where strict, if an edit changed nothing."""
        missing = sorted(self.hooks.keys() - self._came)
        if missing:
            raise InterpvizError(f"{self._model.name} does not use {missing[0]} in a run. Cut another part of it.")
        idle = sorted(str(edit) for edit, changed in self._changed.items() if not changed)
        if self._strict and idle:
            raise InterpvizError(f"{idle[0]} changes nothing: its site already is what it would be. Remove the edit.")

    def _hook(self, name: str, ones: Sequence[RowEdit], supply: Supply, first: int) -> Hook:
        places = [
            Place(one.edit, one.row, positions_of(one.edit, self._length), name, first, one.draw)
            for one in ones
            if one.edit.site.kind != "feature"
        ]
        features = FeatureEdits([one for one in ones if one.edit.site.kind == "feature"], self._length, first, supply)
        valued = [(place, place.supplied(supply)) for place in places]

        def see(activation: Tensor) -> Tensor:
            self._check(name, activation)
            if len(activation) < self._rows:
                activation = activation.expand(self._rows, *activation.shape[1:])
            edited = activation.clone(memory_format=torch.contiguous_format)
            before, view = (per_part(value, name, self._model) for value in (activation, edited))
            for place, given in valued:
                self._note(place.edit, place.write(view, before, given))
            for edit, changed in features.write(edited, activation):
                self._note(edit, changed)
            self._came.add(name)
            return edited

        return see

    def _note(self, edit: Intervention, changed: Tensor) -> None:
        if self._strict:
            self._changed[edit] = self._changed.get(edit, False) or bool(changed)

    def _check(self, name: str, activation: Tensor) -> None:
        place = activation.shape[2] if name.endswith("hook_pattern") else activation.shape[1]
        if place != self._length:
            raise InterpvizError(f"{name} of {self._model.name} has no place for each token. Cut another part.")


def hook_of(site: Site, supply: Supply) -> str:
    """The activation that a site lies in; of a feature, as its dictionary says. Raises InterpvizError for none."""
    if site.kind != "feature":
        return site.hook
    read = supply.dictionary(site.dictionary).facts
    read.check(site)
    return read.hook


def _order(pair: tuple[str, RowEdit]) -> tuple[str, str, int, int]:
    name, one = pair
    return name, str(one.edit), one.row or 0, one.draw
