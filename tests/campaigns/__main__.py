"""Run the campaigns and print one table; exit 1 where one is lost."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from interpviz.cli.output import print_table
from tests.campaigns.corruption import Tally, campaign
from tests.campaigns.formats import FORMATS

COUNT = 2000
COLUMNS = ("format", "mutants", "refused", "unharmed", "differently", "crashes", "stalls")


def main(arguments: Sequence[str]) -> int:
    """Spoil every format's file COUNT times."""
    count = int(arguments[0]) if arguments else COUNT
    tallies: list[Tally] = []
    for name in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            tallies.append(campaign(name, count, Path(folder)))
        print(f"{name} done", file=sys.stderr)
    print_table(COLUMNS, [[str(getattr(tally, column)) for column in COLUMNS] for tally in tallies])
    for tally in tallies:
        print(*(f"{tally.format} {example}" for example in tally.examples[:3]), sep="\n", end="")
    return 0 if all(tally.passed for tally in tallies) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
