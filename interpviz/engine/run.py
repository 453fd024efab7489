"""What the model says after a prompt, with parts of it edited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.report import Report, silent
from interpviz.core.results import F4, Road
from interpviz.engine.blocks import Hook, KeysAndValues
from interpviz.engine.clean import CleanRun
from interpviz.engine.interventions import Edits, RowEdit
from interpviz.engine.lens import Model
from interpviz.engine.supplies import Supply

PATTERN_BYTES = 32 << 20
DRAWS = 8
"""How many documents resample draws, for the spread over them."""


@dataclass(frozen=True, eq=False)
class EditedRun:
    """`logits` (draw, pos, vocab), the last position alone unless every one was asked; one draw without resample."""

    logits: Tensor
    road: Road


def edited_run(
    model: Model,
    clean: CleanRun,
    interventions: Iterable[Intervention],
    supply: Supply,
    *,
    freeze: bool = False,
    every: bool = False,
    cache: KeysAndValues | None = None,
    report: Report = silent,
) -> EditedRun:
    """Run the clean run's prompt with these edits; with `freeze` its attention patterns stay those of the clean run.

    It begins at the lowest layer that is edited. Only the activations that are cut are hooked, and only the wanted
    positions are unembedded. `cache` keeps the keys and values of all layers, and then all run.
    """
    edits = tuple(interventions)
    rows = DRAWS if any(edit.mode == "resample" for edit in edits) else 1
    made = Edits(model, drawn(edits, rows), len(clean.tokens.ids), supply, rows=rows, strict=True)
    hooks = dict(made.hooks)
    if freeze:
        hooks |= frozen_patterns(model, clean, hooks, report)
    ids = model.ids(clean.tokens)
    road = model.road(hooks, ids.shape[1])
    start = None if cache is not None else clean.start(lowest_layer(made.hooks))
    ids = ids.expand(rows, -1) if road == "slow" else ids
    logits = model.forward(ids, hooks, every=every, start=start, cache=cache, report=report)
    made.prove()
    if not logits.isfinite().all() and clean.logits.isfinite().all():
        raise InterpvizError("With these edits the logits are no finite numbers. Give the edits a smaller strength.")
    return EditedRun(logits, road)


def drawn(edits: Iterable[Intervention], rows: int) -> list[RowEdit]:
    """Each edit in all rows; one that resamples with another draw in each row."""
    return [
        RowEdit(edit, row, row if row is not None else 0)
        for edit in edits
        for row in (range(rows) if edit.mode == "resample" else (None,))
    ]


def frozen_patterns(
    model: Model, clean: CleanRun, edits: Mapping[str, Hook], report: Report = silent
) -> dict[str, Hook]:
    """Hooks that put the clean run's attention in the place of every layer's; edits of it come after."""
    patterns = clean_patterns(model, clean, report)

    def holding(name: str) -> Hook:
        edit = edits.get(name)

        def see(pattern: Tensor) -> Tensor:
            held = patterns[name].expand(len(pattern), -1, -1, -1)
            changed = edit(held) if edit else None
            return held if changed is None else changed

        return see

    return {name: holding(name) for name in patterns}


def clean_patterns(model: Model, clean: CleanRun, report: Report = silent) -> dict[str, Tensor]:
    """By hook name, every layer's attention (1, head, query, key) in the clean run; of short prompts it is kept."""
    if clean.patterns:
        return clean.patterns
    length = len(clean.tokens.ids)
    kept = model.facts.layers * model.facts.heads * length**2 * 4 <= PATTERN_BYTES
    seen = clean.patterns if kept else {}

    def keeping(found: dict[str, Tensor], name: str) -> Hook:
        def see(pattern: Tensor) -> None:
            found[name] = pattern.clone()

        return see

    names = [f"blocks.{layer}.attn.hook_pattern" for layer in range(model.facts.layers)]
    found: dict[str, Tensor] = {}
    model.forward(model.ids(clean.tokens), {name: keeping(found, name) for name in names}, report=report)
    seen.update(found)  # all or none, should it be cancelled
    return seen


def lowest_layer(hooks: Iterable[str]) -> int:
    """The first layer that any of these activations belongs to; -1 where one comes before all layers."""
    parts = [name.split(".") for name in hooks]
    return min((int(part[1]) if part[0] == "blocks" else -1 for part in parts), default=0)


def loss(logits: Tensor, ids: Tensor) -> F4:
    """Cross-entropy in nats of each token after the first, (pos-1,), the mean over the draws (draw, pos, vocab)."""
    targets = ids.expand(len(logits), -1)[:, 1:]
    losses = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="none")
    values: F4 = losses.mean(0).cpu().numpy()
    return values
