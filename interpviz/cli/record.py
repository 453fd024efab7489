"""`record`: a model's activations over text, written as a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from interpviz import api
from interpviz.cli.output import print_json, working
from interpviz.cli.run import AsJson, ModelName
from interpviz.core.document import CacheFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import StoredAs
from interpviz.core.report import share
from interpviz.core.sites import Site

OPENING = 0.02  # of the work is opening the model
SEVERAL = ("--text", "--site", "--dictionary")
SPREAD = ("record", "evaluate")


Texts = Annotated[
    list[Path], typer.Option("--text", metavar="FILE...", help="text, .jsonl or .parquet, plain or .gz, .xz, .zst")
]
Sites = Annotated[list[str] | None, typer.Option("--site", metavar="SITE...", help="what to record: L1R, a hook name")]
Out = Annotated[Path, typer.Option(metavar="NAME.acts", help="the folder to write; the same command resumes it")]
Tokens = Annotated[int | None, typer.Option(min=1, help="stop after so many tokens; else the whole text")]
Context = Annotated[int, typer.Option(min=2, help="tokens a context, BOS included")]
Dictionaries = Annotated[
    list[Path] | None, typer.Option("--dictionary", metavar="FOLDER...", help="keep its strongest features too")
]
Places = Annotated[int, typer.Option("--k", min=1, help="features a token and dictionary")]
Workers = Annotated[int | None, typer.Option(min=1, help="processes; else as many as there is room for")]
On = Annotated[str, typer.Option(metavar="ray[=ADDRESS]", help="record on a Ray cluster; alone: on this machine's")]


def record(
    model: ModelName,
    text: Texts,
    out: Out,
    site: Sites = None,
    tokens: Tokens = None,
    context: Context = 128,
    dtype: Annotated[StoredAs, typer.Option(help="what activations are stored as")] = "float16",
    dictionary: Dictionaries = None,
    k: Places = 64,
    workers: Workers = None,
    on: On = "",
    as_json: AsJson = False,
) -> None:
    """Run a model over texts and keep its activations."""
    for name in site or []:
        Site.parse(name)
    if on and on != "ray" and not on.startswith("ray="):
        raise InterpvizError(f"There is no cluster '{on}'. Write --on ray, or --on ray=ADDRESS of its head.")
    with working("opening the model") as report:
        loaded = api.load(model, share(report, 0.0, OPENING))
        cache = api.record(
            loaded,
            text,
            sites=site or [],
            out=out,
            tokens=tokens,
            context=context,
            dtype=dtype,
            dictionaries=dictionary or [],
            k=k,
            workers=workers,
            cluster=on,
            report=share(report, OPENING, 1.0),
        )
    _print(cache.facts, as_json)


def _print(facts: CacheFacts, as_json: bool) -> None:
    if as_json:
        names = {"sites": facts.sites, "codes": facts.codes}
        print_json({"path": facts.source, "model": facts.model, **names, "tokens": facts.tokens})
    else:
        print(f"{facts.tokens} tokens of {facts.model} in {facts.source}: {', '.join((*facts.sites, *facts.codes))}")


def spread(arguments: Sequence[str]) -> list[str]:
    """The command line of `record` or `evaluate` with `--text a b` written out as `--text a --text b`.

    That is the only form that typer knows.
    """
    if not set(arguments[:1]) & set(SPREAD):
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
