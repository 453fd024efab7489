"""An index of features with its notes as a Neuronpedia export, which that site's own importer reads.

OUT/config/explanation_type.jsonl                      the kind of the labels that were found automatically
OUT/MODEL/LAYER-SET/{release,model,sourceset,source}.jsonl
OUT/MODEL/LAYER-SET/{features,activations,explanations}/batch-N.jsonl.gz, 1,024 features each
"""

from __future__ import annotations

import gzip
import json
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from interpviz.core.errors import InterpvizError
from interpviz.core.feature_results import FeaturePage, Notes
from interpviz.core.report import Report, silent
from interpviz.data import neuronpedia_rows as rows
from interpviz.data.atomic import replace_file, sync_folder
from interpviz.data.feature_index import FeatureIndex
from interpviz.data.neuronpedia_rows import Row, Source

BATCH = 1024
_LEFT = ".{name}.*.tmp"


@dataclass(frozen=True)
class Exported:
    """Where an export lies, and how much it holds."""

    folder: str
    features: int
    activations: int
    explanations: int


def export(index: FeatureIndex, notes: Notes, out: Path, report: Report = silent) -> Exported:
    """Write an index with its notes below the folder `out`: whole, or not at all.

    A person's own labels and notes, and the labels that were found, are explanations. What the index does not know of
    a feature is empty: its vector, its correlations, the histogram of its logits. The same index and notes give the
    same bytes. Raises InterpvizError where there is such an export already, and where it cannot be written.
    """
    source = rows.source_of(index)
    folder = Path(os.path.abspath(out)) / source.model / source.id
    if folder.exists():
        raise InterpvizError(f"There is an export at {folder} already. Move it away, or choose another folder.")
    try:
        return _written(index, notes, source, folder, report)
    except OSError as error:
        raise InterpvizError(f"{folder} cannot be written ({error.strerror}). Choose another place.") from error


def _written(index: FeatureIndex, notes: Notes, source: Source, folder: Path, report: Report) -> Exported:
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(_LEFT.format(name=folder.name)):  # by an export that was killed
        shutil.rmtree(left, ignore_errors=True)
    temporary = folder.with_name(_LEFT.format(name=folder.name).replace("*", secrets.token_hex(8)))
    try:
        for name, row in rows.heads(index, source).items():
            _write(temporary / f"{name}.jsonl", [row])
        counts = [_batch(index, notes, source, temporary, start, report) for start in range(0, _count(index), BATCH)]
        _add_type(folder.parents[1] / "config" / "explanation_type.jsonl")
        sync_folder(temporary)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(folder.parent)
    return Exported(str(folder), *map(sum, zip(*counts, strict=True)))


def _batch(
    index: FeatureIndex, notes: Notes, source: Source, folder: Path, start: int, report: Report
) -> tuple[int, int, int]:
    """Write the features from `start`, and say how many rows of each kind there were."""
    number, stop = start // BATCH, min(start + BATCH, _count(index))
    own = dict(notes.labels)
    features, activations, explanations = list[Row](), list[Row](), list[Row]()
    for feature in range(start, stop):
        report(feature / _count(index), f"writing {source.id}")
        page: FeaturePage = index.page(feature)
        features.append(rows.feature(source, page))
        activations += rows.activations(source, page)
        explanations += rows.explanations(source, page, own.get(feature, ""), notes.text(feature))
    for kind, found in (("features", features), ("activations", activations), ("explanations", explanations)):
        if found:  # the importer fails over an empty file
            _write(folder / kind / f"batch-{number}.jsonl.gz", found)
    return len(features), len(activations), len(explanations)


def _write(path: Path, content: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = "".join(f"{json.dumps(row, allow_nan=False)}\n" for row in content).encode()
    path.write_bytes(gzip.compress(whole, compresslevel=5, mtime=0) if path.suffix == ".gz" else whole)


def _add_type(path: Path) -> None:
    """Name the kind of our labels to the importer, among those of other exports."""
    path.parent.mkdir(exist_ok=True)
    there = path.read_bytes() if path.exists() else b""
    line = json.dumps(rows.EXPLANATION_TYPE).encode()
    if line not in there.splitlines():
        replace_file(path, there + (b"" if not there or there.endswith(b"\n") else b"\n") + line + b"\n")


def _count(index: FeatureIndex) -> int:
    return index.facts.features
