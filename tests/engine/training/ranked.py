"""What a rank does in the tests of ranks: the same few steps in each process, on its slice of each batch."""

from __future__ import annotations

from typing import Any, cast

import torch

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryKind
from interpviz.engine.ranks import Ranks
from interpviz.engine.training.coders import Coder, Design, coder
from tests.engine.training.dense import rows

STEPS = 20


def trained(ranks: Ranks, kind: str) -> tuple[list[float], Coder]:
    """The losses of 20 steps of 64 rows, and the coder after them."""
    design = Design(cast("DictionaryKind", kind), 16, 16, 64, k=4)
    built, losses = coder(design, 0, ranks), []
    optimizer = torch.optim.Adam([p for p in built.parameters() if p.requires_grad], lr=1e-3)
    dead = torch.arange(64) % 16 == 3
    for step in range(STEPS):
        x = ranks.slice(rows(design, 64, seed=step)[0])
        made = built.step(x, x, step / STEPS, dead)
        optimizer.zero_grad()
        made.loss.backward()
        ranks.mean_gradients(built)
        built.after_backward()
        optimizer.step()
        built.after_update()
        losses.append(float(ranks.sum(made.loss.detach())) / ranks.count)
    return losses, built


def refused(ranks: Ranks, **_: Any) -> None:
    """A rank that makes out a mistake, while the others wait for it."""
    raise InterpvizError("The cache is gone. Look for it.")


def vanished(ranks: Ranks, **_: Any) -> None:
    """A rank that ends without a word."""
    raise SystemExit(3)


def waiting(ranks: Ranks, **_: Any) -> None:
    """A rank that waits for the others once, and then for longer than they do."""
    meet(ranks)
    meet(ranks)


def meet(ranks: Ranks) -> None:
    """Wait until all have come here."""
    ranks.sum(torch.zeros(()))
