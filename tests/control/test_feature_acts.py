"""The acts on features that start work: what is asked, and what the document and the notes become."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interpviz.control.actions import Actions
from interpviz.core import commands
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import (
    ExportFeatures,
    Index,
    NotesRequest,
    OpenIndex,
    ReadExplanations,
    WriteNotes,
)
from interpviz.core.feature_results import Explanations, Notes
from interpviz.core.jobs import ContentsRequest, OpenDictionary
from tests.control.desks import Bench, Engine
from tests.control.feature_samples import INDEX, INDEXED, NOTES, SAE

DICTIONARY = replace(INDEXED, indices=())


class Told:
    """What actions said."""

    def __init__(self, actions: Actions) -> None:
        self.problems: list[str] = []
        self.opened: list[str] = []
        self.saved: list[str] = []
        actions.problem.connect(self.problems.append)
        actions.opened.connect(self.opened.append)
        actions.saved.connect(self.saved.append)


def started(bench: Bench) -> tuple[Actions, Told]:
    actions = Actions(bench.store, bench.scheduler, bench.desk, lambda call: call())
    return actions, Told(actions)


def bench(answers: dict[Any, Any], document: Document = DICTIONARY) -> Bench:
    closed = replace(document, panels=frozenset())
    return Bench(Engine({NotesRequest: NOTES, **answers}), closed)


def test_an_index_that_was_built_is_shown():
    job = Index("/d/sae", "toy", "c.acts")
    with bench({job: INDEX}) as one:
        actions, _ = started(one)
        actions("features.index", job)
        one.pump.until(lambda: one.store.document.index is not None)
        assert one.store.document.index == INDEX


def test_an_index_is_opened_by_name_and_by_what_it_is():
    with bench({OpenIndex: INDEX, ContentsRequest: "index"}) as one:
        actions, told = started(one)
        actions("index.open", "/d/sae.features.h5")
        one.pump.until(lambda: told.opened == ["/d/sae.features.h5"])
        assert one.store.document.index == INDEX
        actions("paths.open", ["/e.features.h5"])
        one.pump.until(lambda: len(told.opened) == 2)
        assert OpenIndex("/e.features.h5") in one.engine.asked


def test_a_dictionary_brings_the_index_that_lies_beside_it(tmp_path: Path):
    (tmp_path / "sae").mkdir()
    beside = tmp_path / "sae.features.h5"
    facts = replace(SAE, source=str(tmp_path / "sae"))
    with bench({OpenDictionary: (facts,), OpenIndex: INDEX}, Document()) as one:
        actions, told = started(one)
        actions("dictionary.open", facts.source)
        one.pump.until(lambda: bool(told.opened))
        assert not any(isinstance(request, OpenIndex) for request in one.engine.asked)
        beside.touch()
        actions("dictionary.open", facts.source)
        one.pump.until(lambda: one.store.document.index == INDEX)
        assert OpenIndex(str(beside)) in one.engine.asked


def test_an_index_that_cannot_be_opened_is_said_to_be():
    with bench({OpenIndex: InterpvizError("x is damaged. Build it again.")}) as one:
        actions, told = started(one)
        actions("index.open", "x")
        one.pump.until(lambda: bool(told.problems))
        assert told.problems == ["x is damaged. Build it again."]


@pytest.mark.parametrize(
    ("act", "args", "kept"),
    [
        ("notes.bookmark", (2,), replace(NOTES, bookmarks=NOTES.bookmarks | {2})),
        ("notes.label", (1, ""), replace(NOTES, labels=())),
        ("notes.text", (1, "no"), replace(NOTES, texts=((1, "no"),))),
        ("notes.list", (3, "pets"), replace(NOTES, lists=(("pets", (0, 1, 3, 5)),))),
    ],
)
def test_what_is_noted_is_written(act: str, args: tuple[Any, ...], kept: Notes):
    with bench({}) as one:
        actions, _ = started(one)
        actions(act, "5a", *args)
        one.pump.until(lambda: WriteNotes("5a", kept) in one.engine.asked)
        one.pump.until(lambda: not actions.features.notes.unwritten)
        assert one.desk.answer(NotesRequest("5a")) == kept


def test_whole_notes_can_be_written():
    with bench({}) as one:
        actions, _ = started(one)
        actions("notes.write", WriteNotes("5a", Notes()))
        one.pump.until(lambda: any(isinstance(request, WriteNotes) for request in one.engine.asked))
        assert WriteNotes("5a", Notes()) in one.engine.asked


def test_a_list_that_cannot_be_named_so_is_refused_in_a_sentence():
    with bench({}) as one:
        actions, told = started(one)
        one.desk.learn(NotesRequest("5a"), NOTES)
        actions("notes.list", "5a", 1, "bookmarks")
        assert "cannot name a list" in told.problems[0]


def test_explanations_become_labels_of_what_nobody_named():
    found = Explanations("d", np.array([1, 4], np.int32), ("cats", "apes"), np.zeros(2, np.float32))
    with bench({ReadExplanations: found}) as one:
        actions, _ = started(one)
        actions("explanations.open", "d.json")
        labels = ((1, "animals"), (4, "apes"))
        one.pump.until(lambda: any(isinstance(request, WriteNotes) for request in one.engine.asked))
        assert one.engine.asked[-1] == WriteNotes("5a", replace(NOTES, labels=labels))


def test_an_index_is_exported_and_without_one_there_is_nothing_to_export():
    with bench({ExportFeatures: "/out"}, INDEXED) as one:
        actions, told = started(one)
        actions("features.export", "/out")
        one.pump.until(lambda: told.saved == ["/out"])
        assert ExportFeatures(INDEX, "/out") in one.engine.asked
    with bench({}) as one:
        actions, told = started(one)
        actions("features.export", "/out")
        assert told.problems[0].startswith("There is no index of sae yet.")


def test_without_a_dictionary_there_is_nothing_to_export_or_to_explain():
    with bench({}, commands.open_model(Document(), INDEXED.model)) as one:  # type: ignore[arg-type]
        actions, told = started(one)
        actions("features.export", "/out")
        actions("explanations.open", "d.json")
        assert told.problems == ["No dictionary is open. Open the one whose features are meant first."] * 2
