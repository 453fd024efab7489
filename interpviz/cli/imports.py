"""`import`: other people's activations, written as a cache of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interpviz import api
from interpviz.cli.output import print_json, working
from interpviz.cli.run import AsJson
from interpviz.core.errors import InterpvizError


def import_activations(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="HDF5, a cache of delphi, or a data set of SAELens")],
    out: Annotated[Path, typer.Option(metavar="NAME.acts", help="the folder to write; the same command resumes it")],
    renamed: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OLD=NEW", help="what an array is: L1R, a hook name, or tokens; only these then"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn activations that another program cached into a cache."""
    from interpviz.data.foreign.names import listed

    mapping = [_pair(text) for text in renamed or ()]
    with working(f"looking into {path}") as report:
        found = api.look_into(path, report)
        cache = api.import_(path, out, mapping, report)
    facts = cache.facts
    if as_json:
        print_json(
            {
                "path": facts.source,
                "layout": found.layout,
                "sites": facts.sites,
                "codes": facts.codes,
                "tokens": facts.tokens,
            }
        )
    else:
        print(f"{path.name}: {found.layout}")
        left = [holding for holding in found.holdings if not holding.proposed]
        if left and not mapping:
            print(f"left out, since nothing says what it is: {listed(left)}")
        print(f"{facts.tokens} tokens of {facts.model} in {facts.source}: {', '.join((*facts.sites, *facts.codes))}")


def _pair(text: str) -> tuple[str, str]:
    old, sign, new = text.rpartition("=")  # a name of theirs may have one
    if not (old and sign and new):
        raise InterpvizError(f"'{text}' maps nothing. Write --map OLD=NEW, for instance --map layer_3/targets=L3M.")
    return old, new
