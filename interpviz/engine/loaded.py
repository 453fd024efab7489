"""A model with what is remembered about it: its last clean runs, and what edits draw from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from interpviz.core.document import RAW, Prompt, Sources
from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.paths import resource
from interpviz.core.report import Report, silent
from interpviz.data import dictionaries
from interpviz.data.activations import Cache
from interpviz.engine import lens
from interpviz.engine.aside import standing_aside
from interpviz.engine.clean import CleanRuns
from interpviz.engine.devices import Device
from interpviz.engine.dictionaries import SAE
from interpviz.engine.lens import Model
from interpviz.engine.reference import AnyReference, CacheReference, TextReference
from interpviz.engine.supplies import Supplies

_DICTIONARIES = 4


@dataclass
class Loaded:
    """A model and its memory, all of the model lane's thread."""

    model: Model
    clean: CleanRuns
    _text: TextReference | None = None
    _caches: dict[str, CacheReference] = field(default_factory=dict)
    _dictionaries: dict[DictionaryFacts, SAE] = field(default_factory=dict)

    @classmethod
    def open(cls, source: str, report: Report = silent, sha256: str = "", device: Device = "auto") -> Loaded:
        """Load the model that the source names."""
        model = lens.load(source, report, sha256, device)
        return cls(model, CleanRuns(model))

    @property
    def reference_text(self) -> Path:
        """The bundled text, for what is drawn or measured where no other text is given."""
        return resource("demo/reference.txt")

    def supplies(self, sources: Sources, prompt: Prompt, cache: Cache | None, report: Report = silent) -> Supplies:
        """What the edits of a prompt draw from; `cache` is the one that the sources name."""
        length = len(self.model.tokens(prompt).ids)
        return Supplies(
            self.model, sources, length, lambda hook: self._reference(hook, cache, report), self._dictionary(sources)
        )

    def _reference(self, hook: str, cache: Cache | None, report: Report) -> AnyReference:
        """The cache if it is of this model and has the hook, else the text; each remembers what it worked out."""
        if cache is not None and self._fits(cache) and hook in cache.facts.sites:
            known = self._caches.get(cache.facts.sha256) or CacheReference(cache)
            self._caches = {cache.facts.sha256: known}  # the last one alone: each holds its cache open
            return known
        if self._text is None:
            self._text = TextReference(self.model, self.reference_text)
        fast = self.model.blocks is not None
        self._text.report = standing_aside(report) if fast else report
        return self._text

    def _dictionary(self, sources: Sources) -> Callable[[str], SAE]:
        given = {facts.name: facts for facts in sources.dictionaries}

        def find(name: str) -> SAE:
            if name not in given:
                raise InterpvizError(f"No dictionary {name} is open. Give its folder.")
            return self.sae(given[name])

        return find

    def sae(self, facts: DictionaryFacts) -> SAE:
        """The dictionary of these facts; raises InterpvizError if it has changed, or does not fit the model."""
        if facts not in self._dictionaries:
            read = dictionaries.load(facts.source)
            if replace(read.facts, name=facts.name, source=facts.source) != facts:
                raise InterpvizError(f"{facts.name} has changed on disk since it was opened. Open it again.")
            check_fit(self.model, facts)
            self._dictionaries[facts] = SAE(replace(read, facts=facts), self.model.device)
        self._dictionaries[facts] = self._dictionaries.pop(facts)
        while len(self._dictionaries) > _DICTIONARIES:
            del self._dictionaries[next(iter(self._dictionaries))]
        return self._dictionaries[facts]

    def _fits(self, cache: Cache) -> bool:
        facts = cache.facts
        return facts.model_sha256 == self.model.facts.sha256 and facts.numerics == RAW


def check_fit(model: Model, facts: DictionaryFacts) -> None:
    """Raise InterpvizError for a dictionary that reads or writes what the model has not, or in another width."""
    _check_width(model, facts, "reads", facts.hook, facts.d_in)
    if facts.transcoder:
        _check_width(model, facts, "writes", facts.hook_out, facts.d_out)


def _check_width(model: Model, facts: DictionaryFacts, does: str, hook: str, stated: int) -> None:
    width = model.width(hook)
    if width is None:
        raise InterpvizError(
            f"{facts.name} {does} {hook}, which {model.facts.name} has not. Open a dictionary of this model."
        )
    if width != stated:
        raise InterpvizError(
            f"{facts.name} {does} {stated} numbers, but {hook} of {model.facts.name} has {width}. "
            "Open a dictionary of this model."
        )
