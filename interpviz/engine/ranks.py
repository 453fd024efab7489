"""Several processes of this machine that train one thing together: the one place that knows accelerate."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.data.child import Child, ChildFailed

# How long a process waits for the others, who may be writing a checkpoint meanwhile.
PATIENCE = timedelta(minutes=10)


class Ranks(Protocol):
    """One of `count` processes that take the same steps, each on its slice of every batch.

    All must call the same of these in the same order: each call waits for the others. Raises RankLost where one of
    them is gone.
    """

    @property
    def rank(self) -> int: ...

    @property
    def count(self) -> int: ...

    def slice(self, rows: Tensor) -> Tensor:
        """This process's part of a batch (row, ...) that each has whole; all are equally long, what is over is left."""

    def mean_gradients(self, module: torch.nn.Module) -> None:
        """Give every parameter the mean of the processes' gradients."""

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the processes."""

    def gather(self, tensor: Tensor) -> Tensor:
        """Those of all processes, equally long, one behind the other along the first axis."""


class Alone:
    """The only process."""

    rank, count = 0, 1

    def slice(self, rows: Tensor) -> Tensor:
        return rows

    def mean_gradients(self, module: torch.nn.Module) -> None:
        pass

    def sum(self, tensor: Tensor) -> Tensor:
        return tensor

    def gather(self, tensor: Tensor) -> Tensor:
        return tensor


ALONE: Ranks = Alone()


class RankLost(InterpvizError):
    """One of several processes has ended before the others."""

    def __init__(self) -> None:
        super().__init__(
            "One of the processes that train together was stopped, perhaps for want of memory. Do the same again to go "
            "on, with fewer --launch."
        )


@contextmanager
def together(count: int, entry: str, arguments: Mapping[str, Any]) -> Iterator[Ranks]:
    """This process as rank 0 of `count`; in each of the others `entry`, "module:function", is called at once.

    It is called as function(ranks, **arguments), arguments as JSON has them; what it answers is dropped. The others are
    ended with the block. They meet in a file and speak over the loopback interface alone. Raises the InterpvizError of
    one that raised any, and RankLost where one ended otherwise.
    """
    if count == 1:
        yield ALONE
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        others: list[Child] = []
        try:
            others += [Child("interpviz.engine.rank_child") for _ in range(1, count)]
            meeting = str(Path(folder) / "meeting")
            for rank, other in enumerate(others, start=1):
                place = {"rank": rank, "count": count, "meeting": meeting}
                other.tell({"place": place, "entry": entry, "arguments": dict(arguments)})
            for other in others:
                _ready(other)
            with joined(0, count, meeting) as ranks:
                yield ranks
        except RankLost:
            raise _reason(others) from None
        finally:
            for other in others:
                other.end()


@contextmanager
def joined(rank: int, count: int, meeting: str) -> Iterator[Ranks]:
    """This process as one of `count`, which meet in the file `meeting`, with its share of the processors."""
    import accelerate

    before, threads = torch.get_num_threads(), max(1, (os.cpu_count() or 1) // count)
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    numbers["OMP_NUM_THREADS"] = threads  # accelerate would say that it is not set
    place = {name: str(number) for name, number in numbers.items()} | {"GLOO_SOCKET_IFNAME": _loopback()}
    with _environment(place):
        store = torch.distributed.FileStore(meeting, count)  # type: ignore[attr-defined]
        try:
            torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=count, timeout=PATIENCE)
        except RuntimeError as broken:
            raise RankLost from broken
        state = accelerate.PartialState(cpu=True)
    try:
        torch.set_num_threads(threads)
        yield _Joined(state)
    finally:
        torch.set_num_threads(before)
        state.destroy_process_group()
        accelerate.PartialState._reset_state()


class _Joined:
    """One of several; tensors of other devices go over the CPU."""

    def __init__(self, state: Any) -> None:
        from accelerate.utils import gather, reduce

        self.rank, self.count = int(state.process_index), int(state.num_processes)
        self._gather, self._reduce = gather, reduce

    def slice(self, rows: Tensor) -> Tensor:
        size = len(rows) // self.count
        return rows[self.rank * size : (self.rank + 1) * size]

    def mean_gradients(self, module: torch.nn.Module) -> None:
        wanted = [parameter for parameter in module.parameters() if parameter.grad is not None]
        gradients = [cast("Tensor", parameter.grad) for parameter in wanted]
        mean = self._over(lambda flat: self._reduce(flat, "mean"), torch.cat([part.flatten() for part in gradients]))
        for gradient, part in zip(gradients, mean.split([part.numel() for part in gradients]), strict=True):  # type: ignore[no-untyped-call]
            gradient.copy_(part.view_as(gradient))

    def sum(self, tensor: Tensor) -> Tensor:
        return self._over(lambda part: self._reduce(part, "sum"), tensor)

    def gather(self, tensor: Tensor) -> Tensor:
        return self._over(self._gather, tensor)

    def _over(self, act: Callable[[Tensor], Any], tensor: Tensor) -> Tensor:
        try:
            return cast("Tensor", act(tensor.detach().cpu())).to(tensor.device)
        except RuntimeError as broken:
            raise RankLost from broken


def _ready(other: Child) -> None:
    try:
        other.hear()
    except ChildFailed as gone:
        raise RankLost from gone


def _reason(others: Sequence[Child]) -> InterpvizError:
    """What one of them said before it ended, or that one did."""
    for other in others:
        other.hang_up()
        try:
            return InterpvizError(other.hear()["error"])
        except ChildFailed:
            continue
    return RankLost()


def _loopback() -> str:
    """The name of the interface that no other machine reaches."""
    if sys.platform == "win32":
        return "Loopback Pseudo-Interface 1"
    return next(name for _, name in socket.if_nameindex() if name.startswith("lo"))


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
