"""The one function behind the window, the command line and scripts: a request in, its answer out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from interpviz.core import jobs
from interpviz.core.document import CacheFacts, ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.features import IndexFacts
from interpviz.core.report import Report, silent
from interpviz.core.requests import Request
from interpviz.engine.memory import exhausted

if TYPE_CHECKING:
    from interpviz.data.activations import Cache
    from interpviz.data.feature_index import FeatureIndex
    from interpviz.engine.devices import Device
    from interpviz.engine.loaded import Loaded

_MODELS, _CACHES, _INDICES = 2, 4, 4


class Engine:
    """Answers requests, and keeps the last models, caches and indices open for them. Models run on `device`.

    Requests of the model lane come from one thread at a time; all others may come from any. Importing this module
    is cheap: torch is imported by the first request that needs a model.
    """

    def __init__(self, device: Device = "auto") -> None:
        self.device: Device = device
        self._models: dict[str, Loaded] = {}
        self._caches: dict[str, Cache] = {}
        self._indices: dict[str, FeatureIndex] = {}
        self._lock = threading.Lock()

    def compute(self, request: Request, report: Report = silent) -> Any:
        """The answer that the request's type names: numpy and frozen values only.

        Raises InterpvizError with a sentence for the user, and Cancelled once `report` does.
        """
        try:
            return _answers(request)[type(request)](self, request, report)
        except (MemoryError, RuntimeError) as problem:
            if not exhausted(problem):
                raise
            raise _out_of_memory(request) from problem

    def open_model(self, source: str, report: Report = silent) -> Loaded:
        """Load what the source names, or find it loaded and unchanged."""
        from interpviz.data.models import model_sha256, resolve
        from interpviz.engine.loaded import Loaded

        sha256 = model_sha256(resolve(source).path)
        if sha256 not in self._models:
            self._models[sha256] = Loaded.open(source, report, sha256, self.device)
        return self._kept_model(sha256)

    def loaded(self, facts: ModelFacts, report: Report = silent) -> Loaded:
        """The model of these facts, opened again if it was put away; raises InterpvizError if it has changed."""
        known = facts.sha256 in self._models
        loaded = self._kept_model(facts.sha256) if known else self.open_model(facts.source, report)
        # All of them: a session may name the right weights and a shape that they have not.
        if replace(loaded.model.facts, name=facts.name, source=facts.source) != facts:
            raise InterpvizError(f"{facts.name} has changed on disk since it was opened. Open it again.")
        return loaded

    def cache(self, facts: CacheFacts) -> Cache:
        """The cache of these facts; raises InterpvizError if it has changed."""
        with self._lock:
            known = self._caches.get(facts.sha256)
        if known is not None:
            return known
        cache = self.open_cache(facts.source)
        if cache.facts.sha256 != facts.sha256:
            raise InterpvizError(f"{facts.name} has changed on disk since it was opened. Open it again.")
        return cache

    def open_cache(self, source: str) -> Cache:
        """Look into the cache at this path."""
        from interpviz.data.activations import Cache

        cache = Cache.open(source)
        with self._lock:
            self._caches[cache.facts.sha256] = cache
            while len(self._caches) > _CACHES:
                del self._caches[next(iter(self._caches))]
        return cache

    def index(self, facts: IndexFacts) -> FeatureIndex:
        """The feature index of these facts; raises InterpvizError if it has changed."""
        with self._lock:
            known = self._indices.get(facts.sha256)
        if known is not None:
            return known
        index = self.open_index(facts.source)
        if index.facts.sha256 != facts.sha256:
            raise InterpvizError(f"{facts.name} has changed on disk since it was opened. Open it again.")
        return index

    def open_index(self, source: str) -> FeatureIndex:
        """Look into the feature index at this path."""
        from interpviz.data.feature_index import FeatureIndex

        index = FeatureIndex.open(source)
        with self._lock:
            self._indices[index.facts.sha256] = index
            while len(self._indices) > _INDICES:
                del self._indices[next(iter(self._indices))]
        return index

    def _kept_model(self, sha256: str) -> Loaded:
        """Make it the last used; put away those that were not used for longest."""
        self._models[sha256] = self._models.pop(sha256)
        while len(self._models) > _MODELS:
            del self._models[next(iter(self._models))]
        return self._models[sha256]


Answer = Callable[[Engine, Any, Report], Any]


def _answers(request: Request) -> dict[type, Answer]:
    if request.lane == "model":
        from interpviz.engine.model_answers import ANSWERS
    else:
        from interpviz.engine.file_answers import ANSWERS
    return ANSWERS


def _out_of_memory(request: Request) -> InterpvizError:
    if isinstance(request, jobs.OpenModel):
        return InterpvizError(f"There is not enough memory for {request.source}. Close other programs or models.")
    return InterpvizError("There is not enough memory for this. Shorten the prompt, or close other programs.")
