"""What commands print: results on stdout, as a table or as one JSON object; all else on stderr.

rich is imported where it is used, since the window starts through here and needs none of it.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from interpviz.core.report import Report

PIPED_WIDTH = 160
_NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?")


@contextmanager
def working(what: str) -> Iterator[Report]:
    """Show how far the work is on stderr; what libraries print goes there too, so that stdout holds results only."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal, redirect_stdout=False)
    with redirect_stdout(sys.stderr), bar:
        task = bar.add_task(what, total=1.0)

        def report(fraction: float, text: str = "", partial: Any = None) -> None:
            bar.update(task, completed=fraction, description=text or None)

        yield report


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object; numbers that JSON has not become null."""
    print(json.dumps(_plain(value), allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows of text under their headings: words to the left, numbers to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        numbers = all(_NUMBER.fullmatch(row[number]) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


def quoted(token: str) -> str:
    """A token's text in quotes, with spaces, line ends and invisible characters to be seen."""
    return repr(token)


def said(value: object) -> str:
    """A fact as a person reads it."""
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, list | tuple) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.item() if hasattr(value, "item") else value
