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
from interpviz.engine.features import FeatureEdits, written_hooks
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
        ordered = sorted(edits, key=_order)
        for one in ordered:
            model.facts.check(one.edit.site)
        hooked = sorted(((name, one) for one in ordered for name in hooks_of(one.edit.site, supply)), key=_by_name)
        features = groupby((one for one in ordered if one.edit.site.kind == "feature"), key=_dictionary)
        self._features = [FeatureEdits(list(group), length, first, supply, rows) for _, group in features]
        self.hooks: dict[str, Hook] = {
            name: self._hook(name, [one for _, one in group if one.edit.site.kind != "feature"], supply, first)
            for name, group in groupby(hooked, key=_by_name)
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
        places = [Place(one.edit, one.row, positions_of(one.edit, self._length), name, first, one.draw) for one in ones]
        valued = [(place, place.supplied(supply)) for place in places]
        read = [group for group in self._features if group.reads == name]
        written = [group for group in self._features if name in group.writes]

        def see(activation: Tensor) -> Tensor | None:
            self._check(name, activation)
            self._came.add(name)
            edited = self._widened(activation) if valued or written else activation
            if valued:
                before, view = (per_part(value, name, self._model) for value in (self._all_rows(activation), edited))
                for place, given in valued:
                    self._note(place.edit, place.write(view, before, given))
            for group in read:
                # A transcoder reads what the model's own part reads, and so after all edits of it.
                for edit, changed in group.read(activation if group in written else edited):
                    self._note(edit, changed)
            for group in written:
                group.write(name, edited)
            return None if edited is activation else edited

        return see

    def _all_rows(self, activation: Tensor) -> Tensor:
        rows = max(len(activation), self._rows)
        return activation.expand(rows, *activation.shape[1:])

    def _widened(self, activation: Tensor) -> Tensor:
        """A copy of the activation, with all rows, to write into."""
        return self._all_rows(activation).clone(memory_format=torch.contiguous_format)

    def _note(self, edit: Intervention, changed: Tensor) -> None:
        if self._strict:
            self._changed[edit] = self._changed.get(edit, False) or bool(changed)

    def _check(self, name: str, activation: Tensor) -> None:
        place = activation.shape[2] if name.endswith("hook_pattern") else activation.shape[1]
        if place != self._length:
            raise InterpvizError(f"{name} of {self._model.name} has no place for each token. Cut another part.")


def hooks_of(site: Site, supply: Supply) -> tuple[str, ...]:
    """The activations that an edit of a site takes: the one it lies in; of a feature those it reads and writes.

    Raises InterpvizError for a feature that the dictionary has not.
    """
    if site.kind != "feature":
        return (site.hook,)
    sae = supply.dictionary(site.dictionary)
    sae.facts.check(site)
    return tuple(dict.fromkeys((sae.facts.hook, *written_hooks(sae))))


def _by_name(pair: tuple[str, RowEdit]) -> str:
    return pair[0]


def _dictionary(one: RowEdit) -> str:
    return one.edit.site.dictionary


def _order(one: RowEdit) -> tuple[str, str, int, int]:
    return one.edit.site.dictionary, str(one.edit), one.row or 0, one.draw
