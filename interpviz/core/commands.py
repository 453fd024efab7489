"""Every act of the user, as a pure function from a document to the next one.

Each raises an InterpvizError, and nothing changes, where the act makes no sense.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from interpviz.core.document import (
    PANELS,
    CacheFacts,
    CloudColour,
    Document,
    Intervention,
    Measure,
    Mode,
    ModelFacts,
    Projection,
    Prompt,
    Selection,
)
from interpviz.core.errors import InterpvizError
from interpviz.core.sites import Site


def open_model(document: Document, model: ModelFacts) -> Document:
    """Show this model. Edits and selection, which were of another, are dropped, and so are cached tokens."""
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
        selection=Selection(),
    )


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
    """Cut the site out, or put it back if any edit of it stands; it becomes the selection."""
    _model(document).check(site)
    standing = frozenset(edit for edit in document.interventions if edit.site == site)
    edits = document.interventions - standing if standing else document.interventions | {Intervention(site, mode)}
    return replace(document, interventions=edits, selection=Selection((site,)))


def ablate(document: Document, sites: Iterable[Site], mode: Mode = "zero") -> Document:
    """Cut all of these sites out, beside what is cut already; they become the selection."""
    cut = tuple(dict.fromkeys(sites))
    for site in cut:
        _model(document).check(site)
    new = frozenset(Intervention(site, mode) for site in cut if site not in {e.site for e in document.interventions})
    return replace(document, interventions=document.interventions | new, selection=Selection(cut))


def restore(document: Document, sites: Iterable[Site]) -> Document:
    """Put these sites back."""
    back = frozenset(sites)
    kept = frozenset(edit for edit in document.interventions if edit.site not in back)
    return replace(document, interventions=kept, selection=Selection(tuple(sorted(back))))


def add_intervention(document: Document, edit: Intervention) -> Document:
    """Put this edit in place of any of the same site."""
    _model(document).check(edit.site)
    others = frozenset(other for other in document.interventions if other.site != edit.site)
    return replace(document, interventions=others | {edit}, selection=Selection((edit.site,)))


def clear_interventions(document: Document) -> Document:
    """Put everything back."""
    return replace(document, interventions=frozenset())


def select(document: Document, sites: Iterable[Site]) -> Document:
    """Point every panel at these components."""
    chosen = tuple(dict.fromkeys(sites))
    for site in chosen:
        _model(document).check(site)
    return replace(document, selection=Selection(chosen))


def choose_token(document: Document, row: int, tokens: tuple[int, ...], text: str) -> Document:
    """Make the context of cache row `row`, up to and including it, the prompt.

    `tokens` are its ids, BOS included, and `text` what they say.
    """
    cache = document.cache
    if cache is None or not 0 <= row < cache.tokens:
        raise InterpvizError("The cache holds no such token. Choose a point of the cloud.")
    if not document.cache_fits:
        raise InterpvizError(f"{cache.name} was recorded from {cache.model}. Open that model to run its contexts.")
    return replace(document, prompt=Prompt(text, tokens), contrast=None, token=row)


def colour_components(document: Document, measure: Measure) -> Document:
    """Colour the grid by direct logit attribution or by ablation effect."""
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


def _model(document: Document) -> ModelFacts:
    if document.model is None:
        raise InterpvizError("No model is open. Open the demo, a model folder or a .gguf file first.")
    return document.model
