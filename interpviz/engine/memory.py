"""Whether a library gave up for want of memory, whatever it calls that."""

from __future__ import annotations

import os

# torch says so in a plain RuntimeError on the CPU.
_SAID = ("out of memory", "not enough memory", "allocate memory")


def available() -> int | None:
    """Bytes of memory that are free at present; None where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows, macOS
        return None


def exhausted(problem: BaseException) -> bool:
    """Whether this exception means that memory ran out."""
    return isinstance(problem, MemoryError) or any(said in str(problem) for said in _SAID)
