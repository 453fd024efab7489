"""Run the campaigns and print one table; exit 1 where one is lost."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from interpviz.cli.output import print_table
from tests.campaigns import corruption, full_disk, hostile, killed_command, kills
from tests.campaigns.formats import FORMATS
from tests.campaigns.tally import Tally

COUNT = 2000  # mutants of a format; the slower campaigns have a fixed share of that
COLUMNS = ("campaign", "cases", "refused/recovered", "unharmed", "differently", "crashes", "stalls", "passed")


def main(arguments: Sequence[str]) -> int:
    """Run every campaign that the words after the count name, or all."""
    count = int(arguments[0]) if arguments and arguments[0].isdecimal() else COUNT
    words = arguments[1:] if arguments and arguments[0].isdecimal() else arguments
    tallies: list[Tally] = []
    for name, run in _campaigns(count).items():
        if words and not any(word in name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            tallies.append(run(Path(folder)))
        print(f"{name} done", file=sys.stderr)
    print_table(COLUMNS, [_row(tally) for tally in tallies])
    for tally in tallies:
        if tally.notes:
            print(f"{tally.campaign}: {', '.join(f'{times} {what}' for what, times in tally.notes.most_common())}")
        print(*(f"{tally.campaign}, {example}\n" for example in tally.examples[:3]), sep="", end="")
    return 0 if all(tally.passed for tally in tallies) else 1


def _campaigns(count: int) -> dict[str, Callable[[Path], Tally]]:
    """Every campaign by its name, given the folder in which it works."""
    spoiled = {name: partial(corruption.campaign, name, count) for name in FORMATS}
    return {
        **spoiled,
        "hostile files": _hostile,
        "kills": lambda folder: kills.campaign(max(1, count * 100 // COUNT), folder),
        "kills of the command": killed_command.campaign,
        "full disks": lambda folder: full_disk.campaign(max(1, count * 50 // COUNT), folder),
    }


def _hostile(folder: Path) -> Tally:
    tally = Tally("crafted hostile files")
    for found in hostile.run(folder):
        tally.cases += 1
        if found.passed:
            tally.recovered += found.ended == "refused"
            tally.unharmed += found.ended == "read"
        elif found.seconds >= hostile.STALL_SECONDS:
            tally.lose("stalls", f"{found.name}: {found.seconds:.1f} s")
        else:
            tally.lose("crashes" if found.ended == "fell" else "differently", f"{found.name}: {found.text}")
    return tally


def _row(tally: Tally) -> list[str]:
    numbers = (tally.cases, tally.recovered, tally.unharmed, tally.differently, tally.crashes, tally.stalls)
    return [tally.campaign, *map(str, numbers), "yes" if tally.passed else "NO"]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
