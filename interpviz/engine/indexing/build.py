"""A feature index, built from a dictionary and a cache in one pass over the cache's rows."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.document import RAW
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import Index
from interpviz.core.features import IndexFacts
from interpviz.core.report import Report, share, silent
from interpviz.core.results import F4, I4, CacheTokens
from interpviz.data.activations import Cache
from interpviz.data.feature_index import FeatureIndex
from interpviz.data.feature_index_file import NONE, About
from interpviz.data.feature_index_writer import FeatureIndexWriter, check_room
from interpviz.data.gathered import LARGEST
from interpviz.engine.dictionaries import SAE
from interpviz.engine.indexing import related
from interpviz.engine.indexing.active import active
from interpviz.engine.indexing.figures import Figures, figures
from interpviz.engine.indexing.labelling import Arrays, Labels, Share, packed
from interpviz.engine.indexing.logits import promoted
from interpviz.engine.indexing.so_far import SoFar
from interpviz.engine.indexing.spool import Spool
from interpviz.engine.indexing.stripes import Bucket, Stripes
from interpviz.engine.lens import Model
from interpviz.engine.shard_maker import read_dictionary
from interpviz.engine.tokens import text_of

MOST_ROWS = 2**31
ENTRY_BYTES = 12
SMALLEST = np.float16(2**-24)


def index(model: Model, asked: Index, report: Report = silent) -> IndexFacts:
    """Look every feature up in the cache and write the index, whole or not at all.

    Rows at position 0, BOS, count nowhere. The cache's tokens are held in memory, 12 bytes a row; what features are
    active where waits on the disk. Raises InterpvizError where dictionary, cache and model are not of each other, where
    the cache lacks what the dictionary reads, and where the place cannot be written.
    """
    sae, cache = read_dictionary(model, asked.dictionary), Cache.open(asked.cache)
    _check(model, cache)
    out = Path(os.path.abspath(os.path.expanduser(asked.out))) if asked.out else Path(sae.facts.index_place)
    tokens = cache.tokens()
    if not (tokens.position > 0).any():
        raise InterpvizError(f"{cache.facts.name} holds nothing beyond position 0. Record longer contexts.")
    with FeatureIndexWriter(out) as writer, Spool(out.parent) as spool:
        _Build(model, sae, cache, tokens, writer, spool).run(report)
    return FeatureIndex.open(out).facts


class _Build:
    """One index at work."""

    def __init__(
        self, model: Model, sae: SAE, cache: Cache, tokens: CacheTokens, writer: FeatureIndexWriter, spool: Spool
    ) -> None:
        self._model, self._sae, self._cache, self._tokens = model, sae, cache, tokens
        self._writer, self._spool = writer, spool
        self._stripes = Stripes(sae.facts.features, spool)

    def run(self, report: Report) -> None:
        """Write all of it."""
        raised = self._promoted(share(report, 0.0, 0.1))
        self._pass(share(report, 0.1, 0.5))
        check_room(self._writer.path, ENTRY_BYTES * self._stripes.entries)
        labels = Labels(self._tokens, raised, self._spool)
        self._entries(labels, share(report, 0.5, 0.8))
        self._put(labels.datasets())
        judged = labels.share(share(report, 0.8, 1.0))
        compared = self._related(share(report, 0.8, 1.0))
        report(1.0, "Writing the index")
        self._writer.finish(self._about(judged, compared))

    def _pass(self, report: Report) -> None:
        """Find where features are active, row by row; now and then tell what is known so far."""
        so_far = SoFar(self._sae.facts.features, self._tokens)
        for found in active(self._cache, self._sae, self._tokens.position, report):
            self._stripes.add(found)
            so_far.tell(found, report)
        self._stripes.flush()

    def _promoted(self, report: Report) -> I4:
        """Write the tokens and what features do to their logits; returns the ids that each raises most."""
        up, up_by, down, down_by = (part.cpu().numpy() for part in promoted(self._model, self._sae, report))
        self._put({"promoted/id": up, "promoted/value": up_by, "suppressed/id": down, "suppressed/value": down_by})
        tokens = self._tokens
        self._put({"tokens/row": np.column_stack([tokens.id, tokens.document, tokens.position])})
        said = np.unique(np.concatenate([np.unique(tokens.id), up.reshape(-1), down.reshape(-1)]))
        ids = said[said != NONE]
        known = tokens.texts
        texts = [known[i] if i in known else text_of(self._model.tokenizer, i) for i in ids.tolist()]
        self._put({"vocabulary/id": ids, **packed("vocabulary/text", texts, "vocabulary/ptr")})
        found: I4 = up
        return found

    def _entries(self, labels: Labels, report: Report) -> None:
        """Write where each feature is active, with its figures, and label it."""
        total, scale = self._stripes.entries, fitting_scale(self._stripes.largest)
        features = self._sae.facts.features
        self._put({"entries/ptr": np.concatenate([[0], np.cumsum(self._stripes.counts)])})
        if not total:
            self._part({name: np.zeros(0) for name in _ENTRIES}, 0, scale)
        for bucket in self._stripes.buckets():
            ranked, done = bucket.ranked(), (bucket.first / features, (bucket.first + len(bucket.ptr) - 1) / features)
            report(done[0], f"Figures of feature {bucket.first:,}")
            if total:
                values = {"entries/value": half(ranked.values, scale), "by_row/value": half(bucket.values, scale)}
                self._part({"entries/row": ranked.rows, "by_row/row": bucket.rows, **values}, total, scale)
            self._figures(ranked, figures(ranked))
            labels.add(ranked, share(report, *done))

    def _figures(self, ranked: Bucket, found: Figures) -> None:
        top = np.full(len(found.maximum), NONE, np.int32)
        live = np.flatnonzero(np.diff(ranked.ptr))
        top[live] = self._tokens.id[ranked.rows[ranked.ptr[:-1][live]]]
        parts = {f"features/{name}": values for name, values in found._asdict().items()} | {"features/top_id": top}
        self._part(parts, self._sae.facts.features)

    def _related(self, report: Report) -> int:
        """Write which features are alike; returns at how many rows it was counted which are active together."""
        near, cosine = related.neighbours(self._sae.decoder, share(report, 0.0, 0.3))
        with_, jaccard, compared = related.together(self._stripes, len(self._tokens.id), share(report, 0.3, 1.0))
        self._put({"neighbours/feature": near, "neighbours/value": cosine})
        self._put({"together/feature": with_, "together/value": jaccard})
        return compared

    def _about(self, judged: Share, compared: int) -> About:
        dictionary, model, cache = self._sae.facts, self._model.facts, self._cache.facts
        return About(
            dictionary=dictionary.name,
            dictionary_sha256=dictionary.sha256,
            hook=dictionary.hook,
            model=model.name,
            model_sha256=model.sha256,
            cache=cache.name,
            cache_sha256=cache.sha256,
            features=dictionary.features,
            tokens=cache.tokens,
            counted=int((self._tokens.position > 0).sum()),
            compared=compared,
            **judged._asdict(),
        )

    def _put(self, arrays: Arrays) -> None:
        for name, array in arrays.items():
            self._writer.put(name, array)

    def _part(self, arrays: dict[str, NDArray[Any]], total: int, scale: float = 1.0) -> None:
        """Write some rows of datasets of `total`; `scale` is that of their float16 numbers."""
        for name, array in arrays.items():
            self._writer.put(name, array, total, scale if array.dtype == np.float16 else 1.0)


_ENTRIES = ("entries/row", "entries/value", "by_row/row", "by_row/value")


def fitting_scale(largest: float) -> float:
    """The power of two by which to divide so that the largest value fills what float16 can hold."""
    return 2.0 ** max(-126, math.ceil(math.log2(largest / LARGEST))) if largest else 1.0


def half(values: F4, scale: float) -> NDArray[np.float16]:
    """Values divided by their scale, as float16; what is active stays so, however little."""
    stored = (values / np.float32(scale)).astype("<f2")
    return np.where(stored == 0, np.copysign(SMALLEST, values).astype("<f2"), stored)


def _check(model: Model, cache: Cache) -> None:
    """Raise InterpvizError unless the cache is of this model, as it runs here."""
    facts = cache.facts
    if facts.model_sha256 != model.facts.sha256 or facts.numerics != RAW:
        how = ", with its weights folded" if facts.numerics != RAW else ""
        raise InterpvizError(
            f"{facts.name} was recorded from {facts.model}{how}, which is not the {model.facts.name} that is open. "
            f"Record a cache from {model.facts.name}."
        )
    if facts.tokens >= MOST_ROWS:
        raise InterpvizError(f"{facts.name} has {facts.tokens:,} rows, more than an index can hold. Record fewer.")
