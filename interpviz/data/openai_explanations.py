"""Explanations of OpenAI's neuron explainer: `{layer}/{neuron}.jsonl`, each line what was said of one neuron.

A line has `neuron_id` {layer_index, neuron_index} and `scored_explanations`, each with `explanation` and
`scored_simulation` {ev_correlation_score}. The records of activations of the same program explain nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report
from interpviz.data.explained import (
    MOST_FEATURES,
    MOST_FILES,
    BadExplanation,
    Explained,
    named,
    number,
    parsed,
    plain,
    read,
)

SUFFIXES = (".jsonl", ".json")


def explanations(path: Path, report: Report) -> list[Explained] | None:
    """What was said of each neuron of one layer; None where the path is none of the explainer's.

    The score is the correlation of simulated with true activations, NaN where it was not to be had.
    """
    files = _files(path)
    if not files:
        return None
    layers, explained = set[str](), list[Explained]()
    for done, file in enumerate(files):
        report(done / len(files), f"reading {path.name}")
        for record in _records(file):
            layer, neuron = _neuron(file, record)
            layers.add(str(layer))
            explained += _explained(file, neuron, record)
    if len(layers) > 1:
        raise InterpvizError(
            f"{path.name} explains neurons of several layers: {', '.join(sorted(layers, key=int)[:5])}. Choose a file "
            "or a folder of one."
        )
    return explained


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix in SUFFIXES else []
    if not path.is_dir():
        return []
    if found := _numbered(path):
        return found
    layers = {entry.name for entry in os.scandir(path) if entry.name.isdecimal() and _numbered(path / entry.name)}
    return _numbered(path / named(path, layers, "layers")) if layers else []


def _numbered(folder: Path) -> list[Path]:
    """The files that are named by a neuron's number."""
    if not folder.is_dir():
        return []
    files = list[Path]()
    for entry in os.scandir(folder):
        file = folder / entry.name
        if file.suffix in SUFFIXES and file.stem.isdecimal():
            files.append(file)
        if len(files) > MOST_FILES:
            raise InterpvizError(f"{folder} holds over {MOST_FILES:,} files. Choose fewer.")
    return sorted(files, key=lambda file: (len(file.stem), file.name))


def _records(file: Path) -> Iterator[Any]:
    """The objects of a file: one a line, or all of it one."""
    content = read(file)
    lines = [line for line in content.splitlines() if line.strip()] if file.suffix == ".jsonl" else [content]
    if not lines:
        raise BadExplanation(file, "is empty")
    for line in lines:
        yield parsed(file, line)


def _neuron(file: Path, record: Any) -> tuple[int, int]:
    """The layer and the number of the neuron that a record is about."""
    given = record.get("neuron_id") if isinstance(record, dict) else None
    found: list[Any] = [given.get(key) for key in ("layer_index", "neuron_index")] if isinstance(given, dict) else [-1]
    if not all(type(one) is int and 0 <= one < MOST_FEATURES for one in found):
        raise BadExplanation(file, "does not say which neuron it is about (neuron_id)")
    if "scored_explanations" not in record:
        raise BadExplanation(file, "holds activations and no scored_explanations, so it explains nothing")
    return found[0], found[1]


def _explained(file: Path, neuron: int, record: dict[str, Any]) -> Iterator[Explained]:
    every = record["scored_explanations"]
    if not isinstance(every, list):
        raise BadExplanation(file, "has scored_explanations that are no list")
    for one in every:
        text = one.get("explanation") if isinstance(one, dict) else None
        if not isinstance(text, str):
            raise BadExplanation(file, "has an explanation that is no text")
        simulation = one.get("scored_simulation")
        score = number(simulation.get("ev_correlation_score")) if isinstance(simulation, dict) else float("nan")
        if said := plain(text):
            yield Explained(neuron, said, score)
