"""`sweep`: what cutting each part of a model alone does to the answer."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Annotated, Any, Literal

import numpy as np
import typer

from interpviz import api
from interpviz.api import experiment
from interpviz.cli.output import print_json, print_table, working
from interpviz.cli.run import (
    AsJson,
    Contrast,
    Distractor,
    ModelName,
    NoBos,
    PromptText,
    Seed,
    check_prompt,
    metric_name,
    reference_line,
)
from interpviz.core.results import F4

ROWS = 20


def sweep(
    model: ModelName,
    prompt: PromptText,
    target: Annotated[str, typer.Option(help="the token to follow, exactly: ' Mary'")],
    distractor: Distractor = "",
    contrast: Contrast = "",
    kind: Annotated[
        Literal["head", "mlp", "neuron", "feature"] | None, typer.Option(help="else heads and MLPs")
    ] = None,
    layer: Annotated[int | None, typer.Option(min=0, help="this layer alone; neurons need one")] = None,
    dictionary: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="the dictionary whose features are swept")
    ] = None,
    mode: Annotated[
        Literal["zero", "mean", "resample", "patch"] | None,
        typer.Option(help="else patch with --contrast, zero without"),
    ] = None,
    seed: Seed = 0,
    no_bos: NoBos = False,
    as_json: AsJson = False,
) -> None:
    """What cutting each part alone takes from the answer, in nats."""
    check_prompt(prompt)
    parts, cut = kind or "component", experiment.mode_of(mode, contrast)
    experiment.check_target(target, distractor, needed=True)
    experiment.check_sweep(parts, cut, contrast, layer, dictionary)
    with working("opening the model") as report:
        opened = experiment.swept(dictionary, report)
        loaded = api.load(model, report)
        found = loaded.sweep(
            prompt, target, distractor, kind=parts, layer=layer, contrast=contrast, mode=cut, seed=seed,
            dictionary=opened[0] if opened else None, bos=not no_bos, report=report,
        )  # fmt: skip
    print_json(as_dict(found)) if as_json else _print_sweep(found, metric_name(distractor), cut)


def as_dict(sweep: api.Sweep) -> dict[str, Any]:
    """The sweep as its JSON object: `spread` and `reference` are there where there is one."""
    effects = [
        {"site": str(site), "effect": float(effect)} for site, effect in zip(sweep.sites, sweep.effects, strict=True)
    ]
    if sweep.spread is not None:
        effects = [one | {"spread": float(value)} for one, value in zip(effects, sweep.spread, strict=True)]
    found = {"baseline": sweep.baseline, "effects": effects, "seconds": sweep.seconds}
    return found | ({"reference": asdict(sweep.reference)} if sweep.reference else {})


def _print_sweep(sweep: api.Sweep, metric: str, mode: str) -> None:
    print(f"{metric}: {sweep.baseline:+.4f} nats. Effect: what of it is lost when that part alone is cut ({mode}).")
    columns = [sweep.effects, *([] if sweep.spread is None else [sweep.spread])]
    digits = _digits(sweep.effects)
    order = np.argsort(-np.abs(sweep.effects), kind="stable")
    rows = [[str(sweep.sites[i]), *(f"{column[i]:+.{digits}f}" for column in columns)] for i in order]
    print_table(["part", "effect", "spread"][: 1 + len(columns)], rows[:ROWS])
    if len(rows) > ROWS:
        print(f"and {len(rows) - ROWS:,} more with smaller effects: --json prints all")
    if sweep.reference:
        print(reference_line(sweep.reference))
    print(f"{len(rows):,} parts in {sweep.seconds:.2f} s")


def _digits(effects: F4) -> int:
    """How many decimals show the largest effect to four places at least."""
    largest = float(np.abs(effects).max(initial=0.0))
    return 4 if not 0.0 < largest < 0.1 else 3 - math.floor(math.log10(largest))
