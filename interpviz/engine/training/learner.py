"""A training at work: a dictionary, its optimizer and its figures, step by step; all of it can be put to rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from interpviz.core.feature_results import TrainingPoint
from interpviz.engine.ranks import ALONE, Ranks
from interpviz.engine.training.checkpoints import Checkpoint
from interpviz.engine.training.coders import Design, Step, coder
from interpviz.engine.training.figures import Figures
from interpviz.engine.training.plan import BY_COUNT, Plan
from interpviz.engine.training.rows import Batch, Frame
from interpviz.engine.training.schedule import pressure_at, rate_at, revives_at

LONGEST_GRADIENT = 1.0


class Learner:
    """One process's share of a training. What it becomes follows from the plan, the frames and the batches alone."""

    def __init__(
        self, plan: Plan, read: Frame, written: Frame, device: torch.device | str = "cpu", ranks: Ranks = ALONE
    ) -> None:
        job = plan.job
        self.plan, self.read, self.written = plan, read, written
        self.design = Design(
            job.kind, plan.d_in, plan.d_out, job.width, job.k or 0, job.sparsity, bool(job.to), job.skip
        )
        self.coder = coder(self.design, job.seed, ranks).to(device)
        self.figures = Figures(job.width, plan.d_out, plan.dead_after, device)
        self.steps_done = 0
        self._ranks = ranks
        self._optimizer = torch.optim.Adam(self.coder.parameters(), plan.rate, fused=True)

    def learn(self, batch: Batch) -> None:
        """Take one step on a batch."""
        x = self.read.inside(batch.x)
        y = x if batch.y is batch.x else self.written.inside(batch.y)
        mine, yours = self._ranks.slice(x), self._ranks.slice(y)
        step = self.coder.step(mine, yours, pressure_at(self.steps_done, self.plan.steps), self.figures.dead)
        self._optimizer.zero_grad()
        step.loss.backward()  # type: ignore[no-untyped-call]
        self._ranks.mean_gradients(self.coder)
        self.coder.after_backward()
        self._update()
        self.coder.after_update()
        self.figures.add(self._ranks.sum(self.figures.of_step(yours, step)))
        self._revive(x, y, step)
        self.steps_done += 1

    def point(self, seconds: float) -> TrainingPoint:
        """The means since the last point, which was so many seconds ago."""
        return self.figures.point(self.steps_done, self.plan.steps, seconds)

    def at_rest(self, batch: Batch) -> Checkpoint:
        """All that it is after this batch."""
        tensors = {f"coder.{name}": tensor for name, tensor in self.coder.state_dict().items()}
        for number, state in self._optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": tensor for name, tensor in state.items()}
        tensors |= {
            "read.centre": self.read.centre,
            "written.centre": self.written.centre.clone(),
        } | self.figures.tensors()
        state = {
            "arguments": self.plan.arguments,
            "step": self.steps_done,
            "epoch": batch.epoch,
            "place": batch.place,
            "threads": torch.get_num_threads(),
            "spreads": [self.read.spread, self.written.spread],
        }
        return Checkpoint(tensors, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Be as it was, but for the frames."""
        tensors = checkpoint.tensors
        self.coder.load_state_dict(_under(tensors, "coder."))
        whole = self._optimizer.state_dict()
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under(tensors, "adam.").items():
            number, field = name.split(".")
            states.setdefault(int(number), {})[field] = tensor
        self._optimizer.load_state_dict(whole | {"state": states})
        self.figures.restore(tensors)
        self.steps_done = checkpoint.state["step"]

    def _update(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.coder.parameters(), LONGEST_GRADIENT)
        for group in self._optimizer.param_groups:
            group["lr"] = self.plan.rate * rate_at(self.steps_done, self.plan.steps)
        self._optimizer.step()

    def _revive(self, x: Tensor, y: Tensor, step: Step) -> None:
        """Start dead features again on rows that are badly written, drawn by their squared error."""
        plan = self.plan
        every = -(-plan.dead_after // plan.job.batch)
        if plan.job.kind in BY_COUNT or not revives_at(self.steps_done, plan.steps, every):
            return
        features = self.figures.dead.nonzero()[:, 0][: len(x)]
        if not len(features):
            return
        error = y - self._ranks.gather(step.reconstruction)
        chance = torch.Generator().manual_seed(plan.job.seed + self.steps_done)
        weights = error.square().sum(1).double().cpu() + 1e-12
        rows = torch.multinomial(weights, len(features), generator=chance).to(x.device)
        self.coder.revive(features, x[rows], error[rows], self._optimizer)
        self.figures.revived(features)


def frames_at_rest(checkpoint: Checkpoint) -> tuple[Frame, Frame]:
    """The frames of the training that was put to rest."""
    read, written = (
        Frame(checkpoint.tensors[name], spread)
        for name, spread in zip(("read.centre", "written.centre"), checkpoint.state["spreads"], strict=True)
    )
    return read, written


def on(device: torch.device | str, frame: Frame) -> Frame:
    """A frame on a device."""
    return replace(frame, centre=frame.centre.to(device))


def _under(tensors: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
