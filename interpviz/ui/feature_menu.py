"""The menu of features: what is opened, built, written and looked for in a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from PySide6.QtWidgets import QWidget

from interpviz.control.indexed import index_job
from interpviz.control.store import Store
from interpviz.core.feature_requests import Index
from interpviz.ui import files
from interpviz.ui.menus import Entry
from interpviz.ui.panel import Act, Panel
from interpviz.ui.panels.features import FeaturesPanel
from interpviz.ui.text import legible


class FeatureMenu:
    """What the menu does; `say` tells in a sentence what cannot be done."""

    def __init__(
        self,
        window: QWidget,
        act: Act,
        store: Store,
        panels: Mapping[str, Panel[Any]],
        say: Callable[[str], object],
    ) -> None:
        self._window, self._act, self._store, self._say = window, act, store, say
        self._table = cast(FeaturesPanel, panels["features"])

    def entries(self, open_dictionary: Callable[[], object]) -> list[Entry | None]:
        """The lines of the menu."""
        return [
            Entry("features.dictionary", "Open a dictionary …", self._shown(open_dictionary)),
            Entry("features.open", "Open an index …", self.open_index),
            Entry("features.build", "Build index", self.build),
            None,
            Entry("features.random", "Random feature", self._shown(self._table.choose_random), "Ctrl+Alt+R"),
            Entry("features.jump", "Jump to a feature", self._shown(self._table.begin_jump), "Ctrl+J"),
            Entry("features.filter", "Filter features", self._shown(self._table.filter.setFocus), "Ctrl+F"),
            Entry("features.bookmark", "Bookmark the feature", self._table.bookmark, "Ctrl+B"),
            None,
            Entry("features.export", "Export to Neuronpedia …", self.export),
            Entry("features.explanations", "Import explanations …", self.read_explanations),
        ]

    def open_index(self) -> None:
        """Ask for an index of features."""
        for path in files.ask(self._window, "Open an index of features", files.INDICES)[:1]:
            self._act("index.open", path)

    def build(self) -> None:
        """Look every feature of the dictionary up in the open cache."""
        job = index_job(self._store.document)
        if isinstance(job, Index):
            self._act("features.index", job)
        else:
            self._say(job)

    def export(self) -> None:
        """Ask where to, and write the index and what is noted as Neuronpedia's files."""
        shown = self._store.document.dictionary
        name = f"{shown.name}-neuronpedia" if shown else ""
        if path := files.ask_where(
            self._window, "Export to Neuronpedia into a folder", files.ANYTHING, "", legible(name)
        ):
            self._act("features.export", path)

    def read_explanations(self) -> None:
        """Ask for labels that another program made."""
        for path in files.ask(self._window, "Import explanations", files.EXPLANATIONS)[:1]:
            self._act("explanations.open", path)

    def _shown(self, act: Callable[[], object]) -> Callable[[], None]:
        """The act, once the table is open and in front."""

        def do() -> None:
            self._act("panel.show", self._table.name, True)
            cast(QWidget, self._table.parentWidget()).raise_()
            act()

        return do
