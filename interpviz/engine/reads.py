"""How far the metric hangs on what one layer's heads read, told apart by head, by where they look from and where to."""

from __future__ import annotations

import torch
from torch import Tensor

from interpviz.engine.traces import LayerTrace


class HeadReads:
    """The linear dependence of the metric on the residual stream as read by each head at each query and key.

    A head's output at q is a sum over keys p, and its score of (q, p) reads one query and one key: its dependence on
    keys and values falls apart exactly into one part a pair (q, p), and its query is read at q alone. Norms,
    projections, rotary embeddings and whatever else the model has in between are followed by Jacobian-vector
    products of the clean run's own autograd graph. Query heads that share keys and values are kept apart.
    """

    def __init__(self, layer: LayerTrace, z_slope: Tensor, score_slope: Tensor) -> None:
        """The metric's gradients at z (1, pos, head, d_head) and at the scores (1, head, query, key)."""
        self._projected = _Linearised((layer.query, layer.key, layer.value), layer.attention_input)
        self._scored = _Linearised((layer.scores,), layer.key)
        self._pattern = layer.pattern[0].detach()
        self._z_slope, self._score_slope = z_slope[0], score_slope[0]
        (slope,) = torch.autograd.grad(layer.scores, layer.query, score_slope, retain_graph=True)
        self._query_slope = slope[0]

    def scores(self, change: Tensor) -> Tensor:
        """What changing the stream by each of `change` (n, pos, d_model) does: (n, head, query, key) of the metric."""
        query, key, value = self._projected.push(change)
        (scored,) = self._scored.push(key)
        with torch.no_grad():
            values = value.repeat_interleave(len(self._pattern) // value.shape[2], dim=2)
            through = torch.einsum("qhd,nphd->nhqp", self._z_slope, values).mul_(self._pattern)
            through.addcmul_(scored, self._score_slope)
            through.diagonal(dim1=2, dim2=3).add_(torch.einsum("qhd,nqhd->nhq", self._query_slope, query))
        return through


class _Linearised:
    """The change of some activations of a run as a linear function of the change of an earlier one."""

    def __init__(self, outputs: tuple[Tensor, ...], start: Tensor) -> None:
        self._probes = [torch.zeros_like(output, requires_grad=True) for output in outputs]
        (self._pulled,) = torch.autograd.grad(outputs, start, self._probes, create_graph=True)

    def push(self, change: Tensor) -> list[Tensor]:
        """Their change for each of n changes (n, *start): one (n, ...) an output; the batch axes of one are left out.

        The gradient pulled back by probes is linear in the probes; its own gradient is the forward product.
        """
        batch = change[:, None]
        pushed = torch.autograd.grad(self._pulled, self._probes, batch, is_grads_batched=True, retain_graph=True)
        return [part[:, 0] for part in pushed]
