"""The hands of this machine: one in this process, and more in processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import torch

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.data.child import Child, ChildFailed
from interpviz.data.manifest import Job, ShardLine
from interpviz.data.shard_writer import RecordingFailed
from interpviz.engine.dictionaries import SAE
from interpviz.engine.lens import Model
from interpviz.engine.memory import exhausted
from interpviz.engine.shard_maker import ShardMaker, ShardRows, Told


class OwnHand:
    """Makes shards with a model that is already open."""

    def __init__(self, model: Model, job: Job, saes: Sequence[SAE], folder: Path, stopped: Event) -> None:
        def report(fraction: float, text: str = "", partial: Any = None) -> None:
            if stopped.is_set():
                raise Cancelled

        self._maker = ShardMaker(model, job, saes, folder, report)

    def make(self, shards: Iterator[ShardRows], told: Told) -> Iterator[ShardLine]:
        """Make these shards."""
        threads = torch.get_num_threads()
        try:
            yield from self._maker.make(shards, told)
        except (RuntimeError, MemoryError) as problem:
            raise failed_forward(problem) from problem
        finally:
            torch.set_num_threads(threads)

    def end(self) -> None:
        """Stop; what is not committed is dropped."""
        self._maker.end()


class ProcessHand:
    """Makes shards in a process of its own, which opens the model itself and always has one shard waiting."""

    def __init__(self, work: dict[str, Any]) -> None:
        """`work` is what the process needs to begin: see `engine/record_child.py`."""
        self._child = Child("interpviz.engine.record_child")
        self._work = work

    def make(self, shards: Iterator[ShardRows], told: Told) -> Iterator[ShardLine]:
        """Make these shards; raises the sentence of the process where it gives one."""
        try:
            self._child.tell(self._work)
            self._until({"ready"}, told)  # a process that is still opening its model holds nobody's shard
            waiting = 0
            for shard in shards:
                header = {"shard": shard.number, "rows": len(shard.token)}
                self._child.tell(header, (shard.token.data.cast("B"), shard.document.data.cast("B")))
                waiting += 1
                if waiting == 2:
                    yield self._line(told)
                    waiting -= 1
            self._child.tell({"end": True})
            for _ in range(waiting):
                yield self._line(told)
        except ChildFailed as lost:
            raise RecordingFailed(
                "A process that records was stopped, perhaps for want of memory. Run the same command again to go on, "
                "with fewer --workers."
            ) from lost

    def end(self) -> None:
        """Stop the process; what is not committed is dropped."""
        self._child.end()

    def _line(self, told: Told) -> ShardLine:
        return ShardLine.model_validate(self._until({"line"}, told)["line"])

    def _until(self, wanted: set[str], told: Told) -> dict[str, Any]:
        while True:
            said = self._child.hear()
            if "error" in said:
                raise InterpvizError(said["error"])
            if "rows" in said:
                told(said["rows"])
            if wanted & said.keys():
                return said


def local_hands(
    model: Model, job: Job, saes: Sequence[SAE], folder: Path, work: dict[str, Any], count: int
) -> list[Callable[[Event], OwnHand | ProcessHand]]:
    """This process and count - 1 more."""

    def own(stopped: Event) -> OwnHand:
        return OwnHand(model, job, saes, folder, stopped)

    def another(_: Event) -> ProcessHand:
        return ProcessHand(work)

    return [own, *[another] * (count - 1)]


def failed_forward(problem: RuntimeError | MemoryError) -> InterpvizError:
    """The sentence for a forward pass that raised."""
    if exhausted(problem):
        return RecordingFailed(
            "There is not enough memory to run the model. Close other programs, or choose a smaller --context or fewer "
            "--workers, and run the command again."
        )
    said = str(problem).strip().splitlines()
    return RecordingFailed(
        f"The model failed while it ran ({said[0][:200] if said else type(problem).__name__}). What was recorded "
        "before stays; run the same command again to go on."
    )
