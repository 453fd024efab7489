"""What the model says after a prompt, with parts of it cut out."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from interpviz.core.document import Intervention
from interpviz.core.report import Report, silent
from interpviz.core.results import F4, Tokens
from interpviz.engine.interventions import Edits, Means, RowEdit
from interpviz.engine.lens import Model


def edited_logits(
    model: Model,
    tokens: Tokens,
    interventions: Iterable[Intervention],
    means: Means,
    *,
    every: bool = False,
    report: Report = silent,
) -> Tensor:
    """Logits (1, 1, vocab) at the last position of the run with these edits; (1, pos, vocab) if `every`.

    Only the activations that are cut are hooked, and only the wanted positions are unembedded.
    """
    edits = Edits(model, map(RowEdit, interventions), len(tokens.ids), means)
    logits = model.forward(model.ids(tokens), edits.hooks, every=every, report=report)
    edits.prove()
    return logits


def loss(logits: Tensor, ids: Tensor) -> F4:
    """Cross-entropy in nats of each token after the first, (pos-1,), from logits (1, pos, vocab)."""
    losses = torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="none")
    values: F4 = losses.cpu().numpy()
    return values
