"""The one immutable document: what the user wants to see. No arrays, no handles, hashable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from interpviz.core.errors import SiteMissing
from interpviz.core.features import NOTHING_CHOSEN, DictionaryFacts, FeaturesView, IndexFacts
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site

Measure = Literal["direct", "attributed", "ablation"]
Projection = Literal["pca", "umap"]
CloudColour = Literal["document", "position"]

Stream = Literal["resid", "attn", "mlp"]
ComponentsAs = Literal["grid", "table"]
PathMode = Literal["zero", "mean", "patch"]

NO_MODEL = "0" * 64
_MLP = ("mlp_in", "mlp_out")
RAW = "huggingface"

PANELS = (
    "prompt",
    "components",
    "outputs",
    "maps",
    "cloud",
    "circuit",
    "interventions",
    "continuation",
    "patching",
    "paths",
    "fit",
    "training",
    "features",
    "feature",
    "activations",
)


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
        if site.kind == "feature":
            return  # what features there are, their dictionary knows
        shared = site.kind in ("key", "value")
        indices = self.kv_heads if shared else self.d_mlp if site.kind == "neuron" else self.heads
        if site.layer >= self.layers or site.index >= indices or (site.kind in _MLP and not self.d_mlp):
            mlps = f", neurons 0 to {self.d_mlp - 1}" if self.d_mlp else " and no MLPs"
            keys = f", key-value heads 0 to {self.kv_heads - 1}" if shared else ""
            heads = f"heads 0 to {self.heads - 1}{keys}{mlps if site.kind in ('neuron', *_MLP) else ''}"
            raise SiteMissing(site, self.name, f"layers 0 to {self.layers - 1}, {heads}")

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
    """What a recorded cache is. `sites` are hook names; `sha256` is of its manifest (or of a lone shard's header).

    `numerics` is "huggingface" where the weights were as they are published, as those of every open model are, or
    "folded"; `model_sha256` is NO_MODEL where nobody knows what was recorded. `codes` are the base names of the
    dictionaries whose strongest features it keeps at every token.
    """

    name: str
    source: str
    sha256: str
    model: str
    model_sha256: str
    numerics: str
    sites: tuple[str, ...]
    tokens: int
    codes: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether it is known which model made this cache; of an import it may not be."""
        return self.model_sha256 != NO_MODEL


@dataclass(frozen=True)
class Prompt:
    """A text, or the exact tokens of a cached context.

    `tokens` None: the engine tokenises the text, with a BOS in front where the tokenizer has one and `bos` is true.
    """

    text: str
    tokens: tuple[int, ...] | None = None
    bos: bool = True


@dataclass(frozen=True)
class Selection:
    """The components that every panel points at."""

    sites: tuple[Site, ...] = ()


@dataclass(frozen=True)
class Sources:
    """What edits draw from: the cache of mean and resample (None: the bundled reference text), the prompt of patch,

    the dictionaries of features and directions, and the `seed` of resample's draws.
    """

    reference: CacheFacts | None = None
    contrast: Prompt | None = None
    dictionaries: tuple[DictionaryFacts, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Experiment:
    """Edits under a name. `freeze` holds every attention pattern at that of the clean run."""

    name: str
    interventions: frozenset[Intervention]
    freeze: bool = False


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
class ComponentsView:
    """Whether components stand as a grid or as a table, and the column that the table is sorted by."""

    shown_as: ComponentsAs = "grid"
    column: str = "measured"
    descending: bool = True


@dataclass(frozen=True)
class PatchingView:
    """Which layer x position grid is shown; `back` patches the contrast's activations into the prompt's run."""

    stream: Stream = "resid"
    back: bool = False


@dataclass(frozen=True)
class ContinuationView:
    """How the prompt is continued: greedily at temperature 0, else sampled by this seed."""

    tokens: int = 24
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class PathsView:
    """Which paths are followed: `L0H4 > L1M > logits`, several apart by commas; and what the sender is edited by."""

    paths: str = ""
    mode: PathMode = "zero"


@dataclass(frozen=True)
class Document:
    """Everything that the window shows follows from this: equal documents show equal windows.

    `off` are edits that stand by without being made. `compared` names two experiments, left and right; an empty name
    is the present edits, "clean" none.
    """

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
    dictionaries: tuple[DictionaryFacts, ...] = ()
    off: frozenset[Intervention] = frozenset()
    freeze: bool = False
    experiments: tuple[Experiment, ...] = ()
    compared: tuple[str, str] | None = None
    components: ComponentsView = ComponentsView()
    patching: PatchingView = PatchingView()
    continuation: ContinuationView = ContinuationView()
    paths: PathsView = PathsView()
    indices: tuple[IndexFacts, ...] = ()
    features: FeaturesView = NOTHING_CHOSEN

    @property
    def dictionary(self) -> DictionaryFacts | None:
        """The dictionary whose features are shown: the one that was chosen, else the one opened last."""
        chosen = (one for one in self.dictionaries if one.name == self.features.dictionary)
        return next(chosen, self.dictionaries[-1] if self.dictionaries else None)

    @property
    def index(self) -> IndexFacts | None:
        """The index of the dictionary that is shown, the one opened last; None without one."""
        shown = self.dictionary
        fitting = (one for one in self.indices[::-1] if shown and one.dictionary_sha256 == shown.sha256)
        return next(fitting, None)

    @property
    def index_apart(self) -> str:
        """What the index that is shown is not of, or what one of no open dictionary is of; empty where all fits."""
        index = self.index
        if index is None:
            weights = {one.sha256 for one in self.dictionaries}
            strange = next((one for one in self.indices[::-1] if one.dictionary_sha256 not in weights), None)
            return f"{strange.name} is an index of {strange.dictionary}, which is not open. Open it." if strange else ""
        if self.model and index.model_sha256 != self.model.sha256:
            return f"{index.name} was built with another model than {self.model.name}. Build it again for this one."
        if self.cache and index.cache_sha256 != self.cache.sha256:
            return f"The examples are from {index.cache}, not from {self.cache.name}, which is open."
        return ""

    @property
    def cache_fits(self) -> bool:
        """Whether the cache was recorded from the open model as it runs here, so that it may be laid over it."""
        return self.model is not None and self.cache is not None and not self.cache_apart

    @property
    def cache_apart(self) -> str:
        """Why the cache is shown apart from the open model, in a sentence; empty where it is not, or none is open."""
        model, cache = self.model, self.cache
        if cache is None:
            return ""
        if not cache.known:
            return f"It is not known which model made {cache.name}: shown as it is, apart from any model."
        if model is None:
            return ""
        if cache.model_sha256 != model.sha256:
            other = " of other weights" if cache.model == model.name else ""
            return f"Recorded from {cache.model}{other}: shown apart from the open model."
        if cache.numerics != RAW:
            return f"Recorded with the weights of {cache.model} folded: shown apart from the open model, which is raw."
        return ""

    @property
    def cloud_site(self) -> str:
        """The hook name of the cloud that is shown; empty without a cache."""
        if self.cache is None or not self.cache.sites:
            return ""
        return self.cloud.site if self.cloud.site in self.cache.sites else self.cache.sites[0]
