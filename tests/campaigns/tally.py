"""What a campaign comes to: one row of the table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """How the cases of one campaign ended; `examples` shows the first that were lost, `notes` counts what they met.

    `recovered`: refused with a sentence, or gone on with as if nothing had been. `exact`: what is read differently is
    lost, because we wrote it and seal it.
    """

    campaign: str
    exact: bool = True
    cases: int = 0
    recovered: int = 0
    unharmed: int = 0
    differently: int = 0
    crashes: int = 0
    stalls: int = 0
    examples: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> bool:
        """No crash, no stall, and no wrong read of what we wrote."""
        return not (self.crashes or self.stalls or (self.differently and self.exact))

    def lose(self, how: str, example: str) -> None:
        """Count a case that ended as it should not: "differently", "crashes" or "stalls"."""
        setattr(self, how, getattr(self, how) + 1)
        self.examples.append(f"case {self.cases}: {example}")


class Lost(Exception):
    """A case ended as it should not; `how` is the column in which it counts."""

    def __init__(self, how: str, what: str) -> None:
        super().__init__(what)
        self.how = how
