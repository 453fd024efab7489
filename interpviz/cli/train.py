"""`train`: a dictionary of features, learnt on a recorded cache."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import typer

from interpviz import api
from interpviz.cli.output import print_json, working
from interpviz.cli.run import AsJson
from interpviz.core.errors import Cancelled
from interpviz.core.feature_results import TrainingPoint
from interpviz.core.features import DictionaryFacts, DictionaryKind
from interpviz.core.report import Report

Acts = Annotated[str, typer.Argument(metavar="NAME.acts", help="a recorded cache")]
SiteName = Annotated[str, typer.Option("--site", metavar="SITE", help="the activation that it reads: L1R, a hook name")]
To = Annotated[str, typer.Option(metavar="SITE", help="the activation that it writes: makes it a transcoder")]
Width = Annotated[int, typer.Option(metavar="N", help="how many features")]
Kind = Annotated[DictionaryKind, typer.Option(help="how features become few")]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="the folder to write; the same command resumes it")]
K = Annotated[
    int | None, typer.Option("--k", metavar="N", help="features a row, for topk, batchtopk and matryoshka; else 32")
]
Skip = Annotated[bool, typer.Option("--skip", help="a linear path beside the features of a transcoder")]
Sparsity = Annotated[float | None, typer.Option(metavar="X", help="how hard relu, jumprelu and gated press for few")]
Rows = Annotated[
    int | None, typer.Option(metavar="N", help="rows seen in all; else the cache once, at least 2 million")
]
BatchRows = Annotated[int, typer.Option("--batch", metavar="N", help="rows a step")]
Rate = Annotated[float | None, typer.Option(metavar="X", help="Adam's; else one that fits the width")]
Keep = Annotated[bool, typer.Option("--keep", help="write what an interrupted training had learnt, and end it")]
Launch = Annotated[int, typer.Option(metavar="N", help="processes that share each batch")]


def train(
    cache: Acts,
    site: SiteName,
    width: Width,
    out: Out,
    kind: Kind = "topk",
    to: To = "",
    k: K = None,
    skip: Skip = False,
    sparsity: Sparsity = None,
    rows: Rows = None,
    batch: BatchRows = 2048,
    rate: Rate = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="the number that chance is drawn from")] = 0,
    launch: Launch = 1,
    keep: Keep = False,
    as_json: AsJson = False,
) -> None:
    """Train a dictionary on a cache and write it in SAELens's layout."""
    last: list[TrainingPoint] = []
    with working("looking into the cache") as report, _interrupted() as stopped:
        facts = api.train(
            cache,
            site,
            width=width,
            out=out,
            kind=kind,
            to=to,
            skip=skip,
            k=k,
            sparsity=sparsity,
            rows=rows,
            batch=batch,
            rate=rate,
            seed=seed,
            launch=launch,
            keep=keep,
            report=_listening(report, stopped, last),
        )
    _print(facts, last[0] if last else None, as_json)


def _listening(report: Report, stopped: Event, last: list[TrainingPoint]) -> Report:
    """A report that keeps the last point, and cancels once it is stopped."""

    def heard(fraction: float, text: str = "", partial: Any = None) -> None:
        if isinstance(partial, TrainingPoint):
            last[:] = [partial]
        if stopped.is_set():
            raise Cancelled
        report(fraction, text)

    return heard


@contextmanager
def _interrupted() -> Iterator[Event]:
    """Set by Ctrl+C, so that the step is ended and a checkpoint written; a second one stops at once."""
    stopped = Event()

    def stop(*_: Any) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def _print(facts: DictionaryFacts, point: TrainingPoint | None, as_json: bool) -> None:
    """What was made, and how it stood at the end; nothing of that where it was finished before."""
    if as_json:
        said = {"path": facts.source, "architecture": facts.architecture, "features": facts.features}
        said |= {"hook": facts.hook, "hook_out": facts.hook_out or None, "sha256": facts.sha256}
        print_json(said | {"training": asdict(point) if point else None})
        return
    written = f" to {facts.hook_out}" if facts.hook_out else ""
    print(f"{facts.features:,} features of {facts.hook}{written} in {facts.source}")
    if point:
        print(f"last rows: L0 {point.l0:.1f}, FVU {point.fvu:.3f}, dead {point.dead:.1%}")
