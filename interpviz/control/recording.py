"""What the forms of recording and of importing decide: what is wrong with them, what they come to. No widgets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    place = Path(os.path.expanduser(out))
    if not out:
        return "Choose where to write the cache."
    if not place.is_absolute():
        return "Write the whole path of the cache, from the root on, or choose a place."
    try:
        if place.is_file():
            return f"{place.name} is a file. Choose a name that is free."
        if place.is_dir() and not goes_on(out) and any(not one.name.startswith(".") for one in place.iterdir()):
            return f"{place.name} is a folder of other things. Choose a name that is free."
        if not os.access(_nearest(place), os.W_OK):
            return f"Nothing may be written into {_nearest(place)}. Choose another folder."
    except OSError as error:
        return f"{place} cannot be reached ({error.strerror}). Choose another place."
    return ""


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


def amount(size: int) -> str:
    """Bytes as a person reads them: `75 GB`, `1.2 MB`."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 9.95 or unit == "bytes" else f"{value:.1f} {unit}"


def sizes_of(texts: Iterable[str]) -> dict[str, int]:
    """Bytes of each that is there as a file; the files are not opened."""
    return {one: os.stat(one).st_size for one in texts if os.path.isfile(one)}


def free_at(out: str) -> int | None:
    """Free bytes of the disk that this place is on; None where nobody can say."""
    try:
        return shutil.disk_usage(_nearest(Path(os.path.expanduser(out)))).free if out else None
    except OSError:
        return None


def proposed_place(name: str, beside: str, documents: str) -> str:
    """Where to write a cache of this name: beside the file or folder it is made of, else among the documents."""
    folder = os.path.dirname(beside) if beside else documents
    return os.path.join(folder if os.access(folder, os.W_OK) else documents, f"{_plain(name)}{SUFFIX}")


def proposed_name(model: ModelFacts, texts: Sequence[str]) -> str:
    """A name of a cache, from its model and the first of its texts."""
    text = os.path.basename(texts[0]).split(".")[0] if texts else ""
    return f"{model.name}-{text}" if text else model.name


def _plain(name: str) -> str:
    """The name without what file systems refuse."""
    return "".join("-" if letter in '<>:"/\\|?* ' or not letter.isprintable() else letter for letter in name)


def _nearest(place: Path) -> Path:
    """The folder of this path that exists."""
    return next((one for one in (place, *place.parents) if one.is_dir()), place)


def _width(site: Site, model: ModelFacts) -> int:
    """Numbers a token; all heads together are about as wide as the residual stream."""
    if site.kind == "neuron":
        return model.d_mlp
    return model.d_model * model.kv_heads // model.heads if site.kind in ("key", "value") else model.d_model
