"""Whether a cache, a dictionary, an index, a session or a model is whole: every hash, block and weight is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.data import contents, dictionaries, manifest, models, sessions
from interpviz.data.feature_index import FeatureIndex
from interpviz.data.feature_index_file import TYPES
from interpviz.data.repair import repair
from interpviz.data.shard import Shard
from interpviz.data.survey import REMEDY, Survey, look, survey

_SHARD_LISTS = ("good", "damaged", "missing")


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

    @property
    def told(self) -> dict[str, Any]:
        """The facts for a person, in words: of many shards in a row the first and the last; without what was done."""
        told = self.facts | {name: shard_list(self.facts[name]) for name in _SHARD_LISTS if name in self.facts}
        if "dictionaries" in told:
            told["dictionaries"] = [f"{codes['k']} of {codes['name']}" for codes in told["dictionaries"]]
        return {name: value for name, value in told.items() if name != "repaired"}


def check(path: str, report: Report = silent) -> Check:
    """Look at all of a cache, a dictionary, an index, a session or a model, which may be given by name.

    Raises InterpvizError only where there is nothing of the kind; what is wrong with it stands in the answer.
    """
    place = Path(path)
    kind = contents.kind_of(place)
    if kind == "foreign":
        raise contents.NotImported(place)
    try:
        if kind == "model":
            return _model(path, report)
        if kind == "dictionary":
            return _dictionary(place, report)
        if kind == "index":
            return _index(place, report)
        return _session(place) if kind == "session" else _cache(place, report)
    except InterpvizError as problem:
        return Check(kind, (str(problem),), {})


def repaired(path: str, report: Report = silent) -> Check:
    """Repair a cache folder, as `repair` does, and say what is left; `facts["repaired"]` is what was done."""
    done, left = repair(Path(path), report)
    found = _of_folder(left)
    return Check(found.kind, found.problems, found.facts | {"repaired": list(done)})


def _model(source: str, report: Report) -> Check:
    found = models.resolve(source)
    sha256 = models.model_sha256(found.path, report)
    return Check("model", (), {"name": found.name, "path": str(found.path), "format": found.kind, "sha256": sha256})


def _dictionary(path: Path, report: Report) -> Check:
    parts = dictionaries.parts(path)
    if len(parts) == 1:
        return Check("dictionary", (), _facts(dictionaries.load(parts[0], report)))
    loaded, problems = [], []
    for part in parts:
        try:
            loaded.append(dictionaries.load(part, report).facts)
        except InterpvizError as problem:
            problems.append(str(problem))
    named = ("architecture", "layout")
    told = {name: ", ".join(sorted({getattr(one, name) for one in loaded})) for name in named}
    return Check("dictionary", tuple(problems), {"parts": [one.name for one in loaded], **told})


def _facts(found: dictionaries.Dictionary) -> dict[str, Any]:
    facts = vars(found.facts)
    elsewhere = {} if found.facts.transcoder else {"hook_out": None, "d_out": None}
    return {name: value for name, value in facts.items() if name not in elsewhere} | {
        "activation": found.activation,
        "k": found.k,
        "apply_b_dec_to_input": found.b_in is not None,
        "normalize_activations": found.normalize_activations,
        "reshape_activations": found.reshape_activations,
        "notes": list(found.notes),
    }


def _index(path: Path, report: Report) -> Check:
    found = FeatureIndex.open(path)
    for number, name in enumerate(TYPES):
        report(number / len(TYPES), f"Checking {name}")
        found[name].all()
    found.table()
    return Check("index", (), found.about.model_dump(exclude={"datasets", "content"}))


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
    if path.is_dir():
        return _of_folder(survey(path, report))
    shard = Shard(path)
    looked = look(path, shard.number, None, report, 0.0)
    facts = shard.job.model_dump(mode="json") | {"shards": 1, "recorded": shard.tokens}
    return Check("cache", looked.problems, facts)


def _of_folder(found: Survey) -> Check:
    """What a survey of a cache folder says. `facts` name the shards that are good, damaged and missing."""
    problems = [found.manifest] if found.manifest else []
    for shard in found.shards:
        problems += shard.problems
        if shard.missing:
            problems.append(f"{shard.name} is missing. {REMEDY}")
        elif shard.good and shard.line is None and not found.manifest:
            problems.append(f"{shard.name} is whole, but not in {manifest.NAME}. {REMEDY}")
    if found.job and found.tokens != found.job.tokens:
        gaps = f", without {shard_list(found.lost)}" if found.lost else ""
        problems.append(
            f"It holds {found.tokens:,} of {found.job.tokens:,} tokens{gaps}. Run the command that records it again."
        )
    facts = (found.job.model_dump(mode="json") if found.job else {}) | {
        "shards": len(found.shards),
        "recorded": found.tokens,
        "good": [shard.name for shard in found.good],
        "damaged": [shard.name for shard in found.shards if shard.problems],
        "missing": list(found.lost),
    }
    return Check("cache", tuple(problems), facts)


def shard_list(names: Sequence[str]) -> str:
    """The names of shards as a person reads them: thousands in a row are two."""
    runs: list[list[str]] = []
    for name in names:
        if runs and int(name[6:11]) == int(runs[-1][-1][6:11]) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs) or "none"
