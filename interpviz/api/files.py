"""Files from Python: caches, checks, recording, and models by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interpviz.api.asking import ask, engine, share
from interpviz.core.document import CacheFacts
from interpviz.core.jobs import OpenModel
from interpviz.core.report import Report, silent
from interpviz.core.results import F4, CacheTokens
from interpviz.core.sites import Site

if TYPE_CHECKING:  # the window starts through here, and needs no file formats before its first paint
    from interpviz.api.model import Model
    from interpviz.data.activations import Cache as StoredCache
    from interpviz.data.check import Check
    from interpviz.data.models import Entry


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

    def rows(self, site: str, rows: Sequence[int] | NDArray[np.integer[Any]]) -> F4:
        """The activations of a site at these rows: (n, d); (n, head, d_head) for `L1H`, (n, d_head) for `L1H4`."""
        return self._stored.rows(site, rows)


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
    """What a path or a model's name is: "model", "cache", "dictionary" or "session"; InterpvizError for all else."""
    from interpviz.data.contents import kind_of as look

    return look(Path(path))


def check(path: str, report: Report = silent) -> Check:
    """Whether a cache, dictionary, session or model is whole, what is wrong with it, and what it says of itself."""
    from interpviz.data.check import check as look

    return look(path, report)


def record(
    model: Model,
    text: Iterable[str | Path],
    *,
    sites: Iterable[str],
    out: str | Path,
    tokens: int | None = None,
    context: int = 128,
    report: Report = silent,
) -> Cache:
    """Run the model over text files and keep its activations at these sites in the folder `out`.

    `context` tokens a run, BOS included; it stops after `tokens`, else at the end of the text. The same call resumes
    what was interrupted.
    """
    from interpviz.engine.record import record as record_activations

    loaded = engine().loaded(model.facts, report).model
    files = [Path(name) for name in text]
    facts = record_activations(loaded, files, [Site.parse(site) for site in sites], Path(out), tokens, context, report)
    return open(facts.source)


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
