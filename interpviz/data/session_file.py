"""What a session file may say, field by field: the edge where JSON becomes a document and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from interpviz.core.commands import LONGEST_PATHS, MOST_CONTINUED
from interpviz.core.document import (
    CacheFacts,
    CloudColour,
    CloudView,
    ComponentsAs,
    ComponentsView,
    ContinuationView,
    Document,
    Experiment,
    GraphView,
    Measure,
    ModelFacts,
    PatchingView,
    PathMode,
    PathsView,
    Projection,
    Prompt,
    Selection,
    Stream,
)
from interpviz.core.experiments import LONGEST_NAME
from interpviz.core.features import DictionaryFacts
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.sites import Site
from interpviz.data.session_features import DictionaryFields, FeaturesFields, IndexFields
from interpviz.data.session_fields import Count, Few, Name, Sha256, Strict, Text, Tokens, sound

FORMAT: Literal["interpviz-session"] = "interpviz-session"
VERSION: Literal[2] = 2  # 1 knew neither valued edits nor experiments


class _Model(Strict):
    name: Name
    source: Name
    sha256: Sha256
    layers: Few
    heads: Few
    kv_heads: Few
    d_model: Count
    d_mlp: Count
    vocab: Count
    context: Count


class _Cache(Strict):
    name: Name
    source: Name
    sha256: Sha256
    model: Name
    model_sha256: Sha256
    numerics: Name
    sites: Annotated[tuple[Name, ...], Field(max_length=10_000)]
    tokens: Tokens
    codes: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()


class _Prompt(Strict):
    text: Text = ""
    tokens: Annotated[tuple[Count, ...], Field(max_length=1_000_000)] | None = None
    bos: bool = True


class _Intervention(Strict):
    site: Name
    mode: Mode = "zero"
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    direction: Annotated[str, Field(max_length=4096)] = ""
    positions: Annotated[tuple[int, ...], Field(min_length=1, max_length=1_000_000)] | None = None

    @classmethod
    def every(cls, edits: Iterable[Intervention]) -> tuple[_Intervention, ...]:
        """These edits, in an order of their own."""
        ordered = sorted(edits, key=lambda edit: (edit.site, str(edit)))
        return tuple(cls(**vars(edit) | {"site": str(edit.site)}) for edit in ordered)

    def edit(self) -> Intervention:
        """The edit that was written; raises InterpvizError where it has no meaning."""
        return Intervention(**vars(self) | {"site": Site.parse(self.site)})


Edits = Annotated[tuple[_Intervention, ...], Field(max_length=100_000)]


class _Experiment(Strict):
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    interventions: Edits
    freeze: bool = False

    @classmethod
    def of(cls, one: Experiment) -> _Experiment:
        """What to write for an experiment."""
        return cls(name=sound(one.name), interventions=_Intervention.every(one.interventions), freeze=one.freeze)


class _Components(Strict):
    shown_as: ComponentsAs = "grid"
    column: Annotated[str, Field(max_length=100)] = "measured"
    descending: bool = True


class _Patching(Strict):
    stream: Stream = "resid"
    back: bool = False


class _Continuation(Strict):
    tokens: Annotated[int, Field(ge=1, le=MOST_CONTINUED)] = 24
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    seed: Count = 0


class _Paths(Strict):
    paths: Annotated[str, Field(max_length=LONGEST_PATHS)] = ""
    mode: PathMode = "zero"


class _Cloud(Strict):
    site: Annotated[str, Field(max_length=4096)] = ""
    method: Projection = "umap"
    colour: CloudColour = "document"


class _Graph(Strict):
    threshold: Annotated[float, Field(ge=0, le=1)] = GraphView.threshold


class SessionFile(Strict):
    """A document as it stands in a session file; sites are short names, sources as `sessions` places them."""

    format: Literal["interpviz-session"] = FORMAT
    version: Literal[1, 2] = VERSION
    model: _Model | None = None
    cache: _Cache | None = None
    prompt: _Prompt = _Prompt()
    contrast: _Prompt | None = None
    target: Text = ""
    distractor: Text = ""
    interventions: Edits = ()
    off: Edits = ()
    freeze: bool = False
    experiments: Annotated[tuple[_Experiment, ...], Field(max_length=1000)] = ()
    compared: tuple[str, str] | None = None
    dictionaries: Annotated[tuple[DictionaryFields, ...], Field(max_length=100)] = ()
    selection: Annotated[tuple[Name, ...], Field(max_length=100_000)] = ()
    token: Count | None = None
    measure: Measure = "direct"
    cloud: _Cloud = _Cloud()
    graph: _Graph = _Graph()
    components: _Components = _Components()
    patching: _Patching = _Patching()
    continuation: _Continuation = _Continuation()
    paths: _Paths = _Paths()
    indices: Annotated[tuple[IndexFields, ...], Field(max_length=100)] = ()
    features: FeaturesFields = FeaturesFields()
    panels: Annotated[tuple[Name, ...], Field(max_length=100)] = ()

    @classmethod
    def of(cls, document: Document) -> SessionFile:
        """What to write for a document."""
        return cls(
            model=_Model(**vars(document.model)) if document.model else None,
            cache=_Cache(**vars(document.cache)) if document.cache else None,
            prompt=_prompt(document.prompt),
            contrast=_prompt(document.contrast) if document.contrast else None,
            target=sound(document.target),
            distractor=sound(document.distractor),
            interventions=_Intervention.every(document.interventions),
            off=_Intervention.every(document.off),
            freeze=document.freeze,
            experiments=tuple(map(_Experiment.of, document.experiments)),
            compared=document.compared,
            dictionaries=tuple(DictionaryFields(**vars(one)) for one in document.dictionaries),
            selection=tuple(str(site) for site in document.selection.sites),
            token=document.token,
            measure=document.measure,
            cloud=_Cloud(**vars(document.cloud)),
            graph=_Graph(**vars(document.graph)),
            components=_Components(**vars(document.components)),
            patching=_Patching(**vars(document.patching)),
            continuation=_Continuation(**vars(document.continuation)),
            paths=_Paths(**vars(document.paths)),
            indices=tuple(IndexFields(**vars(one)) for one in document.indices),
            features=FeaturesFields.of(document.features),
            panels=tuple(sorted(document.panels)),
        )

    def document(self) -> Document:
        """The document that was written. Raises UnknownSite for a site that is none."""
        return Document(
            model=ModelFacts(**vars(self.model)) if self.model else None,
            cache=CacheFacts(**vars(self.cache)) if self.cache else None,
            prompt=Prompt(**vars(self.prompt)),
            contrast=Prompt(**vars(self.contrast)) if self.contrast else None,
            target=self.target,
            distractor=self.distractor,
            interventions=frozenset(edit.edit() for edit in self.interventions),
            off=frozenset(edit.edit() for edit in self.off),
            freeze=self.freeze,
            experiments=tuple(
                Experiment(one.name, frozenset(edit.edit() for edit in one.interventions), one.freeze)
                for one in self.experiments
            ),
            compared=self.compared,
            dictionaries=tuple(DictionaryFacts(**vars(one)) for one in self.dictionaries),
            selection=Selection(tuple(Site.parse(site) for site in self.selection)),
            token=self.token,
            measure=self.measure,
            cloud=CloudView(**vars(self.cloud)),
            graph=GraphView(**vars(self.graph)),
            components=ComponentsView(**vars(self.components)),
            patching=PatchingView(**vars(self.patching)),
            continuation=ContinuationView(**vars(self.continuation)),
            paths=PathsView(**vars(self.paths)),
            indices=tuple(one.facts() for one in self.indices),
            features=self.features.view(),
            panels=frozenset(self.panels),
        )


def _prompt(prompt: Prompt) -> _Prompt:
    return _Prompt(text=sound(prompt.text), tokens=prompt.tokens, bos=prompt.bos)
