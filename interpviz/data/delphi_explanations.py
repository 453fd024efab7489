"""delphi's explanations: `explanations/{module}_latent{i}.txt`, each a JSON string, and `scores/{scorer}/` beside them.

A score file is a list of examples: whether each is `activating`, and the scorer's `prediction`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report
from interpviz.data.explained import MOST_FEATURES, MOST_FILES, BadExplanation, Explained, named, parsed, plain

FAILED = "Explanation could not be parsed."  # delphi's own words where its explainer gave none
_FILE = re.compile(r"(.+)_latent(\d{1,10})\.txt", re.DOTALL)


def explanations(path: Path, report: Report) -> list[Explained] | None:
    """What delphi says of each latent of one module; None where the path is none of its own.

    The score is balanced accuracy over a scorer's examples, those that it gave no answer to left out, and the mean over
    scorers. NaN where there is none.
    """
    found = _files(path)
    if found is None:
        return None
    folder, module, files = found
    scorers = _scorers(folder.parent / "scores")
    explained = list[Explained]()
    for done, (latent, file) in enumerate(sorted(files.items())):
        report(done / len(files), f"reading {module}")
        text = parsed(file)
        if text is not None and not isinstance(text, str):
            raise BadExplanation(file, "does not hold one text")
        if text and text != FAILED and (said := plain(text)):
            explained.append(Explained(latent, said, _score(scorers, module, latent)))
    return explained


def _files(path: Path) -> tuple[Path, str, dict[int, Path]] | None:
    """The folder of the explanations, the module meant, and its files by latent."""
    if path.is_file():
        match = _FILE.fullmatch(path.name)
        return (path.parent, match[1], {_latent(path, match[2]): path}) if match else None
    for folder in (path / "explanations", path):
        if modules := _modules(folder):
            module = named(folder, set(modules), "modules")
            return folder, module, modules[module]
    for folder in (path.parent, path.parent / "explanations"):
        if path.name in (modules := _modules(folder)):
            return folder, path.name, modules[path.name]
    return None


def _modules(folder: Path) -> dict[str, dict[int, Path]]:
    """The files of each module in a folder, by latent."""
    modules: dict[str, dict[int, Path]] = {}
    if folder.is_dir():
        for number, entry in enumerate(os.scandir(folder)):
            if number > MOST_FILES:
                raise InterpvizError(f"{folder} holds over {MOST_FILES:,} files. Move each module to its own.")
            if match := _FILE.fullmatch(entry.name):
                modules.setdefault(match[1], {})[_latent(folder / entry.name, match[2])] = folder / entry.name
    return modules


def _latent(file: Path, digits: str) -> int:
    if int(digits) >= MOST_FEATURES:
        raise BadExplanation(file, "is of a latent that no dictionary has")
    return int(digits)


def _scorers(scores: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder for folder in scores.iterdir() if folder.is_dir())) if scores.is_dir() else ()


def _score(scorers: Iterable[Path], module: str, latent: int) -> float:
    """The mean over scorers. They write the module's name with -- for a /, which explanations cannot have."""
    files = (folder / f"{module}_latent{latent}.txt" for folder in scorers)
    values = [value for file in files if file.exists() and not np.isnan(value := _accuracy(file, parsed(file)))]
    return float(np.mean(values)) if values else float("nan")


def _accuracy(file: Path, examples: Any) -> float:
    """Balanced accuracy; NaN without examples of both kinds, as for scorers that predict nothing of the kind."""
    if not isinstance(examples, list) or not all(isinstance(one, dict) for one in examples):
        raise BadExplanation(file, "does not hold a list of examples")
    right: dict[bool, list[bool]] = {True: [], False: []}
    for one in examples:
        activating, prediction = one.get("activating"), one.get("prediction")
        if isinstance(activating, bool) and isinstance(prediction, bool | int | float):
            right[activating].append((prediction >= 0.5) == activating)
    if not all(right.values()):
        return float("nan")
    return float(np.mean([np.mean(kind) for kind in right.values()]))
