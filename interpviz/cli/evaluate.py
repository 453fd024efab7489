"""`evaluate`: how much a dictionary reconstructs, how sparsely, and what the model loses by it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from interpviz import api
from interpviz.cli.output import print_json, print_table, working
from interpviz.cli.run import AsJson
from interpviz.core.report import share

OPENING = 0.05  # of the work is opening the model


def evaluate(
    folder: Annotated[Path, typer.Argument(help="a dictionary: its folder or file")],
    model: Annotated[str, typer.Option(help="the model that it is to fit: demo, a name, a folder or a .gguf file")],
    text: Annotated[
        list[Path], typer.Option("--text", metavar="FILE...", help="text, .jsonl or .parquet, plain or packed")
    ],
    tokens: Annotated[int | None, typer.Option(min=1, help="stop after so many tokens; else the whole text")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a dictionary on a text."""
    with working("opening the model") as report:
        loaded = api.load(model, share(report, 0.0, OPENING))
        fit = loaded.evaluate(folder, text, tokens=tokens, report=share(report, OPENING, 1.0))
    print_json(as_dict(fit)) if as_json else _print(folder, fit)


def as_dict(fit: api.Fit) -> dict[str, Any]:
    """The fit as its JSON object."""
    return asdict(fit) | {
        "explained_variance": 1 - fit.fvu,
        "ce_recovered": fit.ce_recovered,
        "kl_score": fit.kl_score,
        "problems": list(fit.problems),
    }


def _print(folder: Path, fit: api.Fit) -> None:
    print(f"{folder.name} on {fit.source}, {fit.tokens:,} tokens. Position 0 of each context is left out.")
    rows = [
        ("features active a token (L0)", f"{fit.l0:.2f}"),
        ("variance unexplained (FVU)", f"{fit.fvu:.4f}"),
        ("variance explained, mean of tokens (legacy)", f"{fit.explained_variance_legacy:.4f}"),
        ("cosine", f"{fit.cosine:.4f}"),
        ("norm ratio", f"{fit.norm_ratio:.4f}"),
        ("reconstruction bias", f"{fit.bias:.4f}"),
        ("cross-entropy, clean", f"{fit.ce_clean:.4f}"),
        ("cross-entropy, reconstructed", f"{fit.ce_spliced:.4f}"),
        ("cross-entropy, zero", f"{fit.ce_zero:.4f}"),
        ("cross-entropy recovered", f"{fit.ce_recovered:.4f}"),
        ("KL, reconstructed", f"{fit.kl_spliced:.4f}"),
        ("KL, zero", f"{fit.kl_zero:.4f}"),
        ("KL score", f"{fit.kl_score:.4f}"),
        ("features never active", f"{fit.dead:.2%}"),
        ("features active at over 1% of tokens", f"{fit.dense_1:.2%}"),
        ("features active at over 10% of tokens", f"{fit.dense_10:.2%}"),
    ]
    print_table(("measure", "value"), [(name, "not measured" if said == "nan" else said) for name, said in rows])
    for problem in fit.problems:
        print(problem)
