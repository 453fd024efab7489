"""Dictionaries whose sparsity is bought: a loss on how much, or how many, features are active."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from interpviz.engine.ranks import ALONE, Ranks
from interpviz.engine.training.coder import Coder, Design, Step, Weights, numpy
from interpviz.engine.training.selection import above
from interpviz.engine.training.sparse import Pattern, read, write

# The sparsity loss's coefficient where none is given.
SPARSITY = {"relu": 1.5, "gated": 2.0, "jumprelu": 0.5}
# A JumpReLU's first threshold and its kernel's width, beside numbers whose mean square is 1. Far smaller ones, as in
# Rajamanoharan et al. 2024, want far more rows: after 400,000 of a residual stream, L0 was 737 with 0.014, 39 with 0.5.
FIRST_THRESHOLD = BANDWIDTH = 0.5
# Where more than this share of the features is active, dense products are the faster road.
DENSE = 1 / 12
LOOKED_AT = 64


class Entries(Protocol):
    """The pre-activations `pre` that matter: at a pattern's entries (entry,), or all, (row, feature)."""

    pre: Tensor

    def of(self, parameter: Tensor) -> Tensor:
        """A feature's parameter (feature,) beside each of `pre`."""

    def written(self, values: Tensor, decoder: Tensor) -> Tensor:
        """The sum (row, d_out) of the values, shaped as `pre`, times their features' decoder rows."""

    def counts(self, active: Tensor) -> Tensor:
        """How many rows each feature is active in, by bools shaped as `pre`."""


class _Sparse:
    def __init__(self, pattern: Pattern, pre: Tensor) -> None:
        self._pattern, self.pre = pattern, pre

    def of(self, parameter: Tensor) -> Tensor:
        return parameter[self._pattern.feature]

    def written(self, values: Tensor, decoder: Tensor) -> Tensor:
        return write(values, decoder, self._pattern, self._pattern.row, self._pattern.rows)

    def counts(self, active: Tensor) -> Tensor:
        return torch.bincount(self._pattern.feature[active], minlength=self._pattern.width)


class _Dense:
    def __init__(self, pre: Tensor) -> None:
        self.pre = pre

    def of(self, parameter: Tensor) -> Tensor:
        return parameter

    def written(self, values: Tensor, decoder: Tensor) -> Tensor:
        return values @ decoder

    def counts(self, active: Tensor) -> Tensor:
        return active.sum(0)


