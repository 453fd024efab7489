"""Every act of the user, as a pure function from a document to the next one.

Each raises an InterpvizError, and nothing changes, where the act makes no sense.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePath
from typing import get_args

from interpviz.core.document import (
    PANELS,
    RAW,
    CacheFacts,
    CloudColour,
    ComponentsAs,
    ContinuationView,
    Document,
    Measure,
    ModelFacts,
    PathMode,
    PathsView,
    Projection,
    Prompt,
    Selection,
    Stream,
)
from interpviz.core.errors import InterpvizError
from interpviz.core.experiments import check_site
from interpviz.core.features import NOTHING_CHOSEN, DictionaryFacts
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.path_patching import check_paths, parse_paths
from interpviz.core.sites import Site

MOST_CONTINUED = 1000
LONGEST_PATHS = 4000


def open_model(document: Document, model: ModelFacts) -> Document:
    """Show this model. Edits, selection and dictionaries, which were of another, are dropped; so are cached tokens."""
    if document.model == model:
        return document
    prompt = Prompt(document.prompt.text, bos=document.prompt.bos)
    return replace(
        document,
        model=model,
        prompt=prompt,
        contrast=document.contrast and Prompt(document.contrast.text, bos=document.contrast.bos),
        token=None,
        interventions=frozenset(),
        off=frozenset(),
        freeze=False,
        experiments=(),
        compared=None,
        dictionaries=() if document.model else document.dictionaries,
        indices=() if document.model else document.indices,
        features=NOTHING_CHOSEN if document.model else document.features,
        paths=PathsView(),
        selection=Selection(),
    )


def open_dictionary(document: Document, dictionary: DictionaryFacts) -> Document:
    """Let edits name the features of this dictionary, and show them; one of the same name is replaced.

    But for SAELens's, folders of dictionaries are called alike, such as layers.5 or average_l0_71: one that lies
    elsewhere is called by the folders above it too.
    """
    opened = dictionary if dictionary.layout == "SAELens" else _called_apart(document, dictionary)
    others = tuple(one for one in document.dictionaries if one.name != opened.name)
    view = replace(document.features, dictionary=opened.name)
    if opened != document.dictionary:
        view = replace(view, feature=None, at=None, list="")
    return replace(document, dictionaries=(*others, opened), features=view)


def _called_apart(document: Document, dictionary: DictionaryFacts) -> DictionaryFacts:
    names = {one.source: one.name for one in document.dictionaries}
    known = names.pop(dictionary.source, "")
    name, above = dictionary.name, PurePath(dictionary.source).parent
    while name in names.values() and above.name:
        name, above = f"{re.sub('[:@]', '-', above.name)}-{name}", above.parent
    return replace(dictionary, name=known or name)


def open_cache(document: Document, cache: CacheFacts) -> Document:
    """Show this cache; whether it belongs to the open model is `Document.cache_fits`."""
    return replace(document, cache=cache, token=None)


def set_prompt(document: Document, text: str) -> Document:
    """Ask the model to continue this text. Edits at positions beyond all tokens are judged when the model runs."""
    if text == document.prompt.text and document.prompt.tokens is None:
        return document
    return replace(document, prompt=Prompt(text, bos=document.prompt.bos), token=None)


def set_contrast(document: Document, text: str) -> Document:
    """Compare with this prompt; an empty text means none."""
    return replace(document, contrast=Prompt(text, bos=document.prompt.bos) if text else None)


def set_target(document: Document, target: str, distractor: str) -> Document:
    """Follow the logit difference of these two tokens, given exactly, spaces and all."""
    if distractor and not target:
        raise InterpvizError("There is a distractor but no target. Fill in the target first.")
    return replace(document, target=target, distractor=distractor)


def toggle_intervention(document: Document, site: Site, mode: Mode = "zero") -> Document:
    """Cut the site out, or put it back if any edit of it stands; one that stands by is made again. It is selected."""
    check_site(document, site)
    standing, waiting = (frozenset(one for one in edits if one.site == site) for edits in _edits(document))
    made = (
        document.interventions - standing
        if standing
        else document.interventions | (waiting or {Intervention(site, mode)})
    )
    return replace(document, interventions=made, off=document.off - waiting, selection=Selection((site,)))


def ablate(document: Document, sites: Iterable[Site], mode: Mode = "zero") -> Document:
    """Cut all of these sites out, beside what is cut already; they become the selection."""
    cut = tuple(dict.fromkeys(sites))
    for site in cut:
        check_site(document, site)
    new = frozenset(Intervention(site, mode) for site in cut if site not in {e.site for e in document.interventions})
    return replace(document, interventions=document.interventions | new, selection=Selection(cut))


def restore(document: Document, sites: Iterable[Site]) -> Document:
    """Put these sites back."""
    back = frozenset(sites)
    made, off = (frozenset(edit for edit in edits if edit.site not in back) for edits in _edits(document))
    return replace(document, interventions=made, off=off, selection=Selection(tuple(sorted(back))))


def select(document: Document, sites: Iterable[Site]) -> Document:
    """Point every panel at these components."""
    chosen = tuple(dict.fromkeys(sites))
    for site in chosen:
        check_site(document, site)
    return replace(document, selection=Selection(chosen))


def choose_token(document: Document, row: int, tokens: tuple[int, ...], text: str) -> Document:
    """Make the context of cache row `row`, up to and including it, the prompt.

    `tokens` are its ids, BOS included, and `text` what they say.
    """
    cache = document.cache
    if cache is None or not 0 <= row < cache.tokens:
        raise InterpvizError("The cache holds no such token. Choose a point of the cloud.")
    if document.cache_apart and not (cache.known and cache.numerics == RAW):
        raise InterpvizError(f"{document.cache_apart} Record a cache of the open model to run its contexts.")
    if not document.cache_fits:
        raise InterpvizError(f"{cache.name} was recorded from {cache.model}. Open that model to run its contexts.")
    return replace(document, prompt=Prompt(text, tokens), contrast=None, token=row)


def colour_components(document: Document, measure: Measure) -> Document:
    """Colour the grid by direct logit attribution, by its estimate, or by ablation effect."""
    return replace(document, measure=measure)


def show_cloud(document: Document, site: str = "", method: Projection | None = None) -> Document:
    """Show the cloud of this recorded site, projected by this method."""
    if site and (document.cache is None or site not in document.cache.sites):
        raise InterpvizError(f"The cache holds no {site}. Choose one of the sites that it lists.")
    view = document.cloud
    return replace(document, cloud=replace(view, site=site or view.site, method=method or view.method))


def colour_cloud(document: Document, colour: CloudColour) -> Document:
    """Colour the cloud's points by document or by token position."""
    return replace(document, cloud=replace(document.cloud, colour=colour))


