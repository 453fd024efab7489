"""The store: history, merging, starting over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.control.store import Store
from interpviz.core import commands, experiments
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site
from tests.control.desks import DOCUMENT

HEAD = Site(1, "head", 2)


def test_undo_brings_back_the_document_before_and_redo_the_one_after():
    store = Store(DOCUMENT)
    store.apply(commands.toggle_intervention, HEAD)
    cut = store.document
    store.undo()
    assert store.document == DOCUMENT
    store.redo()
    assert store.document == cut
    assert cut.interventions == {Intervention(HEAD)}


def test_the_steps_of_one_drag_are_one_undo():
    store = Store(DOCUMENT)
    for step in (0.2, 0.3, 0.4):
        store.apply(commands.prune, step, merge="drag 1")
    store.apply(commands.prune, 0.9, merge="drag 2")
    store.undo()
    assert store.document.graph.threshold == 0.4
    store.undo()
    assert store.document == DOCUMENT
    assert not store.can_undo


def test_an_act_that_changes_nothing_leaves_no_trace():
    store = Store(DOCUMENT)
    store.apply(experiments.clear_interventions)
    assert not store.can_undo


def test_a_refused_act_leaves_document_and_history_as_they_were():
    store = Store(DOCUMENT)
    with pytest.raises(InterpvizError, match="layers 0 to 1"):
        store.apply(commands.toggle_intervention, Site(7, "head", 0))
    assert (store.document, store.can_undo) == (DOCUMENT, False)


def test_everyone_hears_the_old_and_the_new_document():
    store, heard = Store(DOCUMENT), []
    store.changed.connect(lambda old, new: heard.append((old, new)))
    store.apply(commands.set_prompt, "c")
    assert heard == [(DOCUMENT, store.document)]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), max_size=12))
def test_undoing_everything_and_redoing_it_is_the_identity(heads: list[tuple[int, int]]):
    store = Store(DOCUMENT)
    seen: list[Document] = [store.document]
    for layer, head in heads:
        store.apply(commands.toggle_intervention, Site(layer, "head", head))
        seen.append(store.document)
    while store.can_undo:
        store.undo()
    assert store.document == DOCUMENT
    while store.can_redo:
        store.redo()
    assert store.document == seen[-1]
