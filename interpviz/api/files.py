"""Files from Python: caches, checks, recording, and models by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interpviz.api.asking import ask, engine
from interpviz.core.document import CacheFacts
from interpviz.core.jobs import Foreign, Import, LookInto, OpenModel, Record, StoredAs
from interpviz.core.report import Report, share, silent
from interpviz.core.results import F4, CacheContext, CacheTokens, TokenCodes

if TYPE_CHECKING:  # the window starts through here, and needs no file formats before its first paint
    from interpviz.api.model import Model
    from interpviz.data.activations import Cache as StoredCache
    from interpviz.data.activations import Rows
    from interpviz.data.check import Check
    from interpviz.data.models import Entry
    from interpviz.data.moments import Places
    from interpviz.data.shuffled import Block


class Cache:
    """A recorded cache. Make one with `open` or `record`."""

    def __init__(self, stored: StoredCache) -> None:
        self._stored = stored

    def __repr__(self) -> str:
        return f"Cache({self.facts.name!r}, {self.facts.tokens} tokens, {', '.join(self.facts.sites)})"

    @property
    def facts(self) -> CacheFacts:
        """What was recorded, from which model."""
        return self._stored.facts

    @property
    def tokens(self) -> CacheTokens:
        """Every token with its document and position."""
        return self._stored.tokens()

    def rows(self, site: str, rows: Rows) -> F4:
        """The activations of a site at these rows, or at a slice of them, which is faster.

        (n, d); (n, head, d_head) for `L1H`, (n, d_head) for `L1H4`.
        """
        return self._stored.rows(site, rows)

    def column(self, site: str, dimension: int) -> F4:
        """One dimension of a site's activation vector at every row: (n,)."""
        return self._stored.column(site, dimension)

    def mean(self, site: str) -> Places:
        """The mean of a site over all rows, (d...): `first` at position 0, `rest` at all others."""
        return self._stored.mean(site)

    def variance(self, site: str) -> Places:
        """The mean squared distance of a site from its mean, (d...): `first` at position 0, `rest` at all others."""
        return self._stored.variance(site)

    def context(self, row: int) -> CacheContext:
        """The tokens of the context that a row lies in."""
        return self._stored.context(row)

    def codes(self, dictionary: str, rows: Rows) -> TokenCodes:
        """The features of a dictionary that were strongest at these rows: `index` and `value`, each (n, k)."""
        return self._stored.codes(dictionary, rows)

    def shuffled(self, sites: str | Sequence[str], rows_a_block: int, seed: int) -> Iterator[Block]:
        """Every row once, mixed: blocks of `rows` (n,) and of `values` (n, d) by site. Another seed, another order."""
        return self._stored.shuffled(sites, rows_a_block, seed)


def load(source: str, report: Report = silent) -> Model:
    """Open the model that a bundled or fetched name, a Hugging Face folder or a `.gguf` file means."""
    from interpviz.api.model import Model
    from interpviz.data.models import resolve

    resolve(source)  # what is wrong with the files is said before torch takes its seconds to load
    return Model(ask(OpenModel(source), report))


def open(path: str | Path) -> Cache:
    """Open recorded activations: a `.acts` folder or one shard of it."""
    from interpviz.data.activations import Cache as StoredCache

    return Cache(StoredCache.open(path))


def kind_of(path: str) -> str:
    """What a path or a model's name is: "model", "cache", "dictionary", "index", "session", or "foreign" activations.

    Raises InterpvizError for all else.
    """
    from interpviz.data.contents import kind_of as look

    return look(Path(path))


def check(path: str, report: Report = silent, *, repair: bool = False) -> Check:
    """Whether a cache, dictionary, index, session or model is whole, what is wrong with it, and what it says of itself.

    `repair` makes a damaged cache folder readable: its manifest then names the shards that are whole, and only those.
    What it did stands in `facts["repaired"]`; the command that recorded the cache makes the rest again.
    """
    from interpviz.data import check as checks

    return checks.repaired(path, report) if repair else checks.check(path, report)


def record(
    model: Model,
    text: Iterable[str | Path],
    *,
    sites: Iterable[str] = (),
    out: str | Path,
    tokens: int | None = None,
    context: int = 128,
    dtype: StoredAs = "float16",
    dictionaries: Iterable[str | Path] = (),
    k: int = 64,
    workers: int | None = None,
    cluster: str = "",
    report: Report = silent,
) -> Cache:
    """Run the model over texts and keep its activations at these sites in the folder `out`.

    Texts are plain, JSONL or Parquet, as they are or packed by gzip, xz or zstd. `context` tokens a run, BOS included;
    it stops after `tokens`, else at the end of the texts. Of `dictionaries` (their folders) the `k` strongest
    features a token are kept. `workers` processes, each with a model of its own and one thread, share the work, as
    many as the machine has room for where none is said; with `cluster` "ray" or "ray=ADDRESS" Ray runs them. The same
    call resumes what was interrupted.
    """
    from interpviz.engine.record import record as record_activations

    loaded = engine().loaded(model.facts, report).model
    asked = Record(
        model=model.facts.source,
        texts=tuple(map(str, text)),
        sites=tuple(sites),
        out=str(out),
        tokens=tokens,
        context=context,
        dtype=dtype,
        dictionaries=tuple(map(str, dictionaries)),
        k=k,
        workers=workers,
        cluster=cluster,
    )
    return open(record_activations(loaded, asked, report).source)


def look_into(path: str | Path, report: Report = silent) -> Foreign:
    """What activations of another program hold, and which names are proposed for them."""
    found: Foreign = ask(LookInto(str(path)), report)
    return found


def import_(
    path: str | Path,
    out: str | Path,
    mapping: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    report: Report = silent,
) -> Cache:
    """Turn activations of another program into the cache folder `out`.

    `mapping` says which array becomes which activation (`{"layer_3/targets": "L3M", "ids": "tokens"}`); without one it
    is what `look_into` proposes. The same call resumes what was interrupted.
    """
    from interpviz.data.foreign import importing

    pairs = tuple(mapping.items() if isinstance(mapping, Mapping) else mapping)
    return open(importing.run(Import(str(path), str(out), pairs), report).source)


def models() -> tuple[Entry, ...]:
    """Every model that has a name, and whether its files are here."""
    from interpviz.data.models import registry

    return registry()


def fetch(name: str, report: Report = silent) -> Path:
    """Fetch a model by name, convert it once, and return its folder. The only call that uses the network."""
    from interpviz.data.fetch import fetch as fetch_file
    from interpviz.data.fetch import fetched_folder

    folder = fetched_folder(name)
    if not folder.exists():
        gguf = fetch_file(name, share(report, 0.0, 0.6))
        from interpviz.engine.convert import convert_gguf

        convert_gguf(gguf, folder, share(report, 0.6, 1.0))
    return folder
