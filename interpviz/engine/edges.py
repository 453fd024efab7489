"""The score of every edge of a run, in blocks, by the layer that the edges lead into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.results import NODE_KINDS
from interpviz.engine.reads import HeadReads
from interpviz.engine.traces import Trace

F4 = NDArray[np.float32]
I4 = NDArray[np.int32]
I8 = NDArray[np.int64]
Block = tuple[F4, I8, I8]

# Numbers in one block of work: 16 MB of float32.
_BLOCK = 4_000_000


@dataclass(frozen=True)
class Nodes:
    """Numbers every component at every position: (component * length + position).

    Components are the embedding, then layer by layer the heads and the MLP (where `mlps`), then the logits.
    """

    layers: int
    heads: int
    mlps: bool
    length: int

    def first(self, layer: int) -> int:
        """The component that is head 0 of this layer; the logits for the layer after the last."""
        return 1 + layer * (self.heads + self.mlps)

    def described(self, codes: I8) -> tuple[NDArray[np.uint8], I4, I4, I4]:
        """Kind (index into NODE_KINDS), layer (-1 embedding, `layers` logits), position and head (or -1) of nodes."""
        component, position = np.divmod(codes, self.length)
        layer, place = np.divmod(component - 1, self.heads + self.mlps)
        kind = np.where(place < self.heads, NODE_KINDS.index("head"), NODE_KINDS.index("mlp"))
        kind[component == 0] = NODE_KINDS.index("embed")
        kind[component == self.first(self.layers)] = NODE_KINDS.index("logits")
        index = np.where(kind == NODE_KINDS.index("head"), place, -1)
        return kind.astype(np.uint8), layer.astype(np.int32), position.astype(np.int32), index.astype(np.int32)


class Edges:
    """Scores of edges: what each component writes, times the metric's gradient where another reads it.

    `change` (component, pos, d_model) is what each component but the logits writes in the clean run, less what it
    writes in the corrupted one. Each method yields blocks (weight, source, target): float32 of any shape, and node
    numbers that broadcast to it.
    """

    def __init__(self, run: Trace, change: Tensor, metric: Tensor) -> None:
        first = run.layers[0]
        self.nodes = Nodes(len(run.layers), first.z.shape[2], first.mlp_input is not None, change.shape[1])
        self._run = run
        self._change = change
        self._logits, *slopes = _gradients(metric, [run.logits_input, *_reads(run)])
        layers = len(run.layers)
        self._attention, self._z, self._scores, self._mlp = (
            slopes[start : start + layers] for start in range(0, 4 * layers, layers)
        )

    def into_logits(self) -> Iterator[Block]:
        """From every component at the last position."""
        length = self.nodes.length
        weight = self._change[:, -1] @ self._logits[0, -1]
        source = np.arange(len(weight)) * length + length - 1
        yield _array(weight), source, np.array(len(weight) * length + length - 1)

    def into_mlp(self, layer: int) -> Iterator[Block]:
        """From every component that the MLP can read, position by position; nothing in a model without MLPs."""
        if not self.nodes.mlps:
            return
        length, heads = self.nodes.length, self.nodes.heads
        before = self.nodes.first(layer) + (0 if self._run.layers[layer].parallel else heads)
        weight = torch.einsum("npd,pd->np", self._change[:before], self._mlp[layer][0])
        source = np.arange(before * length).reshape(before, length)
        target = (self.nodes.first(layer) + heads) * length + np.arange(length)
        yield _array(weight), source, target

    def into_heads(self, layer: int) -> Iterator[Block]:
        """From every earlier component at each position to every head of the layer at the same or a later one."""
        length, heads, before = self.nodes.length, self.nodes.heads, self.nodes.first(layer)
        reads = HeadReads(self._run.layers[layer], self._z[layer], self._scores[layer])
        query, key = np.tril_indices(length)
        target = (before + np.arange(heads)[:, None]) * length + query
        rows = max(1, _BLOCK // (length * max(heads * length, self._change.shape[2])))
        for start in range(0, before, rows):
            change = self._change[start : min(start + rows, before)]
            scores = reads.scores(change)
            self._check(scores, change, layer)
            source = (start + np.arange(len(change))[:, None, None]) * length + key
            yield _array(scores)[:, :, query, key], source, target

    def _check(self, scores: Tensor, change: Tensor, layer: int) -> None:
        """Summed over heads and queries the scores must be the plain gradient's: true of softmax attention only."""
        slope = self._attention[layer][0]
        wrong = (scores.sum((1, 2)) - torch.einsum("npd,pd->np", change, slope)).abs()
        # Not of the scores themselves: a norm cancels what is parallel to its input, and leaves rounding.
        if (wrong > 1e-4 * (change.norm(dim=2) * slope.norm(dim=1)).max()).any():
            raise InterpvizError(
                f"No circuit can be drawn for this model: the attention of layer {layer} is not the plain softmax "
                "kind that can be told apart by position. Use the grid's ablation effects instead."
            )


def averaged(runs: Sequence[Iterator[Block]], pause: Callable[[], None]) -> Iterator[Block]:
    """The blocks of several runs over the same tokens, block by block the mean of their weights.

    `pause` is called between two runs of a block.
    """
    first, *others = runs
    for weight, source, target in first:
        for other in others:
            pause()
            weight = weight + next(other)[0]
        yield weight / np.float32(len(runs)), source, target


def _reads(run: Trace) -> list[Tensor]:
    layers = run.layers
    mlps = [layer.mlp_input for layer in layers if layer.mlp_input is not None]
    return [*(x.attention_input for x in layers), *(x.z for x in layers), *(x.scores for x in layers), *mlps]


def _gradients(metric: Tensor, activations: list[Tensor]) -> tuple[Tensor, ...]:
    slopes = torch.autograd.grad(metric, activations, retain_graph=True, allow_unused=True)
    if any(slope is None for slope in slopes):
        raise InterpvizError(
            "No circuit can be drawn for this model: it shows its attention, but does not compute with what it shows. "
            "Use the grid's ablation effects instead."
        )
    return slopes


def _array(values: Tensor) -> F4:
    array: F4 = values.detach().cpu().numpy()
    return array
