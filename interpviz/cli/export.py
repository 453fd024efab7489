"""`export`: an index of features with its notes as a Neuronpedia export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interpviz import api
from interpviz.cli.output import print_json, working
from interpviz.cli.run import AsJson


def export(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="an index that `interpviz features` made")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="the folder to write below: DIR/MODEL/LAYER-NAME")],
    as_json: AsJson = False,
) -> None:
    """Write an index of features, with your notes and labels, in the layout that Neuronpedia imports."""
    with working(f"writing {out}") as report:
        made = api.export(index, out, report)
    if as_json:
        print_json(vars(made))
        return
    print(
        f"{made.features:,} features, {made.activations:,} activations and {made.explanations:,} explanations: "
        f"{made.folder}"
    )
