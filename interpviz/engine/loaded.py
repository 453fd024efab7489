"""A model with what is remembered about it: its last clean runs and its mean activations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from interpviz.core.paths import resource
from interpviz.core.report import Report, silent
from interpviz.data.activations import Cache
from interpviz.engine import lens
from interpviz.engine.clean import CleanRuns
from interpviz.engine.lens import Model
from interpviz.engine.reference import CacheMeans, TextMeans


@dataclass
class Loaded:
    """A model and its memory, all of the model lane's thread."""

    model: Model
    clean: CleanRuns
    _text: TextMeans | None = None
    _caches: dict[str, CacheMeans] = field(default_factory=dict)

    @classmethod
    def open(cls, source: str, report: Report = silent, sha256: str = "") -> Loaded:
        """Load the model that the source names."""
        model = lens.load(source, report, sha256)
        return cls(model, CleanRuns(model))

    def means(self, hooks: Collection[str], cache: Cache | None, report: Report = silent) -> CacheMeans | TextMeans:
        """What mean ablation of these hooks draws from: the cache if it is of this model and has all, else the text.

        Each mean is computed once and remembered.
        """
        if cache is not None and self._fits(cache) and set(hooks) <= set(cache.facts.sites):
            known = self._caches.get(cache.facts.sha256) or CacheMeans(cache)
            self._caches = {cache.facts.sha256: known}  # the last one alone: each holds its cache open
            return known
        if self._text is None:
            self._text = TextMeans(self.model, resource("demo/reference.txt"), report)
        return self._text

    def _fits(self, cache: Cache) -> bool:
        facts = cache.facts
        return facts.model_sha256 == self.model.facts.sha256 and facts.numerics == "huggingface"
