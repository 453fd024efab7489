"""Whether a library gave up for want of memory, whatever it calls that."""

from __future__ import annotations

# torch says so in a plain RuntimeError on the CPU.
_SAID = ("out of memory", "not enough memory", "allocate memory")


def exhausted(problem: BaseException) -> bool:
    """Whether this exception means that memory ran out."""
    return isinstance(problem, MemoryError) or any(said in str(problem) for said in _SAID)
