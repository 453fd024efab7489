"""`record`: a model's activations over text, written as a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from interpviz import api
from interpviz.cli.output import print_json, working
from interpviz.cli.run import AsJson, ModelName
from interpviz.core.sites import Site

SEVERAL = ("--text", "--site")


def record(
    model: ModelName,
    text: Annotated[list[Path], typer.Option(metavar="FILE...", help="plain text in UTF-8; one or more files")],
    site: Annotated[list[str], typer.Option(metavar="SITE...", help="what to record: L1R, L0A, a hook name")],
    out: Annotated[Path, typer.Option(metavar="NAME.acts", help="the folder to write; the same command resumes it")],
    tokens: Annotated[int | None, typer.Option(min=1, help="stop after so many tokens; else the whole text")] = None,
    context: Annotated[int, typer.Option(min=2, help="tokens a context, BOS included")] = 128,
    as_json: AsJson = False,
) -> None:
    """Run a model over text files and keep its activations."""
    for name in site:
        Site.parse(name)
    with working("opening the model") as report:
        loaded = api.load(model, report)
        cache = api.record(loaded, text, sites=site, out=out, tokens=tokens, context=context, report=report)
    facts = cache.facts
    if as_json:
        print_json({"path": facts.source, "model": facts.model, "sites": facts.sites, "tokens": facts.tokens})
    else:
        print(f"{facts.tokens} tokens of {facts.model} in {facts.source}: {', '.join(facts.sites)}")


def spread(arguments: Sequence[str]) -> list[str]:
    """The command line of `record` with `--text a b` written out as `--text a --text b`, the only form typer knows."""
    if list(arguments[:1]) != ["record"]:
        return list(arguments)
    spread, option, taken = [], "", False
    for argument in arguments:
        if argument.startswith("--"):
            option, taken = argument if argument in SEVERAL else "", False
        elif option and taken:
            spread.append(option)
        else:
            taken = True
        spread.append(argument)
    return spread
