"""`models`: which models have names, and fetching one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from interpviz import api
from interpviz.cli.output import print_json, print_table, working
from interpviz.cli.run import AsJson

app = typer.Typer(help="Models that have names.", rich_markup_mode=None)


@app.command("list")
def models_list(as_json: AsJson = False) -> None:
    """Every name that a model can be opened by."""
    entries = [asdict(entry) for entry in api.models()]
    if as_json:
        print_json({"models": entries})
    else:
        print_table(("name", "state", "what it is"), [tuple(entry.values()) for entry in entries])


@app.command("get")
def models_get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a name from `models list`")], as_json: AsJson = False
) -> None:
    """Fetch a model, verify its sha256, and convert it once. The only command that uses the network."""
    with working(f"fetching {name}") as report:
        folder = api.fetch(name, report)
    if as_json:
        print_json({"name": name, "path": str(folder)})
    else:
        print(f"{name} is here: interpviz open {name}")
