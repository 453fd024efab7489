"""The losses of the kinds, written as their papers do with dense products, for autograd: what ours must agree with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from interpviz.engine.training.coders import Coder, Design
from interpviz.engine.training.penalised import Gated, JumpRelu


def loss(coder: Coder, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Tensor:
    """The mean loss a row of the coder's kind, through every feature of every row."""
    return _LOSSES[coder.design.kind](coder, x, y, warm, dead)


def gradients(coder: Coder, loss: Tensor) -> dict[str, Tensor]:
    """What `loss` leaves in every parameter, which is then cleared."""
    coder.zero_grad()
    loss.backward()
    left = {name: p.grad.clone() for name, p in coder.named_parameters() if p.grad is not None}
    coder.zero_grad()
    return left


def rows(design: Design, count: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Inputs and outputs of rows that share directions, of a norm about the square root of their width."""
    chance = torch.Generator().manual_seed(seed)
    codes = torch.randn(count, 12, generator=chance).relu()
    draw = lambda width: torch.randn(12, width, generator=chance)  # noqa: E731
    x, y = (
        part / part.norm(dim=1).mean() * part.shape[1] ** 0.5
        for part in (codes @ draw(design.d_in), codes @ draw(design.d_out))
    )
    return x, y if design.transcoder else x


def _seen(coder: Coder, x: Tensor) -> Tensor:
    return x if coder.design.transcoder else x - coder.decoder_bias


def _pre(coder: Coder, x: Tensor) -> Tensor:
    return _seen(coder, x) @ coder.encoder.T + coder.encoder_bias


def _written(coder: Coder, values: Tensor, x: Tensor, upto: int | None = None) -> Tensor:
    written: Tensor = values[:, :upto] @ coder.decoder[:upto] + coder.decoder_bias
    return written if coder.skip is None else written + x @ coder.skip.T


def _kept(pre: Tensor, k: int) -> Tensor:
    best = pre.topk(k, dim=-1, sorted=False)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu())


def _auxiliary(coder: Coder, x: Tensor, y: Tensor, written: Tensor, dead: Tensor) -> Tensor:
    most, count = coder.design.d_in // 2, int(dead.sum())
    if not count:
        return torch.zeros(())
    pre = _seen(coder, x).detach() @ coder.encoder.T + coder.encoder_bias
    values = _kept(pre.masked_fill(~dead, -torch.inf), min(most, count))
    return min(count / most, 1) * ((y - written).detach() - values @ coder.decoder).square().sum(1).mean() / 32


def _topk(coder: Coder, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Tensor:
    written = _written(coder, _kept(_pre(coder, x), coder.design.k), x)
    return (y - written).square().sum(1).mean() + _auxiliary(coder, x, y, written, dead)


def _of_batch(coder: Coder, x: Tensor) -> Tensor:
    pre = _pre(coder, x)
    return _kept(pre.flatten(), coder.design.k * len(x)).view_as(pre)


def _batchtopk(coder: Coder, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Tensor:
    written = _written(coder, _of_batch(coder, x), x)
    return (y - written).square().sum(1).mean() + _auxiliary(coder, x, y, written, dead)


def _matryoshka(coder: Coder, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Tensor:
    values, width = _of_batch(coder, x), coder.design.width
    ends = [width // 32, 3 * width // 32, 7 * width // 32, 15 * width // 32, width]
    nested = [_written(coder, values, x, end) for end in ends]
    errors = [(y - written).square().sum(1).mean() for written in nested]
    return torch.stack(errors).sum() + _auxiliary(coder, x, y, nested[-1], dead)


def _coefficient(coder: Coder) -> float:
    assert coder.design.sparsity is not None
    return coder.design.sparsity


def _relu(coder: Coder, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Tensor:
    values = _pre(coder, x).relu()
    error = (y - _written(coder, values, x)).square().sum(1)
    size: Tensor = values * coder.decoder.detach().norm(dim=1)
    return (error + warm * _coefficient(coder) * size.sum(1)).mean()


def _gated(coder: Coder, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Tensor:
    assert isinstance(coder, Gated)
    product = _seen(coder, x) @ coder.encoder.T
    gate = product + coder.gate_bias
    values = (gate > 0) * (product * coder.magnitude.exp() + coder.magnitude_bias).relu()
    frozen = gate.relu() @ coder.decoder.detach() + coder.decoder_bias.detach()
    if coder.skip is not None:
        frozen = frozen + (x @ coder.skip.T).detach()
    errors = [(y - written).square().sum(1) for written in (_written(coder, values, x), frozen)]
    return (errors[0] + errors[1] + warm * _coefficient(coder) * gate.relu().sum(1)).mean()


def _jumprelu(coder: Coder, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Tensor:
    """The straight-through terms as a surrogate: each is worth nothing, but its gradient is the one of the paper."""
    assert isinstance(coder, JumpRelu)
    pre, threshold = _pre(coder, x).relu(), coder.log_threshold.exp()
    width = coder.bandwidth
    kernel = (((pre - threshold).abs() < width / 2) & (pre > 0)).float().detach() / width
    moved = threshold.detach() - threshold  # zero, with the gradient -1 to the threshold
    active = (pre > threshold).float()
    values = pre * active + threshold.detach() * kernel * moved
    count = active.detach() + kernel * moved
    error: Tensor = (y - _written(coder, values, x)).square().sum(1)
    return (error + warm * _coefficient(coder) * count.sum(1)).mean()


_LOSSES: dict[str, Callable[[Coder, Tensor, Tensor, float, Tensor], Tensor]] = {
    "topk": _topk,
    "batchtopk": _batchtopk,
    "matryoshka": _matryoshka,
    "relu": _relu,
    "gated": _gated,
    "jumprelu": _jumprelu,
}
