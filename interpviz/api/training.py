"""Dictionaries from Python: trained on a recorded cache."""

from __future__ import annotations

from pathlib import Path

from interpviz.api.files import Cache
from interpviz.core.feature_requests import Train
from interpviz.core.features import DictionaryFacts, DictionaryKind
from interpviz.core.report import Report, silent


def train(
    cache: Cache | str | Path,
    site: str,
    *,
    width: int,
    out: str | Path,
    kind: DictionaryKind = "topk",
    to: str = "",
    skip: bool = False,
    k: int | None = None,
    sparsity: float | None = None,
    rows: int | None = None,
    batch: int = 2048,
    rate: float | None = None,
    seed: int = 0,
    launch: int = 1,
    keep: bool = False,
    report: Report = silent,
) -> DictionaryFacts:
    """Train a dictionary of `width` features on what a cache holds of `site`, and write it as the folder `out`.

    With `to` it is a transcoder from the one site to the other, with `skip` one with a linear path beside its features.
    `k` features a row are active for topk, batchtopk (on average) and matryoshka, 32 where none is said; for relu,
    jumprelu and gated `sparsity` is the coefficient of the sparsity loss, the kind's own where none is said. `rows` are
    how many are seen in all: the cache once, but at least 2 million, where none is said. `rate` is Adam's, one that
    fits the width where none is said. `launch` processes share each batch. The same call goes on where one was
    interrupted, and ends with the same weights; with `keep` it writes what was learnt until then instead. `report` gets
    TrainingPoint as partial answers. The folder opens in SAELens.
    """
    from interpviz.engine.training.plan import planned

    source = cache.facts.source if isinstance(cache, Cache) else str(cache)
    job = Train(source, site, width, kind, str(out), to, skip, k, sparsity, rows, batch, rate, seed, launch, keep)
    planned(job)  # what is wrong with it is said before torch takes its seconds to load
    from interpviz.engine.training.train import train as run

    return run(job, report=report)
