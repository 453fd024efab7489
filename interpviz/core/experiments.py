"""Acts on the experiment: its edits one by one, the names it is kept under, and which two of them are compared."""

from __future__ import annotations

from dataclasses import replace

from interpviz.core.document import Document, Experiment, Selection
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site

CLEAN = "clean"
LONGEST_NAME = 60


def check_site(document: Document, site: Site) -> None:
    """Raise InterpvizError unless the open model, or an open dictionary, has this site."""
    if document.model is None:
        raise InterpvizError("No model is open. Open the demo, a model folder or a .gguf file first.")
    document.model.check(site)
    if site.kind != "feature":
        return
    dictionary = next((one for one in document.dictionaries if one.name == site.dictionary), None)
    if dictionary is None:
        raise InterpvizError(f"No dictionary {site.dictionary} is open. Open its folder first, then edit {site}.")
    dictionary.check(site)


def add_intervention(document: Document, edit: Intervention) -> Document:
    """Put this edit in place of any of the same site, and select it."""
    _check(document, edit)
    others = frozenset(other for other in document.interventions if other.site != edit.site)
    return replace(document, interventions=others | {edit}, off=document.off - {edit}, selection=_selected(edit))


def write_intervention(document: Document, text: str) -> Document:
    """Make the edit that a text such as `L1N37:clamp:2.5@3` means, beside those that stand."""
    edit = Intervention.parse(text.strip())
    _check(document, edit)
    made = document.interventions | {edit}
    return replace(document, interventions=made, off=document.off - {edit}, selection=_selected(edit))


def change_intervention(document: Document, edit: Intervention, changed: Intervention) -> Document:
    """Put another edit in the place of this one; one that stands by goes on standing by.

    An edit that was changed meanwhile, as the steps of a drag follow each other, is known by its site and positions.
    """
    _check(document, changed)
    edit = _standing(document, edit)
    made, off = document.interventions - {edit, changed}, document.off - {edit, changed}
    if edit in document.off:
        return replace(document, interventions=made, off=off | {changed})
    return replace(document, interventions=made | {changed}, off=off)


def switch_intervention(document: Document, edit: Intervention) -> Document:
    """Let this edit stand by, or make it again."""
    if edit in document.off:
        return replace(document, interventions=document.interventions | {edit}, off=document.off - {edit})
    return replace(document, interventions=document.interventions - {edit}, off=document.off | {edit})


def remove_intervention(document: Document, edit: Intervention) -> Document:
    """Forget this edit, made or standing by."""
    return replace(document, interventions=document.interventions - {edit}, off=document.off - {edit})


def clear_interventions(document: Document) -> Document:
    """Put everything back."""
    return replace(document, interventions=frozenset(), off=frozenset(), freeze=False)


def freeze_attention(document: Document, freeze: bool) -> Document:
    """Hold every attention pattern at that of the clean run, or let them follow the edits."""
    return replace(document, freeze=freeze)


def save_experiment(document: Document, name: str) -> Document:
    """Keep the present edits under this name; one of that name is replaced."""
    name = name.strip()
    halves = any("\ud800" <= letter <= "\udfff" for letter in name)
    if not name or name == CLEAN or len(name) > LONGEST_NAME or halves:
        raise InterpvizError(f"'{name[:LONGEST_NAME]}' cannot name an experiment. Give one to 60 letters, not 'clean'.")
    if not document.interventions:
        raise InterpvizError("Nothing is edited, so there is nothing to keep. Cut a component first.")
    kept = Experiment(name, document.interventions, document.freeze)
    others = tuple(one for one in document.experiments if one.name != name)
    return replace(document, experiments=(*others, kept))


def recall_experiment(document: Document, name: str) -> Document:
    """Make the edits of a kept experiment the present ones."""
    found = experiment(document, name)
    return replace(document, interventions=found.interventions, off=frozenset(), freeze=found.freeze)


def forget_experiment(document: Document, name: str) -> Document:
    """Remove a kept experiment; a comparison with it ends."""
    forgotten = experiment(document, name)
    kept = tuple(one for one in document.experiments if one != forgotten)
    compared = None if document.compared and name in document.compared else document.compared
    return replace(document, experiments=kept, compared=compared)


def compare_experiments(document: Document, left: str, right: str) -> Document:
    """Show the outputs of these two beside each other: kept names, "clean", or an empty name for the present edits."""
    for name in (left, right):
        experiment(document, name)
    return replace(document, compared=(left, right))


def stop_comparing(document: Document) -> Document:
    """Show the clean run beside the edited one again."""
    return replace(document, compared=None)


def experiment(document: Document, name: str) -> Experiment:
    """The experiment of this name; raises InterpvizError where there is none."""
    if name == CLEAN:
        return Experiment(CLEAN, frozenset())
    if not name:
        return Experiment("", document.interventions, document.freeze)
    found = next((one for one in document.experiments if one.name == name), None)
    if found is None:
        raise InterpvizError(f"No experiment is called '{name}'. Save the present edits under that name first.")
    return found


def _standing(document: Document, edit: Intervention) -> Intervention:
    every = document.interventions | document.off
    if edit in every:
        return edit
    alike = [one for one in every if (one.site, one.positions) == (edit.site, edit.positions)]
    if len(alike) != 1:
        raise InterpvizError(f"{edit} is no longer among the edits. Choose one that is.")
    return alike[0]


def _check(document: Document, edit: Intervention) -> None:
    check_site(document, edit.site)
    assert document.model is not None
    reach = document.model.context
    if any(not -reach <= position < reach for position in edit.positions or ()):
        raise InterpvizError(f"{document.model.name} reads at most {reach} tokens. Choose positions inside that.")
    if edit.direction.rpartition("/")[2].isdigit():
        check_site(document, Site.parse(edit.direction))


def _selected(edit: Intervention) -> Selection:
    return Selection((edit.site,))
