"""Dictionaries whose sparsity is a choice: the strongest features of a row or of the batch, and no sparsity loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from interpviz.engine.ranks import ALONE, Ranks
from interpviz.engine.training.coder import Coder, Design, Step, Weights, numpy
from interpviz.engine.training.selection import strongest_of_batch, strongest_of_row
from interpviz.engine.training.sparse import Pattern, read, write

# How much the loss of dead features counts. Source: Gao et al. 2024, appendix A.2.
AUXILIARY = 1 / 32
# How fast the running threshold follows. Source: sae-lens 6.54, `saes/batchtopk_sae.py`.
FOLLOW = 0.01
# The first 1, 3, 7, 15 and 32 in 32 of the features. Source: dictionary_learning, `trainers/matryoshka_batch_top_k.py`.
PREFIXES = (1 / 32, 3 / 32, 7 / 32, 15 / 32, 1.0)


class TopK(Coder):
    """The `k` strongest features of each row; dead ones learn to write what is left over.

    Source: Gao et al. 2024, "Scaling and evaluating sparse autoencoders".
    """

    activation = "topk"

    def step(self, x: Tensor, y: Tensor, warm: float, dead: Tensor) -> Step:
        seen = self._read(x)
        with torch.no_grad():
            pattern, found = self._select(seen)
        values = read(seen, self.encoder, self.encoder_bias, pattern, found)
        loss, error, reconstruction = self._errors(values, pattern, x, y)
        auxiliary = self._auxiliary(seen, y, reconstruction.detach(), dead)
        return Step(
            (loss + AUXILIARY * auxiliary) / len(x), reconstruction.detach(), pattern.active.sum(), pattern.active > 0,
            error.detach(),
        )  # fmt: skip

    def weights(self) -> Weights:
        return super().weights()._replace(k=self.design.k)

    def _select(self, seen: Tensor) -> tuple[Pattern, Tensor]:
        return strongest_of_row(seen, self.encoder, self.encoder_bias, min(self.design.k, self.design.width))

    def _errors(self, values: Tensor, pattern: Pattern, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is to fall and the squared error, both summed over the rows, and the reconstruction."""
        reconstruction = write(values, self.decoder, pattern, pattern.row, len(x)) + self._straight(x)
        error = mse_loss(reconstruction, y, reduction="sum")
        return error, error, reconstruction

    def _auxiliary(self, seen: Tensor, y: Tensor, reconstruction: Tensor, dead: Tensor) -> Tensor:
        """AuxK: the squared error of writing what is left over by each row's strongest dead features alone, summed.

        There are half as many of them as numbers in a row; while fewer are dead, it counts for less.
        """
        features = dead.nonzero()[:, 0]
        most = max(1, self.design.d_in // 2)
        if not len(features):
            return y.new_zeros(())
        encoder, bias = self.encoder[features], self.encoder_bias[features]
        with torch.no_grad():
            pattern, found = strongest_of_row(seen.detach(), encoder, bias, min(most, len(features)))
        values = read(seen.detach(), encoder, bias, pattern, found)
        written = write(values, self.decoder[features], pattern, pattern.row, len(y))
        return min(len(features) / most, 1.0) * mse_loss(written, y - reconstruction, reduction="sum")


class BatchTopK(TopK):
    """The strongest features of the batch, `k` a row on average; at work it is a JumpReLU with one threshold.

    The threshold is the running mean of the weakest activation that was kept.
    Source: Bussmann et al. 2024, "BatchTopK Sparse Autoencoders".
    """

    activation = "jumprelu"
    threshold: Tensor

    def __init__(self, design: Design, seed: int = 0, ranks: Ranks = ALONE) -> None:
        super().__init__(design, seed, ranks)
        self.register_buffer("threshold", torch.tensor(-1.0))  # none yet

    def weights(self) -> Weights:
        arrays = Coder.weights(self).arrays
        arrays["threshold"] = numpy(self.threshold.clamp_min(0.0).expand(self.design.width))
        return Weights(self.activation, None, arrays)

    def _select(self, seen: Tensor) -> tuple[Pattern, Tensor]:
        pattern, found = strongest_of_batch(seen, self.encoder, self.encoder_bias, self.design.k, self._ranks)
        least = found.min() if len(found) else self.threshold.new_tensor(torch.inf)
        least = self._ranks.gather(least[None]).min()
        if torch.isfinite(least):
            self.threshold.copy_(least if self.threshold < 0 else torch.lerp(self.threshold, least, FOLLOW))
        return pattern, found


class Matryoshka(BatchTopK):
    """BatchTopK whose first features must do alone as well: the loss is summed over prefixes of the features.

    Source: Bussmann et al. 2025, "Learning Multi-Level Features with Matryoshka Sparse Autoencoders".
    """

    def _errors(self, values: Tensor, pattern: Pattern, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        ends = torch.tensor(prefixes(self.design.width), device=x.device)
        bag = pattern.row * len(ends) + torch.searchsorted(ends, pattern.feature, right=True)
        parts = write(values, self.decoder, pattern, bag, len(x) * len(ends)).view(len(x), len(ends), -1)
        written = parts.cumsum(1) + self._straight(x).view(-1, 1, self.design.d_out)
        errors = (y[:, None] - written).square().sum((0, 2))
        return errors.sum(), errors[-1], written[:, -1]


def prefixes(width: int) -> tuple[int, ...]:
    """How many features the prefixes of a Matryoshka dictionary have; the last has all."""
    return tuple(sorted({max(1, round(width * part)) for part in PREFIXES}))
