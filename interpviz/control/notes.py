"""What is noted of features: each change as a pure function, and the one writer that keeps them in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from interpviz.control.desk import Desk
from interpviz.control.scheduler import Scheduler
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_commands import LONGEST_LIST
from interpviz.core.feature_requests import NotesRequest, WriteNotes
from interpviz.core.feature_results import Explanations, Notes
from interpviz.core.requests import Request

BOOKMARKS = "bookmarks"
LONGEST_LABEL = 1000
LONGEST_NOTE = 10_000


def with_text(notes: Notes, feature: int, text: str) -> Notes:
    """With this noted of a feature; an empty text takes the note away."""
    return replace(notes, texts=_put(notes.texts, feature, text.strip()[:LONGEST_NOTE]))


def with_label(notes: Notes, feature: int, label: str) -> Notes:
    """With a feature called so; an empty label takes the name away."""
    return replace(notes, labels=_put(notes.labels, feature, " ".join(label.split())[:LONGEST_LABEL]))


def with_bookmark(notes: Notes, feature: int) -> Notes:
    """With the feature marked, or no longer marked where it was."""
    return replace(notes, bookmarks=notes.bookmarks ^ {feature})


def with_member(notes: Notes, feature: int, name: str) -> Notes:
    """With the feature in this list, which is made where there is none; out of it where it was in. Empty lists go."""
    name = " ".join(name.split())
    if not name or name == BOOKMARKS or len(name) > LONGEST_LIST:
        raise InterpvizError(
            f"'{name[:LONGEST_LIST]}' cannot name a list. Give one to {LONGEST_LIST} letters, not '{BOOKMARKS}'."
        )
    members = frozenset(members_of(notes, name)) ^ {feature}
    others = tuple(one for one in notes.lists if one[0] != name)
    kept = ((name, tuple(sorted(members))),) if members else ()
    return replace(notes, lists=tuple(sorted((*others, *kept))))


def with_explanations(notes: Notes, found: Explanations) -> Notes:
    """With the labels that another program made, where nobody named the feature."""
    own = dict(notes.labels)
    texts = zip(found.features.tolist(), found.texts, strict=True)
    new = {feature: " ".join(text.split())[:LONGEST_LABEL] for feature, text in texts if feature not in own}
    return replace(notes, labels=tuple(sorted((own | {k: text for k, text in new.items() if text}).items())))


def members_of(notes: Notes, name: str) -> Iterable[int]:
    """The features of a list, or those that are bookmarked; none of a list that there is not."""
    return notes.bookmarks if name == BOOKMARKS else dict(notes.lists).get(name, ())


def lists_of(notes: Notes, feature: int) -> tuple[str, ...]:
    """The names of the lists that a feature is in."""
    return tuple(name for name, members in notes.lists if feature in members)


class NoteWriter:
    """Shows a change at once and writes one after the other: the last of a dictionary is what its file says."""

    def __init__(self, scheduler: Scheduler, desk: Desk) -> None:
        self._scheduler, self._desk = scheduler, desk
        self._running: WriteNotes | None = None
        self._waiting: dict[str, WriteNotes] = {}
        self._makes: dict[str, list[Callable[[Notes], Notes]]] = {}
        scheduler.failed.connect(self._on_failure)

    @property
    def unwritten(self) -> tuple[WriteNotes, ...]:
        """What is not yet in a file, in the order in which it is to be written."""
        return (*((self._running,) if self._running else ()), *self._waiting.values())

    def change(self, dictionary: str, make: Callable[[Notes], Notes]) -> None:
        """Put `make` of what is noted of the dictionary, by its sha256, in the place of that; read first if need be."""
        had: Notes | None = self._desk.answer(NotesRequest(dictionary))
        if had is None:
            self._makes.setdefault(dictionary, []).append(make)
            self._scheduler.start(NotesRequest(dictionary), lambda _: self._change_all(dictionary))
        else:
            self._put(dictionary, had, make(had))

    def _change_all(self, dictionary: str) -> None:
        for make in self._makes.pop(dictionary, []):
            self.change(dictionary, make)

    def _put(self, dictionary: str, had: Notes, notes: Notes) -> None:
        if notes != had:
            self._desk.learn(NotesRequest(dictionary), notes)
            self._waiting[dictionary] = WriteNotes(dictionary, notes)
            self._go_on()

    def _go_on(self) -> None:
        if self._running is None and self._waiting:
            self._running = self._waiting.pop(next(iter(self._waiting)))
            self._scheduler.start(self._running, self._on_written)

    def _on_written(self, _: Any) -> None:
        self._running = None
        self._go_on()

    def _on_failure(self, request: Request, _: str) -> None:
        if request == self._running:
            self._on_written(None)


def _put(pairs: tuple[tuple[int, str], ...], feature: int, text: str) -> tuple[tuple[int, str], ...]:
    others = {one: said for one, said in pairs if one != feature}
    return tuple(sorted((others | ({feature: text} if text else {})).items()))
