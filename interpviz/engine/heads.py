"""How much each head looks like an induction, previous-token or duplicate-token head."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import HeadScores
from interpviz.engine.blocks import Hook
from interpviz.engine.lens import Model

PERIOD, SEQUENCES = 50, 8
_BATCH = 4


def head_scores(model: Model, seed: int = 0, report: Report = silent) -> HeadScores:
    """Scores of every head on random tokens said twice: 8 sequences of 50 distinct tokens, BOS first if there is one.

    Raises InterpvizError where the model's context is too short for them, or its vocabulary too small.
    Source: METRICS.md, Heads; Olsson et al. 2022, "In-context Learning and Induction Heads".
    """
    ids = torch.from_numpy(repeated(model, seed)).to(model.device)
    shape = (SEQUENCES, model.facts.layers, model.facts.heads)
    looks = {offset: np.zeros(shape, np.float32) for offset in (PERIOD - 1, 1, PERIOD)}
    for start in range(0, SEQUENCES, _BATCH):
        rows = slice(start, start + _BATCH)

        def seeing(layer: int, rows: slice = rows) -> Hook:
            def see(pattern: Tensor) -> None:
                for offset, values in looks.items():
                    values[rows, layer] = looks_back(pattern, PERIOD, offset).cpu().numpy()

            return see

        hooks = {f"blocks.{layer}.attn.hook_pattern": seeing(layer) for layer in range(model.facts.layers)}
        model.forward(ids[rows], hooks, report=report, share=(start / SEQUENCES, (start + _BATCH) / SEQUENCES))
    induction, previous, duplicate = (values.mean(axis=0) for values in looks.values())
    return HeadScores(induction, previous, duplicate)


def looks_back(pattern: Tensor, period: int, offset: int) -> Tensor:
    """Mean attention from each query of the second copy to the key `offset` before it: (..., head).

    `pattern` (..., head, query, key) is of a sequence that ends with `period` tokens said twice. Offset period - 1
    is the token after this one's first copy (induction), period that copy (duplicate), 1 the previous token.

    Raises ValueError if `pattern` is shorter than two periods.
    """
    length = pattern.shape[-1]
    if length < 2 * period:
        raise ValueError(f"pattern covers {length} tokens; two periods need {2 * period}")
    query = torch.arange(length - period, length, device=pattern.device)
    return pattern[..., query, query - offset].mean(-1)


def repeated(model: Model, seed: int) -> NDArray[np.int64]:
    """Sequences (8, 100 or 101): a BOS if the model has one, then 50 distinct random tokens, then they again."""
    start = [] if model.bos is None else [model.bos]
    length = len(start) + 2 * PERIOD
    if model.facts.context < length:
        raise InterpvizError(
            f"{model.facts.name} reads at most {model.facts.context} tokens, but head scores need {length}. "
            "Use a model with a longer context."
        )
    known = min(model.facts.vocab, len(model.tokenizer))
    ordinary = np.setdiff1d(np.arange(known), model.tokenizer.all_special_ids)
    if len(ordinary) < PERIOD:
        raise InterpvizError(
            f"{model.facts.name} has {len(ordinary)} ordinary tokens, but head scores need {PERIOD} different ones. "
            "Use a model with a larger vocabulary."
        )
    random = np.random.default_rng(seed)
    segments = [random.choice(ordinary, PERIOD, replace=False) for _ in range(SEQUENCES)]
    return np.array([[*start, *segment, *segment] for segment in segments], np.int64)
