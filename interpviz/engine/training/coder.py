"""What every dictionary in training has: weights, a step that leaves gradients, and what keeps its rows in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interpviz.core.features import DictionaryKind
from interpviz.engine.ranks import ALONE, Ranks

# A feature that is started again reads this much of what the others read. Source: Bricken et al. 2023.
REVIVED = 0.2


@dataclass(frozen=True)
class Design:
    """What is to be trained. A `transcoder` reads one activation and writes another; `skip` adds a linear path to it.

    `k` counts only for topk, batchtopk and matryoshka, `sparsity` only for relu, jumprelu and gated; None: the kind's
    own. Inputs and outputs are moved and scaled: their mean is 0, the mean square of a number 1.
    """

    kind: DictionaryKind
    d_in: int
    d_out: int
    width: int
    k: int = 32
    sparsity: float | None = None
    transcoder: bool = False
    skip: bool = False


class Step(NamedTuple):
    """What a step made of its rows.

    `loss` is a mean a row, ready for `backward`; `reconstruction` (row, d_out); `l0` the active features summed over
    the rows; `active` (feature,) bool, whether any row had it; `squared_error` summed over rows and d_out. All but
    `loss` are without gradients.
    """

    loss: Tensor
    reconstruction: Tensor
    l0: Tensor
    active: Tensor
    squared_error: Tensor


class Weights(NamedTuple):
    """Finished weights, float32, named and shaped as in `data.dictionaries.Dictionary`: `arrays[name]`.

    `activation` is what the dictionary is at work; `k` only of topk. `b_gate`, `b_mag` and `r_mag` are its Gate's.
    """

    activation: str
    k: int | None
    arrays: dict[str, NDArray[np.float32]]


class Coder(nn.Module, ABC):
    """A dictionary in training. Rows `x` are (row, d_in), `y` (row, d_out); of an autoencoder they are the same.

    The decoder's rows have norm one; at the start the encoder reads what the decoder writes. An autoencoder reads
    x - decoder_bias, a transcoder x. Every parameter but decoder_bias and skip has the feature as its first axis.
    """

    activation = "relu"

    def __init__(self, design: Design, seed: int = 0, ranks: Ranks = ALONE) -> None:
        super().__init__()
        self.design, self._ranks = design, ranks
        chance = torch.Generator().manual_seed(seed)
        decoder = _unit(torch.randn(design.width, design.d_out, generator=chance))
        encoder = _unit(torch.randn(design.width, design.d_in, generator=chance)) if design.transcoder else decoder
        self.encoder = nn.Parameter(encoder * self._first_gain())
        self.encoder_bias = nn.Parameter(torch.zeros(design.width))
        self.decoder = nn.Parameter(decoder.clone())
        self.decoder_bias = nn.Parameter(torch.zeros(design.d_out))
        self.skip = nn.Parameter(torch.zeros(design.d_out, design.d_in)) if design.skip else None

    @abstractmethod
    def step(self, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Step:
        """The loss of these rows. `warm`, 0 to 1, is how much of the sparsity loss counts by now.

        `dead` (feature,) bool are the features that have long not been active.
        """

    @torch.no_grad()
    def after_backward(self) -> None:
        """Take from the decoder's gradient what would change its rows' norms."""
        gradient = self.decoder.grad
        if gradient is not None:
            gradient.addcmul_(self.decoder, (gradient * self.decoder).sum(1, keepdim=True), value=-1.0)

    @torch.no_grad()
    def after_update(self) -> None:
        """Bring the decoder's rows back to norm one."""
        self.decoder.div_(self.decoder.norm(dim=1, keepdim=True).clamp_min(1e-12))

    @torch.no_grad()
    def revive(self, features: Tensor, x: Tensor, error: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Start these features (n,) again on rows that are badly written: `x` (n, d_in), `error` (n, d_out) y - ŷ.

        They write the error's direction, and read it too, or a transcoder's what is special in x, more softly than
        the others read. What the optimizer remembers of them is forgotten.
        Source: Bricken et al. 2023, "Towards Monosemanticity", neuron resampling.
        """
        others = torch.ones(len(self.encoder), dtype=torch.bool, device=x.device)
        others[features] = False
        gain = REVIVED * (self.encoder[others].norm(dim=1).mean() if others.any() else 1.0)
        direction = _unit(error)
        self.decoder[features] = direction
        self.encoder[features] = gain * (_unit(x - x.mean(0)) if self.design.transcoder else direction)
        self.encoder_bias[features] = 0.0
        of_outputs = (self.decoder_bias, self.skip)  # which may happen to be as long as there are features
        for parameter in (one for one in self.parameters() if all(one is not other for other in of_outputs)):
            for state in optimizer.state.get(parameter, {}).values():
                if isinstance(state, Tensor) and state.shape == parameter.shape:
                    state[features] = 0.0

    def weights(self) -> Weights:
        """What is written of it."""
        arrays = {
            "W_enc": self.encoder.T,
            "W_dec": self.decoder,
            "b_enc": self.encoder_bias,
            "b_dec": self.decoder_bias,
        }
        if self.skip is not None:
            arrays["W_skip"] = self.skip
        if not self.design.transcoder:
            arrays["b_in"] = self.decoder_bias
        return Weights(self.activation, None, {name: numpy(tensor) for name, tensor in arrays.items()})

    def _first_gain(self) -> float:
        """How strongly the encoder reads at the start."""
        return 1.0

    def _read(self, x: Tensor) -> Tensor:
        """What the encoder sees of x."""
        return x if self.design.transcoder else x - self.decoder_bias

    def _straight(self, x: Tensor) -> Tensor:
        """What is written whatever the features do: (d_out,), or (row, d_out) with a skip."""
        return self.decoder_bias if self.skip is None else torch.addmm(self.decoder_bias, x, self.skip.T)


def numpy(tensor: Tensor) -> NDArray[np.float32]:
    """A copy of it, contiguous, outside of torch."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32).copy()


def _unit(rows: Tensor) -> Tensor:
    return torch.nn.functional.normalize(rows, eps=1e-12)
