"""Whether a library gave up for want of memory, whatever it calls that, and how work goes on in smaller pieces."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

Result = TypeVar("Result")

# torch says so in a plain RuntimeError on the CPU, and where a card's own library was refused.
_SAID = ("out of memory", "not enough memory", "allocate memory", "ALLOC_FAILED")


def available() -> int | None:
    """Bytes of memory that are free at present; None where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows, macOS
        return None


def exhausted(problem: BaseException) -> bool:
    """Whether this exception means that memory ran out."""
    return isinstance(problem, MemoryError) or any(said in str(problem) for said in _SAID)


def in_batches(total: int, size: int, work: Callable[[int, int], Result]) -> Iterator[tuple[int, int, Result]]:
    """`work(start, stop)` over `total` things, `size` at a time: start, stop and what came of it.

    Where memory runs out the batch is halved and tried again; where it runs out for one thing, the error is raised.
    """
    start = 0
    while start < total:
        stop = min(start + size, total)
        try:
            done = work(start, stop)
        except (MemoryError, RuntimeError) as problem:
            if not exhausted(problem) or size == 1:
                raise
            size = max(1, (stop - start) // 2)
            continue
        yield start, stop, done
        start = stop
