"""What a session file may say, field by field: the edge where JSON becomes a document and back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from interpviz.core.document import (
    CacheFacts,
    CloudColour,
    CloudView,
    Document,
    GraphView,
    Intervention,
    Measure,
    Mode,
    ModelFacts,
    Projection,
    Prompt,
    Selection,
)
from interpviz.core.sites import Site

FORMAT: Literal["interpviz-session"] = "interpviz-session"
VERSION: Literal[1] = 1

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=4096)]
Text = Annotated[str, Field(max_length=1_000_000)]
Few = Annotated[int, Field(ge=1, le=1000)]  # layers and heads are drawn one by one
Count = Annotated[int, Field(ge=0, lt=2**31)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Model(_Strict):
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


class _Cache(_Strict):
    name: Name
    source: Name
    sha256: Sha256
    model: Name
    model_sha256: Sha256
    numerics: Name
    sites: Annotated[tuple[Name, ...], Field(max_length=10_000)]
    tokens: Count


class _Prompt(_Strict):
    text: Text = ""
    tokens: Annotated[tuple[Count, ...], Field(max_length=1_000_000)] | None = None
    bos: bool = True


class _Intervention(_Strict):
    site: Name
    mode: Mode = "zero"
    positions: Annotated[tuple[int, ...], Field(min_length=1, max_length=1_000_000)] | None = None


class _Cloud(_Strict):
    site: Annotated[str, Field(max_length=4096)] = ""
    method: Projection = "umap"
    colour: CloudColour = "document"


class _Graph(_Strict):
    threshold: Annotated[float, Field(ge=0, le=1)] = GraphView.threshold


class SessionFile(_Strict):
    """A document as it stands in a session file; sites are short names, sources as `sessions` places them."""

    format: Literal["interpviz-session"] = FORMAT
    version: Literal[1] = VERSION
    model: _Model | None = None
    cache: _Cache | None = None
    prompt: _Prompt = _Prompt()
    contrast: _Prompt | None = None
    target: Text = ""
    distractor: Text = ""
    interventions: Annotated[tuple[_Intervention, ...], Field(max_length=100_000)] = ()
    selection: Annotated[tuple[Name, ...], Field(max_length=100_000)] = ()
    token: Count | None = None
    measure: Measure = "direct"
    cloud: _Cloud = _Cloud()
    graph: _Graph = _Graph()
    panels: Annotated[tuple[Name, ...], Field(max_length=100)] = ()

    @classmethod
    def of(cls, document: Document) -> SessionFile:
        """What to write for a document."""
        edits = sorted(document.interventions, key=lambda edit: (edit.site, edit.mode, edit.positions or ()))
        return cls(
            model=_Model(**vars(document.model)) if document.model else None,
            cache=_Cache(**vars(document.cache)) if document.cache else None,
            prompt=_prompt(document.prompt),
            contrast=_prompt(document.contrast) if document.contrast else None,
            target=_sound(document.target),
            distractor=_sound(document.distractor),
            interventions=tuple(
                _Intervention(site=str(edit.site), mode=edit.mode, positions=edit.positions) for edit in edits
            ),
            selection=tuple(str(site) for site in document.selection.sites),
            token=document.token,
            measure=document.measure,
            cloud=_Cloud(**vars(document.cloud)),
            graph=_Graph(**vars(document.graph)),
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
            interventions=frozenset(
                Intervention(Site.parse(edit.site), edit.mode, edit.positions) for edit in self.interventions
            ),
            selection=Selection(tuple(Site.parse(site) for site in self.selection)),
            token=self.token,
            measure=self.measure,
            cloud=CloudView(**vars(self.cloud)),
            graph=GraphView(**vars(self.graph)),
            panels=frozenset(self.panels),
        )


def _prompt(prompt: Prompt) -> _Prompt:
    return _Prompt(text=_sound(prompt.text), tokens=prompt.tokens, bos=prompt.bos)


def _sound(text: str) -> str:
    """The text with half characters, which a paste can bring and JSON cannot carry, made visible."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
