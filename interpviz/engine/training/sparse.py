"""The sparse road of a training step: only the features that are active in a row are touched, forwards and backwards.

One dense product remains, the encoder's; which features it makes active is a `Pattern`. From there a row costs its
active features alone: the decoder is an embedding bag, and so are the gradients of both weight matrices, over the
same entries sorted by feature. Gradients equal those of the dense products.

Source: Gao et al. 2024, "Scaling and evaluating sparse autoencoders", appendix D (kernels); here by embedding bags,
which PyTorch has on every device.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag


class Pattern:
    """Which features are active in which rows: entries, a row's one after the other.

    `row` and `feature` (entry,) int64; `rows` and `width` are how many there are of each.
    """

    def __init__(self, row: Tensor, feature: Tensor, rows: int, width: int) -> None:
        self.row, self.feature, self.rows, self.width = row, feature, rows, width

    @cached_property
    def active(self) -> Tensor:
        """Entries of each feature (feature,) int64."""
        return torch.bincount(self.feature, minlength=self.width)

    @cached_property
    def by_feature(self) -> tuple[Tensor, Tensor]:
        """The entries in the order of their features, and where each feature's begin (feature + 1,)."""
        # The order of int32 is found in half the time of int64.
        return self.feature.to(torch.int32).argsort(stable=True), _starts(self.active)

    def gathered(self, values: Tensor, weight: Tensor, bag: Tensor) -> Tensor:
        """For each feature the sum over its entries of value times the row `bag` of `weight`: (feature, d)."""
        order, starts = self.by_feature
        return _bags(weight, bag[order], starts, values[order])


def read(x: Tensor, encoder: Tensor, bias: Tensor, pattern: Pattern, values: Tensor) -> Tensor:
    """The pre-activations (entry,) of `x` (row, d_in) @ encoder.T + bias at the pattern's entries, differentiable.

    `values` are those numbers, already known; `encoder` is (feature, d_in), `bias` (feature,).
    """
    return cast("Tensor", _Read.apply(x, encoder, bias, pattern, values))  # type: ignore[no-untyped-call]


def write(values: Tensor, decoder: Tensor, pattern: Pattern, bag: Tensor, bags: int) -> Tensor:
    """The sums (bag, d_out) of the entries' values (entry,) times their features' rows of `decoder`, differentiable.

    `bag` (entry,) int64, not falling, says which sum an entry belongs to: its row, or its row and prefix.
    """
    return cast("Tensor", _Write.apply(values, decoder, pattern, bag, bags))  # type: ignore[no-untyped-call]


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, encoder: Tensor, bias: Tensor, pattern: Pattern, values: Tensor) -> Tensor:
        ctx.save_for_backward(x, encoder)
        ctx.pattern = pattern
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, encoder = ctx.saved_tensors
        gradient, pattern = gradients[0].contiguous(), ctx.pattern
        to_x = (
            _bags(encoder, pattern.feature, _starts_of(pattern.row, pattern.rows), gradient)
            if _wanted(ctx, 0)
            else None
        )
        to_encoder = pattern.gathered(gradient, x, pattern.row)
        to_bias = gradient.new_zeros(pattern.width).index_add_(0, pattern.feature, gradient)
        return to_x, to_encoder, to_bias, None, None


class _Write(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, decoder: Tensor, pattern: Pattern, bag: Tensor, bags: int) -> Tensor:
        weights = values.detach().requires_grad_()
        with torch.enable_grad():  # kept, for PyTorch's own way back to the values: 7 times as fast as a gather's
            sums = _bags(decoder.detach(), pattern.feature, _starts_of(bag, bags), weights)
        ctx.save_for_backward(values, bag)
        ctx.pattern, ctx.sums, ctx.weights = pattern, sums, weights
        return sums.detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, bag = ctx.saved_tensors
        gradient, pattern = gradients[0].contiguous(), ctx.pattern
        (to_values,) = torch.autograd.grad(ctx.sums, ctx.weights, gradient)
        to_decoder = pattern.gathered(values, gradient, bag) if _wanted(ctx, 1) else None
        return to_values, to_decoder, None, None, None


def _wanted(ctx: Any, argument: int) -> bool:
    return bool(ctx.needs_input_grad[argument])


def _bags(weight: Tensor, index: Tensor, starts: Tensor, values: Tensor) -> Tensor:
    return embedding_bag(index, weight, starts, mode="sum", per_sample_weights=values, include_last_offset=True)


def _starts_of(bag: Tensor, bags: int) -> Tensor:
    return _starts(torch.bincount(bag, minlength=bags))


def _starts(counts: Tensor) -> Tensor:
    return torch.nn.functional.pad(counts.cumsum(0), (1, 0))
