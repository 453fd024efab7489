"""The sums behind a Fit, in float64: activations and answers come in batches, and none are kept."""

from __future__ import annotations

import torch
from torch import Tensor

from interpviz.core.feature_results import Fit

_NAN = float("nan")
_TINY = 1e-20


class FitSums:
    """What was seen so far of a dictionary of so many features; `tokens` are those whose features were counted."""

    def __init__(self, features: int) -> None:
        self.tokens = 0
        self._active = torch.zeros(features, dtype=torch.int64)
        self._compared = 0
        self._sum: Tensor | None = None
        # Of squares: activation, reconstruction, their product, their difference; of ratios: the rest.
        self._squares = torch.zeros(4, dtype=torch.float64)
        self._ratios = torch.zeros(3, dtype=torch.float64)
        self._judged = 0
        self._answers = torch.zeros(5, dtype=torch.float64)

    def count(self, codes: Tensor) -> None:
        """Features (context, pos, feature) of some tokens."""
        active = (codes != 0).flatten(0, -2)  # abstopk keeps what is far below zero too
        self.tokens += len(active)
        self._active += active.sum(0).cpu()

    def compare(self, activation: Tensor, rebuilt: Tensor) -> None:
        """Activations (context, pos, width), and what the dictionary makes of them."""
        x, y = (part.flatten(0, -2).double() for part in (activation, rebuilt))
        self._compared += len(x)
        self._sum = x.sum(0) if self._sum is None else self._sum + x.sum(0)
        squares = torch.stack([(x * x).sum(1), (y * y).sum(1), (x * y).sum(1), ((x - y) ** 2).sum(1)])
        self._squares += squares.sum(1).cpu()
        own, made = (squares[place].sqrt().clamp_min(_TINY) for place in (0, 1))
        spread = ((x - x.mean(0)) ** 2).sum(1).clamp_min(_TINY)
        ratios = torch.stack([squares[3] / spread, made / own, squares[2] / (own * made)])
        self._ratios += ratios.sum(1).cpu()

    def judge(self, ids: Tensor, clean: Tensor, spliced: Tensor, zero: Tensor) -> None:
        """Tokens (context, pos) and the logits (context, pos, vocab) of the three runs.

        What is said at position 0 is left out, and so is what is said at the last, since nothing follows it.
        """
        for row, said in enumerate(ids):
            runs = [run[row, 1:-1].float().log_softmax(-1) for run in (clean, spliced, zero)]
            losses = [-run.gather(1, said[2:, None]).double().sum() for run in runs]
            moved = [(runs[0].exp() * (runs[0] - run)).sum(-1).double().sum() for run in runs[1:]]
            self._answers += torch.stack([*losses, *moved]).cpu()
            self._judged += len(said) - 2

    def fit(self, source: str) -> Fit:
        """All of it so far; NaN where nothing was compared."""
        density = self._active.double() / self.tokens
        fvu, legacy, norm_ratio, bias, cosine = self._reconstruction()
        answers = self._answers / self._judged if self._judged else self._answers + _NAN
        ce_clean, ce_spliced, ce_zero, kl_spliced, kl_zero = answers.tolist()
        return Fit(
            source=source,
            tokens=self.tokens,
            l0=float(density.sum()),
            fvu=fvu,
            explained_variance_legacy=legacy,
            norm_ratio=norm_ratio,
            bias=bias,
            cosine=cosine,
            ce_clean=ce_clean,
            ce_spliced=ce_spliced,
            ce_zero=ce_zero,
            kl_spliced=kl_spliced,
            kl_zero=kl_zero,
            dead=float((self._active == 0).double().mean()),
            dense_1=float((density > 0.01).double().mean()),
            dense_10=float((density > 0.1).double().mean()),
        )

    def _reconstruction(self) -> tuple[float, float, float, float, float]:
        """FVU, legacy EV, norm ratio, bias and cosine."""
        if self._sum is None:
            return (_NAN,) * 5
        own, made, both, missing = (self._squares / self._compared).tolist()
        unfit, ratio, cosine = (self._ratios / self._compared).tolist()
        mean = float((self._sum / self._compared).square().sum())
        variance = own - mean
        fvu = missing / variance if variance > 0 else _NAN
        return fvu, 1 - unfit, ratio, made / both if both else _NAN, cosine