class Penalised(Coder):
    """The squared error and a coefficient times a sparsity loss, which is warmed up."""

    def step(self, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Step:
        entries = self._entries(self._read(x))
        values, sparsity = self._activations(entries)
        reconstruction = entries.written(values, self.decoder) + self._straight(x)
        error = (y - reconstruction).square().sum()
        loss = error + warm * self._coefficient * sparsity + self._extra(entries, x, y)
        active = entries.counts(values.detach() > 0)
        return Step(loss / len(x), reconstruction.detach(), active.sum(), active > 0, error.detach())

    @abstractmethod
    def _activations(self, entries: Entries) -> tuple[Tensor, Tensor]:
        """The activations, shaped as the entries, and the sparsity loss summed over the rows."""

    def _extra(self, entries: Entries, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(())

    def _bias(self) -> Tensor:
        return self.encoder_bias

    def _floor(self) -> Tensor | None:
        """Pre-activations (feature,) that are not above it neither write nor learn; None for zero."""
        return None

    @property
    def _coefficient(self) -> float:
        given = self.design.sparsity
        return SPARSITY[self.design.kind] if given is None else given

    def _first_gain(self) -> float:
        # With half of the features active this writes an autoencoder's input back as it is.
        return min(1.0, 2 * self.design.d_in / self.design.width)

    def _entries(self, seen: Tensor) -> Entries:
        bias, floor = self._bias(), self._floor()
        with torch.no_grad():
            pattern, _ = above(seen[:LOOKED_AT], self.encoder, bias, floor)
            dense = len(pattern.row) > DENSE * pattern.rows * pattern.width
            pattern, found = (pattern, bias) if dense else above(seen, self.encoder, bias, floor)
        if dense:
            return _Dense(torch.addmm(bias, seen, self.encoder.T))
        return _Sparse(pattern, read(seen, self.encoder, bias, pattern, found))


class Relu(Penalised):
    """L1: the activations times their decoder rows' norms, which are one.

    Source: Bricken et al. 2023; Anthropic, "Circuits Updates - April 2024", training SAEs.
    """

    def _activations(self, entries: Entries) -> tuple[Tensor, Tensor]:
        values = entries.pre.relu()
        return values, values.sum()


class Gated(Penalised):
    """One half decides whether a feature is active, which L1 falls on, the other how much.

    So that the deciding half learns to decide, what it would write alone is held against y too, through the decoder
    as it is. Source: Rajamanoharan et al. 2024, "Improving Dictionary Learning with Gated Sparse Autoencoders".
    """

    activation = "gated"

    def __init__(self, design: Design, seed: int = 0, ranks: Ranks = ALONE) -> None:
        super().__init__(design, seed, ranks)
        self.gate_bias, self.magnitude_bias, self.magnitude = (
            nn.Parameter(torch.zeros(design.width)) for _ in range(3)
        )
        self.encoder_bias.requires_grad_(False)  # a gated dictionary has none

    @torch.no_grad()
    def revive(self, features: Tensor, x: Tensor, error: Tensor, optimizer: torch.optim.Optimizer) -> None:
        super().revive(features, x, error, optimizer)
        for parameter in (self.gate_bias, self.magnitude_bias, self.magnitude):
            parameter[features] = 0.0

    def weights(self) -> Weights:
        weights = super().weights()
        gate = {"b_gate": self.gate_bias, "b_mag": self.magnitude_bias, "r_mag": self.magnitude}
        return weights._replace(arrays=weights.arrays | {name: numpy(tensor) for name, tensor in gate.items()})

    def _activations(self, entries: Entries) -> tuple[Tensor, Tensor]:
        gate = entries.pre
        size = (gate - entries.of(self.gate_bias)) * entries.of(self.magnitude.exp()) + entries.of(self.magnitude_bias)
        return size.relu() * (gate > 0), gate.relu().sum()

    def _extra(self, entries: Entries, x: Tensor, y: Tensor) -> Tensor:
        decided = entries.written(entries.pre.relu(), self.decoder.detach()) + self._straight(x).detach()
        return (y - decided).square().sum()

    def _bias(self) -> Tensor:
        return self.gate_bias


class JumpRelu(Penalised):
    """L0: how many features are above thresholds that are learnt through a rectangle kernel around them.

    Source: Rajamanoharan et al. 2024, "Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse
    Autoencoders".
    """

    activation = "jumprelu"

    def __init__(self, design: Design, seed: int = 0, ranks: Ranks = ALONE) -> None:
        super().__init__(design, seed, ranks)
        self.bandwidth = BANDWIDTH
        self._first = FIRST_THRESHOLD
        self.log_threshold = nn.Parameter(torch.full((design.width,), self._first).log())

    @torch.no_grad()
    def revive(self, features: Tensor, x: Tensor, error: Tensor, optimizer: torch.optim.Optimizer) -> None:
        super().revive(features, x, error, optimizer)
        self.log_threshold[features] = torch.tensor(self._first).log().to(self.log_threshold)

    def weights(self) -> Weights:
        weights = super().weights()
        return weights._replace(arrays=weights.arrays | {"threshold": numpy(self.log_threshold.exp())})

    def _activations(self, entries: Entries) -> tuple[Tensor, Tensor]:
        pre, threshold = entries.pre.relu(), entries.of(self.log_threshold.exp()).expand_as(entries.pre)
        return cast("tuple[Tensor, Tensor]", _Jump.apply(pre, threshold, self.bandwidth))  # type: ignore[no-untyped-call]

    def _floor(self) -> Tensor | None:
        return self.log_threshold.detach().exp().sub(self.bandwidth / 2)


class _Jump(torch.autograd.Function):
    """The activations, and how many there are; both move thresholds that lie within half a bandwidth."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, threshold: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        active = pre > threshold
        return pre * active, active.sum().to(pre.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        to_values, to_count = gradients
        pre, threshold = ctx.saved_tensors
        near = ((pre - threshold).abs() < ctx.bandwidth / 2) & (pre > 0)
        kernel = near.to(pre.dtype) / ctx.bandwidth
        return to_values * (pre > threshold), -kernel * (threshold * to_values + to_count), None
