"""`features`: an index of what every feature of a dictionary does in a cache."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interpviz import api
from interpviz.cli.output import print_json, working
from interpviz.cli.run import AsJson
from interpviz.core.report import share

OPENING = 0.05  # of the work is opening the model


def features(
    folder: Annotated[Path, typer.Argument(help="a dictionary: its folder or file")],
    model: Annotated[str, typer.Option(help="the model that it is of: demo, a name, a folder or a .gguf file")],
    acts: Annotated[Path, typer.Option(metavar="NAME.acts", help="a cache of that model with what it reads")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="the file to write; else FOLDER.features.h5")] = None,
    as_json: AsJson = False,
) -> None:
    """Index a dictionary's features: top examples, histograms, logit effects, neighbours, labels."""
    with working("opening the model") as report:
        loaded = api.load(model, share(report, 0.0, OPENING))
        index = api.features(folder, loaded, acts, out, share(report, OPENING, 1.0))
        found = index.summary()
    facts = index.facts
    if as_json:
        about = {"path": facts.source, "dictionary": facts.dictionary, "cache": facts.cache, "tokens": facts.tokens}
        print_json(about | found._asdict())
        return
    print(
        f"{found.features:,} features of {facts.dictionary} in {facts.cache}, {facts.tokens:,} tokens: {facts.source}"
    )
    print(
        f"{found.live:,} live, {found.dead:,} dead; {found.dense_1:,} active at over 1% of the tokens, "
        f"{found.dense_10:,} at over 10%. Position 0 of each context is left out."
    )
    if found.labels:
        good, chance = (f"{count / found.labels:.1%}" for count in (found.good, found.shuffled))
        print(f"{found.labels:,} labels: {good} score over 0.7, and {chance} where each is scored on another feature")
