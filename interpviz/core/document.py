"""The one immutable document: what the user wants to see. No arrays, no handles, hashable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from interpviz.core.errors import InterpvizError, SiteMissing
from interpviz.core.sites import Site

Mode = Literal["zero", "mean"]
Measure = Literal["direct", "ablation"]
Projection = Literal["pca", "umap"]
CloudColour = Literal["document", "position"]

PANELS = ("prompt", "components", "outputs", "maps", "cloud", "circuit")

_MODES: dict[str, Mode] = {"zero": "zero", "mean": "mean"}
_ABLATION = re.compile(r"(?P<site>[^:@]+)(:(?P<mode>[a-z]*))?(@(?P<positions>-?\d+(-\d+)?(,-?\d+(-\d+)?)*))?")


@dataclass(frozen=True)
class ModelFacts:
    """What a loaded model is. `source` opens it again: a bundled or fetched name, a folder or a `.gguf` file.

    `sha256` is over config.json, the tokenizer and the weight bytes; `context` is the longest prompt in tokens;
    `d_mlp` is 0 where the model has no MLPs.
    """

    name: str
    source: str
    sha256: str
    layers: int
    heads: int
    kv_heads: int
    d_model: int
    d_mlp: int
    vocab: int
    context: int

    def check(self, site: Site) -> None:
        """Raise SiteMissing unless this model has the site."""
        inside = site.layer < self.layers and site.index < self.heads
        if not inside or (site.kind == "mlp_out" and not self.d_mlp):
            mlps = "" if self.d_mlp else " and no MLPs"
            raise SiteMissing(site, self.name, f"layers 0 to {self.layers - 1}, heads 0 to {self.heads - 1}{mlps}")

    def components(self) -> tuple[Site, ...]:
        """Every head and MLP, layer by layer."""
        return tuple(
            site
            for layer in range(self.layers)
            for site in (
                *(Site(layer, "head", head) for head in range(self.heads)),
                *((Site(layer, "mlp_out"),) if self.d_mlp else ()),
            )
        )


@dataclass(frozen=True)
class CacheFacts:
    """What a recorded cache is. `sites` are hook names; `sha256` is of its manifest (or of a lone shard's header)."""

    name: str
    source: str
    sha256: str
    model: str
    model_sha256: str
    numerics: str
    sites: tuple[str, ...]
    tokens: int


@dataclass(frozen=True)
class Prompt:
    """A text, or the exact tokens of a cached context.

    `tokens` None: the engine tokenises the text, with a BOS in front where the tokenizer has one and `bos` is true.
    """

    text: str
    tokens: tuple[int, ...] | None = None
    bos: bool = True


@dataclass(frozen=True)
class Intervention:
    """One edit of a run. `positions` None means all; they count the tokens, BOS included; negative from the end."""

    site: Site
    mode: Mode = "zero"
    positions: tuple[int, ...] | None = None

    @classmethod
    def parse(cls, text: str) -> Intervention:
        """The edit that `SITE[:mode][@positions]` means: `L1H4`, `L1H4:mean@3`, `L2M@2-5,7`, `L0A@-1`."""
        found = _ABLATION.fullmatch(text)
        if not found:
            raise InterpvizError(f"'{text}' is no ablation. Write SITE[:mode][@positions], for instance L1H4:zero@2-5.")
        mode = found["mode"] if found["mode"] is not None else "zero"
        if mode not in _MODES:
            raise InterpvizError(f"'{mode}' in '{text}' is no mode of ablation. Use zero or mean.")
        return cls(Site.parse(found["site"]), _MODES[mode], _positions(found["positions"], text))

    def __str__(self) -> str:
        at = "" if self.positions is None else "@" + _span(self.positions)
        return f"{self.site}:{self.mode}{at}"


def _positions(stated: str | None, text: str) -> tuple[int, ...] | None:
    return None if stated is None else tuple(sorted({at for part in stated.split(",") for at in _range(part, text)}))


def _range(part: str, text: str) -> range:
    first, last = re.fullmatch(r"(-?\d+)(?:-(\d+))?", part).groups()  # type: ignore[union-attr]
    start = int(first)
    stop = int(last) if last is not None else start
    if (start < 0 and last is not None) or stop < start:
        raise InterpvizError(f"The positions in '{text}' run backwards. Write @2-5, @3 or @-1.")
    if stop - start >= 1_000_000:
        raise InterpvizError(f"'{text}' names over a million positions. Name those of the prompt, or leave @ out.")
    return range(start, stop + 1)


def _span(positions: tuple[int, ...]) -> str:
    """`2-5,7`: numbers from 0 that follow each other as one range."""
    runs = groupby(enumerate(positions), key=lambda at: at[1] - at[0] if at[1] >= 0 else (at[0],))
    ends = ([at for _, at in run] for _, run in runs)
    return ",".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in ends)


@dataclass(frozen=True)
class Selection:
    """The components that every panel points at."""

    sites: tuple[Site, ...] = ()


@dataclass(frozen=True)
class CloudView:
    """Which cloud is shown: the site (a hook name; empty for the cache's first), its projection and its colours."""

    site: str = ""
    method: Projection = "umap"
    colour: CloudColour = "document"


@dataclass(frozen=True)
class GraphView:
    """How much of the circuit is shown: `threshold` is the share of the total |score| whose edges are drawn, 0 to 1."""

    threshold: float = 0.3


@dataclass(frozen=True)
class Document:
    """Everything that the window shows follows from this: equal documents show equal windows."""

    model: ModelFacts | None = None
    cache: CacheFacts | None = None
    prompt: Prompt = Prompt("")
    contrast: Prompt | None = None
    target: str = ""
    distractor: str = ""
    interventions: frozenset[Intervention] = frozenset()
    selection: Selection = Selection()
    token: int | None = None
    measure: Measure = "direct"
    cloud: CloudView = CloudView()
    graph: GraphView = GraphView()
    panels: frozenset[str] = frozenset(PANELS)

    @property
    def cache_fits(self) -> bool:
        """Whether the cache was recorded from the open model, so that it may be laid over it."""
        return self.model is not None and self.cache is not None and self.cache.model_sha256 == self.model.sha256

    @property
    def cloud_site(self) -> str:
        """The hook name of the cloud that is shown; empty without a cache."""
        if self.cache is None or not self.cache.sites:
            return ""
        return self.cloud.site if self.cloud.site in self.cache.sites else self.cache.sites[0]
