"""What a call is asked to do to the model, checked as far as that goes without a model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from interpviz.api.asking import ask
from interpviz.api.files import Cache
from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.jobs import OpenDictionary
from interpviz.core.report import Report, silent
from interpviz.core.requests import SweepKind
from interpviz.core.sites import Site

SWEPT_BY: tuple[Mode, ...] = ("zero", "mean", "resample", "patch")

Edit = str | Intervention
Dictionary = str | Path | DictionaryFacts


def checked(
    ablate: Iterable[Edit], contrast: str = "", dictionaries: Iterable[Dictionary] = (), report: Report = silent
) -> tuple[tuple[Intervention, ...], tuple[DictionaryFacts, ...]]:
    """The edits that these texts mean, each once, and the dictionaries in these folders.

    Raises InterpvizError for a text that means nothing, for an edit that lacks what it draws from, and for a folder
    or file that cannot be read.
    """
    edits = tuple(
        dict.fromkeys(edit if isinstance(edit, Intervention) else Intervention.parse(edit) for edit in ablate)
    )
    for edit in edits:
        check_contrast(edit.mode, contrast)
        if edit.direction and not _names_a_feature(edit.direction):
            _check_file(edit.direction)
    found = opened(dictionaries, report)
    for edit in edits:
        _check_features(edit, {one.name: one for one in found})
    return edits, found


def opened(dictionaries: Iterable[Dictionary], report: Report = silent) -> tuple[DictionaryFacts, ...]:
    """What the dictionaries in these folders are, each of a set of several; raises InterpvizError for two of one name.

    No edit could tell those.
    """
    given = dict.fromkeys(one if isinstance(one, DictionaryFacts) else str(one) for one in dictionaries)
    found: dict[str, DictionaryFacts] = {}
    for one in given:
        several: tuple[DictionaryFacts, ...]
        several = (one,) if isinstance(one, DictionaryFacts) else ask(OpenDictionary(one), report)
        for facts in several:
            if found.setdefault(facts.name, facts).sha256 != facts.sha256:
                raise InterpvizError(f"Two dictionaries are called {facts.name}. Rename the folder of one.")
    return tuple(found.values())


def swept(dictionary: Dictionary | None, report: Report = silent) -> tuple[DictionaryFacts, ...]:
    """What the dictionary whose features are swept is, if one is given; raises InterpvizError for a set of several."""
    found = opened([] if dictionary is None else [dictionary], report)
    if len(found) > 1:
        raise InterpvizError(
            f"{dictionary} holds {len(found)} dictionaries. Give one of them, such as {found[0].source}."
        )
    return found


def prompt(text: str, bos: bool, tokens: Iterable[int] | None = None) -> Prompt:
    """The prompt of this text, or of exact ids where these are given."""
    return Prompt(text, None if tokens is None else tuple(int(token) for token in tokens), bos)


def sources(
    contrast: str, bos: bool, dictionaries: tuple[DictionaryFacts, ...], reference: Cache | None, seed: int = 0
) -> Sources:
    """What edits draw from."""
    return Sources(
        reference=reference.facts if reference else None,
        contrast=prompt(contrast, bos) if contrast else None,
        dictionaries=dictionaries,
        seed=seed,
    )


def followed(target: str, distractor: str, mode: Mode, contrast: str, bos: bool, reference: Cache | None) -> Sources:
    """What the one edit of a measurement draws from; raises InterpvizError where target or contrast is missing."""
    check_target(target, distractor, needed=True)
    check_contrast(mode, contrast)
    return sources(contrast, bos, (), reference)


def check_target(target: str, distractor: str, *, needed: bool = False) -> None:
    """Raise InterpvizError for a distractor without a target, and where one is needed for none."""
    if distractor and not target:
        raise InterpvizError("There is a distractor but no target. Give the target too.")
    if needed and not target:
        raise InterpvizError("There is no target. Give the token whose logit is followed, such as ' Mary'.")


def check_contrast(mode: Mode, contrast: str) -> None:
    """Raise InterpvizError for patch without the prompt that it draws from."""
    if mode == "patch" and not contrast:
        raise InterpvizError("There is no contrast prompt to patch from. Give one of as many tokens as the prompt.")


def check_sampling(count: int, temperature: float) -> None:
    """Raise InterpvizError for a number of tokens below 1, and for what is no temperature."""
    if count < 1:
        raise InterpvizError(f"{count} tokens are no continuation. Choose 1 or more.")
    if not 0.0 <= temperature < math.inf:
        raise InterpvizError(f"{temperature:g} is no temperature. Choose 0 (greedy) or more.")


def mode_of(mode: Mode | None, contrast: str) -> Mode:
    """How parts are cut where nothing is said: by patch where there is a contrast prompt, else by zero."""
    return mode or ("patch" if contrast else "zero")


def check_sweep(kind: SweepKind, mode: Mode, contrast: str, layer: int | None, dictionary: Dictionary | None) -> None:
    """Raise InterpvizError for a kind or mode that there is not, and for one that lacks what it needs."""
    if kind not in get_args(SweepKind):
        raise InterpvizError(f"'{kind}' is no kind of part. Sweep head, mlp, neuron or feature.")
    if mode not in SWEPT_BY:
        raise InterpvizError(f"'{mode}' cuts nothing in a sweep. Use {', '.join(SWEPT_BY[:-1])} or {SWEPT_BY[-1]}.")
    check_contrast(mode, contrast)
    if kind == "neuron" and layer is None:
        raise InterpvizError("Neurons are swept one layer at a time. Give the layer.")
    if kind == "feature" and dictionary is None:
        raise InterpvizError("Features are those of a dictionary. Give its folder.")
    if kind == "feature" and layer is not None:
        raise InterpvizError("A dictionary says itself which layer it reads. Leave the layer out.")
    if kind != "feature" and dictionary is not None:
        raise InterpvizError("Of a dictionary only features are swept. Sweep the kind feature, or leave it out.")


def _check_features(edit: Intervention, given: dict[str, DictionaryFacts]) -> None:
    named = [edit.site] if edit.site.kind == "feature" else []
    named += [Site.parse(edit.direction)] if _names_a_feature(edit.direction) else []
    for site in named:
        if site.dictionary not in given:
            raise InterpvizError(f"{site} is of a dictionary {site.dictionary}, which was not given. Give its folder.")
        given[site.dictionary].check(site)


def _names_a_feature(direction: str) -> bool:
    return direction.rpartition("/")[2].isdigit()


def _check_file(direction: str) -> None:
    from interpviz.data.directions import read_direction

    read_direction(direction)
