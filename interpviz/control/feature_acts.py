"""The acts on features that do more than change the document: notes, indices, exports."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from interpviz.control.desk import Desk
from interpviz.control.notes import (
    NoteWriter,
    with_bookmark,
    with_explanations,
    with_label,
    with_member,
    with_text,
)
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core import feature_commands
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import (
    ExportFeatures,
    Index,
    OpenIndex,
    ReadExplanations,
    WriteNotes,
)
from interpviz.core.feature_results import Explanations
from interpviz.core.features import DictionaryFacts, IndexFacts, NoIndex

FEATURE_JOBS = (Index, OpenIndex, WriteNotes, ExportFeatures, ReadExplanations)


class FeatureActs:
    """`acts` by name. `opened(source)` and `saved(path)` are told of files that were opened and written."""

    def __init__(
        self,
        store: Store,
        scheduler: Scheduler,
        desk: Desk,
        opened: Callable[[str], None],
        saved: Callable[[str], None],
    ) -> None:
        self._store, self._scheduler, self._opened, self._saved = store, scheduler, opened, saved
        self.notes = NoteWriter(scheduler, desk)
        self.acts: dict[str, Callable[..., None]] = {
            "features.index": self._index,
            "index.open": self.open_index,
            "notes.write": self._write,
            "notes.bookmark": lambda dictionary, feature: self._change(dictionary, with_bookmark, feature),
            "notes.label": lambda dictionary, feature, text: self._change(dictionary, with_label, feature, text),
            "notes.text": lambda dictionary, feature, text: self._change(dictionary, with_text, feature, text),
            "notes.list": lambda dictionary, feature, name: self._change(dictionary, with_member, feature, name),
            "features.export": self._export,
            "explanations.open": self._read_explanations,
        }

    def open_index(self, source: str) -> None:
        """Open an index of features."""

        def done(facts: IndexFacts) -> None:
            self._store.apply(feature_commands.open_index, facts)
            self._opened(source)

        self._scheduler.start(OpenIndex(source), done)

    def open_beside(self, dictionary: DictionaryFacts) -> None:
        """Open the index that lies beside the dictionary's folder, where one does."""
        if os.path.isfile(dictionary.index_place):
            self._scheduler.start(
                OpenIndex(dictionary.index_place), partial(self._store.apply, feature_commands.open_index)
            )

    def _index(self, job: Index) -> None:
        self._scheduler.start(job, partial(self._store.apply, feature_commands.open_index))

    def _change(self, dictionary: str, make: Callable[..., Any], *args: Any) -> None:
        self.notes.change(dictionary, lambda notes: make(notes, *args))

    def _write(self, job: WriteNotes) -> None:
        self.notes.change(job.dictionary_sha256, lambda _: job.notes)

    def _export(self, out: str) -> None:
        index = self._store.document.index
        if index is None:
            raise NoIndex(self._dictionary().name)
        self._scheduler.start(ExportFeatures(index, out), lambda path: self._saved(str(path)))

    def _read_explanations(self, source: str) -> None:
        """Take labels that another program made for those of features that nobody named."""
        shown = self._dictionary()

        def done(found: Explanations) -> None:
            self._change(shown.sha256, with_explanations, found)

        self._scheduler.start(ReadExplanations(source), done)

    def _dictionary(self) -> DictionaryFacts:
        shown = self._store.document.dictionary
        if shown is None:
            raise InterpvizError("No dictionary is open. Open the one whose features are meant first.")
        return shown
