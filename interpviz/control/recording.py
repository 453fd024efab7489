"""What the forms of recording and of importing decide: what is wrong with them, what they come to. No widgets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from interpviz.control import places
from interpviz.control.places import amount
from interpviz.core.document import ModelFacts
from interpviz.core.errors import InterpvizError, UnknownSite
from interpviz.core.features import DictionaryFacts
from interpviz.core.jobs import Record, StoredAs
from interpviz.core.sites import Site

SUFFIX, MANIFEST = ".acts", "manifest.jsonl"
COMPRESSED = (".gz", ".xz", ".zst", ".parquet")
TOKEN_BYTES = 12  # id, document and position
CODE_BYTES = 6  # number of the feature and its value
LETTERS_A_TOKEN = 4
SPARE_BYTES = 512 * 2**20
_PARTS = {"edge": "one number of a pattern", "feature": "a feature of a dictionary: tick the dictionary instead"}


@dataclass(frozen=True)
class Form:
    """What the user has filled in. `sites` as typed; `dictionaries` names of those ticked; `tokens` None for all."""

    texts: tuple[str, ...] = ()
    sites: str = ""
    dictionaries: tuple[str, ...] = ()
    k: int = 64
    tokens: int | None = None
    context: int = 128
    dtype: StoredAs = "float16"
    workers: int = 1
    out: str = ""


@dataclass(frozen=True)
class Estimate:
    """What a cache will take: a sentence, and whether the disk has room for it."""

    sentence: str
    fits: bool


def whole_sites(model: ModelFacts) -> tuple[str, ...]:
    """What can be typed as a site of this model, but for single neurons: each a whole activation."""
    kinds = ("R", "A", "M", "H") if model.d_mlp else ("R", "A", "H")
    return ("E", "L0R-", *(f"L{layer}{kind}" for layer in range(model.layers) for kind in kinds))


def of_kind(model: ModelFacts, letter: str) -> tuple[str, ...]:
    """The sites of one letter, layer by layer; of `R` also what enters the first."""
    return (*(("L0R-",) if letter == "R" else ()), *(one for one in whole_sites(model) if one.endswith(letter)))


def sites(text: str, model: ModelFacts) -> tuple[Site, ...]:
    """What a line of sites means, each activation once; raises InterpvizError for what the model has not."""
    found: dict[str, Site] = {}
    for word in text.replace(",", " ").split():
        try:
            site = Site.parse(word)
        except UnknownSite as error:  # whose list of all parts of a model would not stand in a line
            raise InterpvizError(
                f"'{word}' names no activation. Write L1R, L1A, L1M, L1H, E or a hook name."
            ) from error
        if site.kind in _PARTS:
            raise InterpvizError(f"{word} is {_PARTS[site.kind]}. Name a whole activation, such as L0R.")
        model.check(site)
        found.setdefault(site.hook, site)
    return tuple(found.values())


def sites_problem(text: str, model: ModelFacts) -> str:
    """What is wrong with a line of sites; empty where nothing is, or nothing is typed."""
    try:
        sites(text, model)
    except InterpvizError as error:
        return str(error)
    return ""


def problem(form: Form, model: ModelFacts, dictionaries: Sequence[DictionaryFacts], sizes: Mapping[str, int]) -> str:
    """What keeps the form from being a job; empty where nothing does. `sizes` are of the texts that are there."""
    if not form.texts:
        return "Add the texts to run the model over."
    if gone := next((one for one in form.texts if one not in sizes), ""):
        return f"{Path(gone).name} cannot be read as a file. Remove it from the list, or put it back."
    if wrong := sites_problem(form.sites, model):
        return wrong
    if not sites(form.sites, model) and not form.dictionaries:
        return "Name a site to record, such as L0R, or tick a dictionary."
    narrow = [one for one in dictionaries if one.name in form.dictionaries and one.features < form.k]
    if narrow:
        return f"{narrow[0].name} has {narrow[0].features:,} features. Keep at most so many."
    return place_problem(form.out)


def place_problem(out: str) -> str:
    """Why no cache can be written there; empty where one can, or one is there that the same job would go on with."""
    return places.problem(out, "cache", goes_on(out))


def goes_on(out: str) -> bool:
    """Whether a cache is there already."""
    return bool(out) and os.path.isfile(os.path.join(os.path.expanduser(out), MANIFEST))


def job(form: Form, model: ModelFacts, dictionaries: Iterable[DictionaryFacts]) -> Record:
    """The job of a form in which nothing is wrong."""
    return Record(
        model=model.source,
        texts=form.texts,
        sites=tuple(str(site) for site in sites(form.sites, model)),
        out=os.path.expanduser(form.out),
        tokens=form.tokens,
        context=form.context,
        dtype=form.dtype,
        dictionaries=tuple(one.source for one in dictionaries if one.name in form.dictionaries),
        k=form.k,
        workers=form.workers,
    )


def row_bytes(form: Form, model: ModelFacts) -> int:
    """Bytes on the disk of one token; raises InterpvizError for sites that the model has not."""
    wide = sum(_width(site, model) for site in sites(form.sites, model))
    return 2 * wide + CODE_BYTES * form.k * len(form.dictionaries) + TOKEN_BYTES


def estimate(form: Form, model: ModelFacts, sizes: Mapping[str, int], free: int | None) -> Estimate | None:
    """How much the cache will take beside the `free` bytes of the disk; None while the form does not say.

    Without a number of tokens one is taken for every four bytes of text: of compressed text that is too few.
    """
    try:
        a_row = row_bytes(form, model)
    except InterpvizError:
        return None
    if a_row == TOKEN_BYTES or not (form.tokens or sizes):
        return None
    tokens = form.tokens or sum(sizes.values()) // LETTERS_A_TOKEN
    packed = form.tokens is None and any(one.casefold().endswith(COMPRESSED) for one in sizes)
    lead = f"{'at least' if packed else 'about'} {amount(tokens * a_row)} at {a_row:,} bytes a token"
    return _beside(lead, tokens * a_row, free)


def room(taken: int, free: int | None) -> Estimate:
    """What so many bytes are beside those that are free."""
    return _beside(f"about {amount(taken)}", taken, free)


def _beside(lead: str, taken: int, free: int | None) -> Estimate:
    if free is None:
        return Estimate(lead, True)
    wanted = taken * 12 // 10 + SPARE_BYTES
    short = "" if wanted <= free else f", too little: {amount(wanted)} are wanted"
    return Estimate(f"{lead}; {amount(free)} free{short}", wanted <= free)


def sizes_of(texts: Iterable[str]) -> dict[str, int]:
    """Bytes of each that is there as a file; the files are not opened."""
    return {one: os.stat(one).st_size for one in texts if os.path.isfile(one)}


def proposed_place(name: str, beside: str, documents: str) -> str:
    """Where to write a cache of this name."""
    return places.proposed(f"{name}{SUFFIX}", beside, documents)


def proposed_name(model: ModelFacts, texts: Sequence[str]) -> str:
    """A name of a cache, from its model and the first of its texts."""
    text = os.path.basename(texts[0]).split(".")[0] if texts else ""
    return f"{model.name}-{text}" if text else model.name


def _width(site: Site, model: ModelFacts) -> int:
    """Numbers a token; all heads together are about as wide as the residual stream."""
    if site.kind == "neuron":
        return model.d_mlp
    return model.d_model * model.kv_heads // model.heads if site.kind in ("key", "value") else model.d_model
