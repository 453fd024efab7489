"""Measure what must be fast, and print one table; exit 1 where an aim is missed."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence

from interpviz.cli import display
from interpviz.cli.output import print_table
from interpviz.core import environment
from tests import benchmarks
from tests.benchmarks.rounds import Row


def main(names: Sequence[str]) -> int:
    """Run the benchmarks of these names, or all."""
    environment.prepare()
    found = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    modules = [importlib.import_module(f"{benchmarks.__name__}.{name}") for name in found if not names or name in names]
    with display.borrowed():
        rows: list[Row] = [row for module in modules if hasattr(module, "rows") for row in module.rows()]
    columns = ("path", "against", "ratio", "from-to", "aim", "met", "note")
    print_table(columns, [_cells(row) for row in rows])
    return 0 if all(row.met for row in rows) else 1


def _cells(row: Row) -> tuple[str, ...]:
    low, high = row.spread
    met = "yes" if row.met else "NO"
    return (row.path, row.peer, f"{row.ratio:.2f}", f"{low:.2f}-{high:.2f}", row.aim, met, row.note)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
