"""Which features of which rows are active: the dense half of a step, without gradients.

Each answers a Pattern and the pre-activations (entry,) at its entries. `x` is (row, d_in), `encoder` (feature, d_in),
`bias` (feature,).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from interpviz.engine.ranks import Ranks
from interpviz.engine.training.sparse import Pattern

# Pre-activations of so many numbers are made at a time: they stay near the processor, and memory does not grow with
# the batch.
CHUNK = 1 << 22


def strongest_of_row(x: Tensor, encoder: Tensor, bias: Tensor, k: int) -> tuple[Pattern, Tensor]:
    """The `k` strongest features of each row, those that are not above zero left out."""
    found = [strongest(pre, k) for _, pre in _chunks(x, encoder, bias)]
    values, feature = (torch.cat(part).flatten() for part in zip(*found, strict=True))
    positive, row = values > 0, torch.arange(len(x), device=x.device).repeat_interleave(k)
    return Pattern(row[positive], feature[positive], len(x), len(encoder)), values[positive]


def strongest_of_batch(x: Tensor, encoder: Tensor, bias: Tensor, k: int, ranks: Ranks) -> tuple[Pattern, Tensor]:
    """The strongest features of the whole batch, `k` a row on average, those that are not above zero left out.

    The batch is that of all ranks together: what is kept is what one alone would keep of all their rows.
    Source: Bussmann et al. 2024, "BatchTopK Sparse Autoencoders".
    """
    pre = torch.addmm(bias, x, encoder.T).view(1, -1)
    wanted = k * len(x) * ranks.count
    values, place = (part[0] for part in strongest(pre, min(wanted, pre.numel())))
    if ranks.count > 1:
        all_values = ranks.gather(values)
        least = all_values.topk(min(wanted, len(all_values)), sorted=False).values.min()
        values, place = values[values >= least], place[values >= least]
    positive = values > 0
    place, order = place[positive].sort()
    return Pattern(place // len(encoder), place % len(encoder), len(x), len(encoder)), values[positive][order]


def above(x: Tensor, encoder: Tensor, bias: Tensor, threshold: Tensor | None = None) -> tuple[Pattern, Tensor]:
    """Every feature whose pre-activation is above zero, and above its `threshold` (feature,) where there is one."""
    floor = bias.new_zeros(()) if threshold is None else threshold.clamp_min(0.0)
    rows, features, values = [], [], []
    for first, pre in _chunks(x, encoder, bias):
        row, feature = (pre > floor).nonzero(as_tuple=True)
        rows.append(row + first)
        features.append(feature)
        values.append(pre[row, feature])
    return Pattern(torch.cat(rows), torch.cat(features), len(x), len(encoder)), torch.cat(values)


def strongest(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The `k` largest of each row of `values` (row, n) and their places, in no order: exactly `torch.topk`.

    The k largest lie in the k blocks of the largest maxima, which leaves little to search: 2 to 4 times as fast.
    """
    rows, n = values.shape
    block = _block(n, k)
    if n // block < k or block == 1:
        found = values.topk(k, sorted=False)
        return found.values, found.indices
    blocks = n // block
    best = values.view(rows, block, blocks).amax(1).topk(k, sorted=False).indices
    offsets = torch.arange(block, device=values.device)[:, None] * blocks
    candidates = (best[:, None, :] + offsets).flatten(1)
    found = values.gather(1, candidates).topk(k, sorted=False)
    return found.values, candidates.gather(1, found.indices)


def _block(n: int, k: int) -> int:
    """The block that makes maxima and candidates together fewest, of those that divide n: near sqrt(n / k)."""
    return min((block for block in (1, 2, 4, 8, 16, 32) if n % block == 0), key=lambda block: n / block + k * block)


def _chunks(x: Tensor, encoder: Tensor, bias: Tensor) -> Iterator[tuple[int, Tensor]]:
    """The first row and the pre-activations (row, feature) of chunk after chunk, each in the place of the last."""
    size = max(1, CHUNK // len(encoder))
    room = x.new_empty(min(size, len(x)), len(encoder))
    for first in range(0, len(x), size):
        part = x[first : first + size]
        yield first, torch.addmm(bias, part, encoder.T, out=room[: len(part)])
