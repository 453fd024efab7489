"""How a training does while it runs: sums over the rows since the last point, and which features are dead."""

from __future__ import annotations

import torch
from torch import Tensor

from interpviz.core.feature_results import TrainingPoint
from interpviz.engine.training.coder import Step

_SINGLES = 5  # rows, loss, active features, squared error, squared length


class Figures:
    """Sums since the last point, (5 + d_out + feature,) float64 in one tensor, so that processes can add theirs up.

    `idle` (feature,) int64 is how many rows ago each feature was last active.
    """

    def __init__(self, width: int, d_out: int, dead_after: int, device: torch.device | str) -> None:
        self._sums = torch.zeros(_SINGLES + d_out + width, dtype=torch.float64, device=device)
        self.idle = torch.zeros(width, dtype=torch.int64, device=device)
        self._d_out, self._dead_after = d_out, dead_after

    @property
    def dead(self) -> Tensor:
        """Which features were not active in the last `dead_after` rows: (feature,) bool."""
        return self.idle >= self._dead_after

    @staticmethod
    def of_step(y: Tensor, step: Step) -> Tensor:
        """The sums of one step on `y` (row, d_out)."""
        rows, loss = float(len(y)), step.loss.detach()
        singles = torch.stack([torch.full_like(loss, rows), loss * rows, step.l0, step.squared_error, y.square().sum()])
        return torch.cat([singles.double(), y.sum(0).double(), step.active.double()])

    def add(self, sums: Tensor) -> None:
        """Take the sums of a step in."""
        self._sums += sums
        active = sums[_SINGLES + self._d_out :] > 0
        self.idle = torch.where(active, 0, self.idle + sums[0].long())

    def revived(self, features: Tensor) -> None:
        """Give these features (n,) all the time again."""
        self.idle[features] = 0

    def point(self, step: int, steps: int, seconds: float) -> TrainingPoint:
        """The means since the last point; the sums begin anew."""
        rows, loss, l0, squared_error, squares = self._sums[:_SINGLES].tolist()
        totals = self._sums[_SINGLES : _SINGLES + self._d_out]
        variance = squares - float(totals.square().sum()) / rows
        fvu = squared_error / variance if variance > 0 else 0.0
        self._sums.zero_()
        dead, speed = float(self.dead.double().mean()), rows / max(seconds, 1e-9)  # some clocks stand for 16 ms
        return TrainingPoint(step, steps, loss / rows, l0 / rows, fvu, dead, speed)

    def tensors(self) -> dict[str, Tensor]:
        """All that this is, to be kept."""
        return {"figures.sums": self._sums, "figures.idle": self.idle}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Be as `tensors` was."""
        self._sums, self.idle = (tensors[name].to(self.idle.device) for name in ("figures.sums", "figures.idle"))


def said(point: TrainingPoint) -> str:
    """A point in words."""
    return (
        f"step {point.step:,} of {point.steps:,}, loss {point.loss:.3g}, L0 {point.l0:.1f}, FVU {point.fvu:.3f}, "
        f"dead {point.dead:.1%}, {point.rows_a_second:,.0f} rows/s"
    )
