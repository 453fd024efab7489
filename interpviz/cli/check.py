"""`check`: is this cache, dictionary, index, session or model whole, and what made it."""

from __future__ import annotations

from typing import Annotated

import typer

from interpviz import api
from interpviz.cli.output import print_json, print_table, said, working
from interpviz.cli.run import AsJson


def check(
    path: Annotated[str, typer.Argument(metavar="PATH", help="a cache, a dictionary, an index, a session or a model")],
    repair: Annotated[
        bool, typer.Option("--repair", help="make a damaged cache readable: keep what is whole, drop the rest")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Is this cache, dictionary, index, session or model whole, and what made it."""
    with working(f"checking {path}") as report:
        found = api.check(path, report, repair=repair)
    if as_json:
        facts = {"kind": found.kind, "whole": found.whole, "problems": found.problems, "facts": found.facts}
        print_json(facts)
    else:
        print(f"{path}: {found.kind}, {'whole' if found.whole else 'not whole'}")
        print_table(("fact", "value"), [(name, said(value)) for name, value in found.told.items()])
        for sentence in (*found.facts.get("repaired", ()), *found.problems):
            print(sentence)
    return 0 if found.whole or (repair and found.facts["good"]) else 2
