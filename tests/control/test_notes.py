"""What is noted of features: each change alone, and that the last of several is what is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from interpviz.control import notes
from interpviz.control.notes import NoteWriter
from interpviz.control.scheduler import STOPPED
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import NotesRequest, WriteNotes
from interpviz.core.feature_results import Explanations, Notes
from tests.control.desks import Bench, Engine

HAD = Notes(texts=((2, "b"),), labels=((1, "dogs"),), bookmarks=frozenset({4}), lists=(("pets", (1, 3)),))
SHA = "5a"


def test_a_note_and_a_label_replace_those_there_were_and_empty_ones_take_them_away():
    assert notes.with_text(HAD, 1, " see also 7\n").texts == ((1, "see also 7"), (2, "b"))
    assert notes.with_text(HAD, 2, "  ").texts == ()
    assert notes.with_label(HAD, 1, "cats  and\ndogs").labels == ((1, "cats and dogs"),)
    assert notes.with_label(HAD, 1, "").labels == ()


def test_a_bookmark_is_set_and_taken_away():
    assert notes.with_bookmark(HAD, 2).bookmarks == {2, 4}
    assert notes.with_bookmark(HAD, 4).bookmarks == frozenset()


def test_lists_begin_with_their_first_feature_and_end_with_their_last():
    assert notes.with_member(HAD, 2, "pets").lists == (("pets", (1, 2, 3)),)
    assert notes.with_member(HAD, 9, " my  list ").lists == (("my list", (9,)), ("pets", (1, 3)))
    alone = notes.with_member(HAD, 1, "pets")
    assert notes.with_member(alone, 3, "pets").lists == ()
    assert notes.lists_of(HAD, 3) == ("pets",)
    assert (set(notes.members_of(HAD, "bookmarks")), tuple(notes.members_of(HAD, "gone"))) == ({4}, ())


@pytest.mark.parametrize("name", ["", "  ", "bookmarks", "a" * 61])
def test_a_list_without_a_name_of_its_own_is_refused(name: str):
    with pytest.raises(InterpvizError, match="cannot name a list"):
        notes.with_member(HAD, 1, name)


def test_explanations_name_what_nobody_named():
    found = Explanations("d.json", np.array([1, 5, 6], np.int32), ("pets", "cars", ""), np.zeros(3, np.float32))
    assert notes.with_explanations(HAD, found).labels == ((1, "dogs"), (5, "cars"))


def desk(answers: dict[Any, Any] | None = None) -> Bench:
    return Bench(Engine({NotesRequest: HAD, **(answers or {})}), Document())


def test_a_change_is_shown_at_once_and_reads_first_what_there_was():
    with desk() as bench:
        writer = NoteWriter(bench.scheduler, bench.desk)
        writer.change(SHA, lambda had: notes.with_bookmark(had, 2))
        writer.change(SHA, lambda had: notes.with_label(had, 2, "cats"))
        bench.pump.until(lambda: len(writer.unwritten) == 1)
        kept: Notes = bench.desk.answer(NotesRequest(SHA))
        assert (kept.bookmarks, kept.label(2), kept.label(1)) == (frozenset({2, 4}), "cats", "dogs")
        bench.pump.until(lambda: not writer.unwritten)
        written = [one.notes for one in bench.engine.asked if isinstance(one, WriteNotes)]
        assert written[-1] == kept


def test_of_changes_that_come_while_one_is_written_the_last_is_written_and_none_overtakes():
    first = WriteNotes(SHA, notes.with_bookmark(HAD, 1))
    with desk() as bench:
        begun, go_on = bench.engine.hold(first)
        writer = NoteWriter(bench.scheduler, bench.desk)
        bench.desk.learn(NotesRequest(SHA), HAD)
        writer.change(SHA, lambda had: notes.with_bookmark(had, 1))
        assert begun.wait(20)
        for feature in (2, 3):
            writer.change(SHA, lambda had, feature=feature: notes.with_bookmark(had, feature))  # type: ignore[misc]
        last = WriteNotes(SHA, Notes(HAD.texts, HAD.labels, frozenset({1, 2, 3, 4}), HAD.lists))
        assert writer.unwritten == (first, last)
        go_on.set()
        bench.pump.until(lambda: not writer.unwritten)
        assert bench.engine.asked == [first, last]


def test_a_change_that_changes_nothing_writes_nothing():
    with desk() as bench:
        bench.desk.learn(NotesRequest(SHA), HAD)
        writer = NoteWriter(bench.scheduler, bench.desk)
        writer.change(SHA, lambda had: notes.with_label(had, 1, "dogs"))
        assert (writer.unwritten, bench.engine.asked) == ((), [])


def test_after_a_write_that_failed_the_next_change_writes_all():
    refused = WriteNotes(SHA, notes.with_bookmark(HAD, 1))
    with desk({refused: InterpvizError("The disk is full. Make room.")}) as bench:
        bench.desk.learn(NotesRequest(SHA), HAD)
        writer = NoteWriter(bench.scheduler, bench.desk)
        said: list[str] = []
        bench.scheduler.failed.connect(lambda _, sentence: said.append(sentence))
        writer.change(SHA, lambda had: notes.with_bookmark(had, 1))
        bench.pump.until(lambda: bool(said))
        assert said == ["The disk is full. Make room."] != [STOPPED]
        writer.change(SHA, lambda had: notes.with_bookmark(had, 2))
        bench.pump.until(lambda: not writer.unwritten)
        last = bench.engine.asked[-1]
        assert isinstance(last, WriteNotes)
        assert last.notes.bookmarks == {1, 2, 4}
