"""Edits as plain hooks on TransformerLens's bridge, one position at a time: what ours are compared with.

Nothing of our engine is used: each edit is a few lines on the activation that TransformerLens hands over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site
from tests.engine.plain_sae import FloatSAE


@dataclass(frozen=True, eq=False, repr=False)  # TransformerLens asks for the repr of a hook, and a partial says all
class Plain:
    """A bridge and what edits draw from: `contexts` of ids, the `contrast`'s ids, a direction and a dictionary."""

    bridge: Any
    contexts: list[list[int]]
    contrast: list[int]
    direction: dict[str, Tensor]
    sae: FloatSAE | None = None
    _seen: dict[tuple[tuple[int, ...], str], Tensor] = field(default_factory=dict)

    def logits(self, ids: list[int], edits: Iterable[Intervention], draw: int = 0, freeze: bool = False) -> Tensor:
        """Logits (pos, vocab) with these edits, the draw's number for those that resample."""
        held = [self._frozen(ids, layer) for layer in range(self.bridge.cfg.n_layers)] if freeze else []
        ordered = sorted(edits, key=str)
        for edit in ordered:
            self._prepare(edit, draw)
        hooks: list[tuple[str, Callable[..., Tensor | None]]] = [*held]
        hooks += [self._hook(edit, ids, draw) for edit in ordered if edit.site.kind != "feature"]
        features = [edit for edit in ordered if edit.site.kind == "feature"]
        if self.sae and features:
            read: list[Tensor] = []
            hooks += [(self.sae.hook, partial(self._look, read))]
            hooks += [(self.sae.writes, partial(self._features, features, draw, read))]
        with torch.no_grad():
            found: Tensor = self.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)[0]
        return found

    def seen(self, ids: list[int], hook: str) -> Tensor:
        """The activation of a hook in a run without edits: (pos, ...), or (head, query, key) for a pattern."""
        known = (tuple(ids), hook)
        if known not in self._seen:
            with torch.no_grad():
                self.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=[(hook, partial(self._keep, known))])
        return self._seen[known]

    def _keep(self, known: tuple[tuple[int, ...], str], value: Tensor, hook: Any) -> None:
        self._seen[known] = value[0].clone()

    def _prepare(self, edit: Intervention, draw: int) -> None:
        """Run what the edit draws from before the run that it changes: hooks are of one run at a time."""
        hook = self.sae.hook if self.sae and edit.site.kind == "feature" else edit.site.hook
        if edit.mode == "mean":
            for ids in self.contexts:
                self.seen(ids, hook)
        elif edit.mode in ("resample", "patch"):
            self.seen(self.drawn(draw) if edit.mode == "resample" else self.contrast, hook)

    def drawn(self, draw: int, seed: int = 0) -> list[int]:
        """The context that a draw means: each once, in an order of the seed."""
        order = np.random.default_rng(seed).permutation(len(self.contexts))
        return self.contexts[order[draw % len(order)]]

    def _frozen(self, ids: list[int], layer: int) -> tuple[str, Callable[..., Tensor]]:
        name = f"blocks.{layer}.attn.hook_pattern"
        pattern = self.seen(ids, name)[None]
        return name, lambda value, hook: pattern.clone()

    def _hook(self, edit: Intervention, ids: list[int], draw: int) -> tuple[str, Callable[..., Tensor]]:
        site = edit.site
        if site.kind == "edge":
            return site.hook, partial(self._edge, edit)

        def change(value: Tensor, hook: Any) -> Tensor:
            new = value.clone()
            for place in range(len(ids)) if edit.positions is None else edit.positions:
                at = place % len(ids)
                old = new[0, at] if site.index < 0 else new[0, at, site.index]
                put = self._value(edit, old, at, draw)
                if site.index < 0:
                    new[0, at] = put
                else:
                    new[0, at, site.index] = put
            return new

        return site.hook, change

    def _edge(self, edit: Intervention, pattern: Tensor, hook: Any) -> Tensor:
        site, new, value = edit.site, pattern.clone(), edit.value or 0.0
        old = new[0, site.index, site.query, site.key]
        put = {
            "zero": lambda: old * 0,
            "scale": lambda: old * value,
            "clamp": lambda: old * 0 + value,
            "patch": lambda: self.seen(self.contrast, site.hook)[site.index, site.query, site.key],
        }
        new[0, site.index, site.query, site.key] = put[edit.mode]()
        return new

    def _value(self, edit: Intervention, old: Tensor, at: int, draw: int) -> Tensor:
        value = edit.value or 0.0
        if edit.mode == "zero":
            return torch.zeros_like(old)
        if edit.mode == "scale":
            return old * value
        if edit.mode == "clamp":
            return torch.full_like(old, value)
        if edit.mode == "add":
            return old + value * (self.direction[edit.direction] if edit.direction else 1.0)
        return self._drawn_value(edit.site, edit.site.hook, edit.mode, at, draw)

    def _drawn_value(self, site: Site, hook: str, mode: str, at: int, draw: int) -> Tensor:
        if mode == "patch":
            whole = self.seen(self.contrast, hook)[at]
        elif mode == "resample":
            other = self.seen(self.drawn(draw), hook)
            whole = other[at if at < len(other) else 1 + (at - 1) % (len(other) - 1)]
        else:
            runs = [self.seen(context, hook) for context in self.contexts]
            whole = torch.cat([run[:1] if at == 0 else run[1:] for run in runs]).double().mean(0).float()
        return whole if site.index < 0 else whole[site.index]

    def _look(self, read: list[Tensor], value: Tensor, hook: Any) -> None:
        read.append(value[0].clone())

    def _features(self, edits: list[Intervention], draw: int, read: list[Tensor], value: Tensor, hook: Any) -> Tensor:
        """x + (v' - v) W_dec for all features at once, by position; v is what the dictionary makes of what it read."""
        assert self.sae is not None
        new = value.clone()
        for at in range(value.shape[1]):
            had = self.sae.encode(read[0][at])
            wanted = had.clone()
            for edit in edits:
                if edit.positions is None or at in [place % value.shape[1] for place in edit.positions]:
                    wanted[edit.site.index] = self._feature(edit, had[edit.site.index], at, draw)
            new[0, at] = value[0, at] + (wanted - had).float() @ self.sae.decoder.float()
        return new

    def _feature(self, edit: Intervention, had: Tensor, at: int, draw: int) -> Tensor:
        assert self.sae is not None
        index, hook = edit.site.index, self.sae.hook
        if edit.mode == "mean":
            codes = [[self.sae.encode(x)[index] for x in self.seen(context, hook)] for context in self.contexts]
            rows = [code for run in codes for code in (run[:1] if at == 0 else run[1:])]
            return torch.stack(rows).mean()
        if edit.mode == "patch":
            return self.sae.encode(self.seen(self.contrast, hook)[at])[index]
        if edit.mode == "resample":
            return self.sae.encode(self.seen(self.drawn(draw), hook)[at])[index]
        value = edit.value or 0.0
        return {"zero": had * 0, "scale": had * value, "add": had + value, "clamp": had * 0 + value}[edit.mode]
