"""Whether a cache, a dictionary, a session or a model is whole: every hash, block and weight is looked at."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.data import contents, dictionaries, manifest, models, sessions
from interpviz.data.activations import Cache
from interpviz.data.shard import Shard


@dataclass(frozen=True)
class Check:
    """What was looked at (`kind`, as `contents` names it), what is wrong with it, and what it says of itself."""

    kind: str
    problems: tuple[str, ...]
    facts: dict[str, Any]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def check(path: str, report: Report = silent) -> Check:
    """Look at all of a cache, a dictionary, a session or a model, which may be given by name.

    Raises InterpvizError only where there is nothing of the kind; what is wrong with it stands in the answer.
    """
    place = Path(path)
    kind = contents.kind_of(place)
    try:
        if kind == "model":
            return _model(path, report)
        if kind == "dictionary":
            return _dictionary(place, report)
        return _session(place) if kind == "session" else _cache(place, report)
    except InterpvizError as problem:
        return Check(kind, (str(problem),), {})


def _model(source: str, report: Report) -> Check:
    found = models.resolve(source)
    sha256 = models.model_sha256(found.path, report)
    return Check("model", (), {"name": found.name, "path": str(found.path), "format": found.kind, "sha256": sha256})


def _dictionary(path: Path, report: Report) -> Check:
    found = dictionaries.load(path, report)
    facts = vars(found.facts) | {
        "apply_b_dec_to_input": found.apply_b_dec_to_input,
        "normalize_activations": found.normalize_activations,
        "reshape_activations": found.reshape_activations,
        "notes": list(found.notes),
    }
    return Check("dictionary", (), facts)


def _session(path: Path) -> Check:
    document = sessions.load(path)
    problems = [f"{source} is not there. Put it back, or open another." for source in sessions.missing(document)]
    facts = {
        "model": document.model.name if document.model else None,
        "cache": document.cache.name if document.cache else None,
        "prompt": document.prompt.text,
        "interventions": [str(edit) for edit in sorted(document.interventions, key=str)],
    }
    return Check("session", tuple(problems), facts)


def _cache(path: Path, report: Report) -> Check:
    shards = [path] if path.is_file() else [path / line.file for line in manifest.read(path).shards]
    problems = [] if path.is_file() else _folder_problems(path, report)
    for number, shard in enumerate(shards):
        report(number / len(shards), f"Checking {shard.name}")
        problems += _shard_problems(shard, report, number / len(shards))
    if problems:
        return Check("cache", tuple(problems), {})
    cache = Cache.open(path)
    cache.tokens()
    job = cache.job.model_dump(mode="json") | {"shards": len(shards), "recorded": cache.facts.tokens}
    if not path.is_file() and cache.facts.tokens != cache.job.tokens:
        problems = [
            f"It holds {cache.facts.tokens:,} of {cache.job.tokens:,} tokens. Run the command that records it again."
        ]
    return Check("cache", tuple(problems), job)


def _folder_problems(folder: Path, report: Report) -> list[str]:
    """Shards that are not the bytes that were committed."""
    problems = []
    for line in manifest.read(folder).shards:
        path = folder / line.file
        report(0.0, f"Checking {line.file}")
        if not path.is_file():
            problems.append(f"{line.file} is missing. Copy the folder again whole.")
        elif _sha256(path) != line.sha256:
            problems.append(f"{line.file} is not the file that was committed. Record it again.")
    return problems


def _shard_problems(path: Path, report: Report, done: float) -> list[str]:
    """Every dataset that has a damaged block."""
    if not path.is_file():
        return []
    problems = []
    try:
        shard = Shard(path)
    except InterpvizError as problem:
        return [str(problem)]
    for name in shard.names:
        report(done)
        try:
            shard[name].all()
        except InterpvizError as problem:
            problems.append(str(problem))
    return problems


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