def prune(document: Document, threshold: float) -> Document:
    """Draw the largest edges that make up this share, 0 to 1, of the circuit's total score."""
    if not 0.0 <= threshold <= 1.0:
        raise InterpvizError(f"{threshold:g} is no share of the edges. Choose between 0 and 1.")
    return replace(document, graph=replace(document.graph, threshold=threshold))


def show_panel(document: Document, panel: str, shown: bool) -> Document:
    """Open or close a panel; what a closed panel would need is not computed."""
    if panel not in PANELS:
        raise InterpvizError(f"There is no panel '{panel}'. The panels are {', '.join(PANELS)}.")
    panels = document.panels | {panel} if shown else document.panels - {panel}
    return replace(document, panels=panels)


def show_components(document: Document, shown_as: ComponentsAs) -> Document:
    """Show the components as a grid or as a table."""
    return replace(document, components=replace(document.components, shown_as=shown_as))


def sort_components(document: Document, column: str, descending: bool) -> Document:
    """Sort the table of components by this column."""
    return replace(document, components=replace(document.components, column=column, descending=descending))


def show_patching(document: Document, stream: Stream | None = None, back: bool | None = None) -> Document:
    """Show the layer x position grid of this stream, from prompt to contrast or back."""
    view = document.patching
    chosen = replace(view, stream=stream or view.stream, back=view.back if back is None else back)
    return replace(document, patching=chosen)


def set_continuation(document: Document, tokens: int, temperature: float, seed: int) -> Document:
    """Continue the prompt by this many tokens: greedily at temperature 0, else sampled by the seed."""
    if not 1 <= tokens <= MOST_CONTINUED:
        raise InterpvizError(f"{tokens} tokens cannot be shown. Choose 1 to {MOST_CONTINUED}.")
    if not 0.0 <= temperature < math.inf:
        raise InterpvizError(f"{temperature:g} is no temperature. Choose 0 (greedy) or more.")
    if not 0 <= seed < 2**31:
        raise InterpvizError(f"{seed} is no seed. Choose 0 to {2**31 - 1}.")
    return replace(document, continuation=ContinuationView(tokens, temperature, seed))


def follow_paths(document: Document, text: str, mode: PathMode = "zero") -> Document:
    """Follow these paths, `L0H4 > L1H2 > logits`; an empty text follows none."""
    if mode not in get_args(PathMode):
        raise InterpvizError(f"A sender is not edited by {mode} here. Use zero, mean or patch.")
    if len(text) > LONGEST_PATHS:
        raise InterpvizError(f"The paths have {len(text):,} letters. Follow fewer, in {LONGEST_PATHS:,} at most.")
    if text.strip():
        check_paths(parse_paths(text), _model(document))
    return replace(document, paths=PathsView(text.strip(), mode))


def _model(document: Document) -> ModelFacts:
    if document.model is None:
        raise InterpvizError("No model is open. Open the demo, a model folder or a .gguf file first.")
    return document.model


def _edits(document: Document) -> tuple[frozenset[Intervention], frozenset[Intervention]]:
    return document.interventions, document.off
