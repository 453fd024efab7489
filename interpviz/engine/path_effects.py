"""Path patching: what editing a sender does through chosen paths only, beside its direct and its total effect."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import REPLACING, Intervention, Mode
from interpviz.core.path_patching import check_paths
from interpviz.core.report import Report, silent
from interpviz.core.results import PathEffects, Target
from interpviz.core.sites import Site
from interpviz.engine.blocks import Hook
from interpviz.engine.clean import CleanRun
from interpviz.engine.interventions import Edits, RowEdit
from interpviz.engine.lens import Model
from interpviz.engine.metrics import metric
from interpviz.engine.parts import per_head
from interpviz.engine.run import edited_run
from interpviz.engine.supplies import Supply

Path = tuple[Site, ...]


def path_effects(
    model: Model,
    clean: CleanRun,
    target: Target,
    paths: tuple[Path, ...],
    mode: Mode,
    supply: Supply,
    report: Report = silent,
) -> PathEffects:
    """Effects, metric(clean) - metric(edited), of editing the sender that all paths begin with.

    A part on a path reads the clean residual stream plus the change of the parts before it on its paths, and nothing
    else; so does the final norm. Where paths share a part, it reads all their changes at once. `direct` is the
    sender's own change at the final norm; `total` lets everything follow.

    Raises InterpvizError for parts that the model has not, and where heads do not add to the stream one by one.
    Source: METRICS.md, Effects; Wang et al. 2022 (2211.00593), path patching.
    """
    begun = time.perf_counter()
    if mode not in REPLACING:
        raise InterpvizError(f"A sender is not edited by {mode} here. Use zero, mean or patch.")
    check_paths(paths, model.facts)
    tracing = _Tracing(model, clean, report)
    tracing.check(paths)
    sender = paths[0][0]
    changes = tracing.changes(paths, tracing.sent(Intervention(sender, mode), supply))
    ends = torch.stack([changes[last] for last in {path[-1] for path in paths}]).sum(0)
    baseline = float(metric(clean.logits, target))
    total = edited_run(model, clean, [Intervention(sender, mode)], supply, report=report)
    return PathEffects(
        total=baseline - float(metric(total.logits[0, -1], target)),
        direct=baseline - float(metric(tracing.logits(changes[sender]), target)),
        path=baseline - float(metric(tracing.logits(ends), target)),
        baseline=baseline,
        road=total.road,
        seconds=time.perf_counter() - begun,
    )


class _Tracing:
    """Follows changes of the residual stream, (pos, d_model), through single parts of a clean run."""

    def __init__(self, model: Model, clean: CleanRun, report: Report) -> None:
        self._model, self._clean, self._report = model, clean, report
        self._parallel = not model.has("blocks.0.hook_resid_mid")

    def check(self, paths: tuple[Path, ...]) -> None:
        """Raise InterpvizError where this model's parts do not stand behind each other as the paths say."""
        facts = self._model.facts
        heads = any(site.kind != "mlp_out" for path in paths for site in path)
        if heads and self._model.has("blocks.0.ln1_post.hook_out"):
            raise InterpvizError(
                f"{facts.name} norms the sum of its heads, so no path leads through one alone. Follow its MLPs."
            )
        pairs = (pair for path in paths for pair in pairwise(path))
        if self._parallel and any(before.layer == after.layer for before, after in pairs):
            raise InterpvizError(
                f"In {facts.name} an MLP reads what the heads of its layer read, not what they write. "
                "Go on to a later layer."
            )

    def sent(self, edit: Intervention, supply: Supply) -> Tensor:
        """What editing a part changes in what it writes."""
        name = edit.site.hook
        was = self._kept(name, {}, edit.site.layer)
        made = Edits(self._model, [RowEdit(edit)], len(was[0]), supply, strict=True)
        now = made.hooks[name](was)
        made.prove()
        assert now is not None
        return self._written(edit.site, was, now)

    def changes(self, paths: tuple[Path, ...], sent: Tensor) -> dict[Site, Tensor]:
        """What every part on the paths changes in what it writes, when the sender changes this."""
        found = {paths[0][0]: sent}
        edges = {(before, after) for path in paths for before, after in pairwise(path)}
        for site in sorted({after for _, after in edges}, key=lambda one: (one.layer, one.kind == "mlp_out", one)):
            entering = torch.stack([found[before] for before, after in edges if after == site]).sum(0)
            found[site] = self.passed_on(site, entering)
        return found

    def passed_on(self, site: Site, entering: Tensor) -> Tensor:
        """What a part changes in what it writes when `entering` is added to what it reads."""
        if site.kind == "mlp_out":
            reads = f"blocks.{site.layer}.{'hook_resid_pre' if self._parallel else 'hook_resid_mid'}"
            name = site.hook
            return (self._kept(name, {reads: _adding(entering)}, site.layer) - self._kept(name, {}, site.layer))[0]
        stream: dict[str, Hook] = {f"blocks.{site.layer}.hook_resid_pre": _adding(entering)}
        name = f"blocks.{site.layer}.attn.hook_z"
        was = self._kept(name, {}, site.layer)
        if site.kind == "head":
            return self._written(site, was, self._kept(name, stream, site.layer))
        read = self._kept(site.hook, stream, site.layer)
        put: dict[str, Hook] = {site.hook: _replacing(site.index, read)}
        return self._written(site, was, self._kept(name, put, site.layer))

    def logits(self, change: Tensor) -> Tensor:
        """Logits (vocab,) at the last position when this is added to what the final norm reads."""
        layer = self._model.facts.layers - 1
        hooks: dict[str, Hook] = {f"blocks.{layer}.hook_resid_post": _adding(change)}
        ids = self._model.ids(self._clean.tokens)
        return self._model.forward(ids, hooks, start=self._clean.start(layer), report=self._report)[0, -1]

    def _written(self, site: Site, was: Tensor, now: Tensor) -> Tensor:
        """The change (pos, d_model) in what a part writes: of z's heads, the one that the site means, or all."""
        if site.kind == "mlp_out":
            return (now - was)[0]
        difference = per_head(now - was, self._model.facts)[0]
        if site.kind in ("head", "query"):
            alone = torch.zeros_like(difference)
            alone[:, site.index] = difference[:, site.index]
            difference = alone
        output = self._model.bridge.blocks[site.layer].attn.o.original_component
        weight = output.weight if isinstance(output, torch.nn.Linear) else output.weight.T
        with torch.inference_mode():
            return functional.linear(difference.flatten(1), weight)

    def _kept(self, name: str, hooks: Mapping[str, Hook], layer: int) -> Tensor:
        """The activation (1, pos, ...) of this name when a layer runs with these hooks."""
        seen: list[Tensor] = []
        edit = hooks.get(name)

        def keep(activation: Tensor) -> Tensor | None:
            changed = edit(activation) if edit else None
            seen.append((activation if changed is None else changed).clone())
            return changed

        ids = self._model.ids(self._clean.tokens)
        start = self._clean.start(layer)
        self._model.forward(ids, {**hooks, name: keep}, start=start, stop=layer + 1, report=self._report)
        return seen[0]


def _adding(change: Tensor) -> Hook:
    return lambda stream: stream + change


def _replacing(index: int, given: Tensor) -> Hook:
    def see(activation: Tensor) -> Tensor:
        changed = activation.clone()
        changed[:, :, index] = given[:, :, index]
        return changed

    return see
