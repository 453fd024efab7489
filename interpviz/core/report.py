"""How long work says how far it is, hands over partial answers, and learns that it should stop."""

from __future__ import annotations

from typing import Any, Final, Protocol

ASIDE: Final = object()
"""Handed over as a partial answer that is none: whoever is more wanted may use the model now."""


class Report(Protocol):
    """Call it often: it raises Cancelled once the answer is unwanted.

    `fraction` is between 0 and 1, `text` names the step for the task bar, `partial` is an answer so far. Hand one
    over, or ASIDE, only where the model may run for somebody else meanwhile: more wanted work is done inside that
    call.
    """

    def __call__(self, fraction: float, text: str = "", partial: Any = None) -> None: ...


def silent(fraction: float, text: str = "", partial: Any = None) -> None:
    """The report of a caller who waits and wants no news."""


def share(report: Report, start: float, stop: float) -> Report:
    """The report of the part of some work between these fractions."""
    if report is silent:
        return silent

    def part(fraction: float, text: str = "", partial: Any = None) -> None:
        report(start + fraction * (stop - start), text, partial)

    return part
