"""The panel of edits on a real store: what is done to it comes back as its next picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from interpviz.control.actions import Actions
from interpviz.control.interventions import InterventionsController, InterventionsPicture, chip
from interpviz.control.runs import edited_run
from interpviz.core.features import DictionaryFacts
from interpviz.core.requests import RunRequest, TokensRequest
from interpviz.ui.panels.edit_row import EditRow
from interpviz.ui.panels.interventions import InterventionsPanel
from tests.control.desks import MODEL, Bench, Engine
from tests.control.test_interventions import ONLY, edits, run, tokens
from tests.ui.conftest import Show

BOOK = DictionaryFacts("book", "/book", "dd", "standard", "blocks.0.hook_resid_post", 8, 16)
WIDE = replace(ONLY, model=replace(MODEL, layers=40, heads=25), dictionaries=(BOOK,))


def bench() -> Bench:
    """A model of 40 layers and a dictionary, whose every run is answered alike."""
    return Bench(Engine({RunRequest: run(), TokensRequest: tokens(0, 1)}), WIDE)


def picture(*made: str, off: tuple[str, ...] = (), **changes: Any) -> InterventionsPicture:
    chips = (*(chip(edit, True) for edit in edits(*made)), *(chip(edit, False) for edit in edits(*off)))
    shown = {
        "chips": tuple(sorted(chips, key=lambda one: one.edit.site)), "told": "; ".join(made), "freeze": False,
        "kept": (), "compared": None, "road": "fast", "pending": False, "snippet": "print()\n", "problem": "",
    }  # fmt: skip
    return InterventionsPicture(**{**shown, **changes})


class Live:
    """The panel, and how to look at it and its document."""

    def __init__(self, bench: Bench, on_screen: Show) -> None:
        self.bench, self.store = bench, bench.store
        self.acts = Actions(bench.store, bench.scheduler, bench.desk, bench.pump.post)
        self.problems: list[str] = []
        self.acts.problem.connect(lambda sentence: self.problems.append(sentence))
        self.panel = InterventionsPanel(self.acts)
        on_screen(self.panel, 520, 300)
        self.controller = InterventionsController(bench.desk, self.panel)
        bench.desk.attach("interventions", self.controller)
        bench.desk.refresh()

    def start(self, *texts: str) -> None:
        self.store.replace(replace(WIDE, interventions=edits(*texts)))

    def row(self, site: str) -> EditRow:
        return next(row for row in self.panel.edits.rows if str(row.edit.site) == site)

    def answered(self) -> bool:
        return self.bench.desk.answer(edited_run(self.store.document)) is not None

    def made(self) -> list[str]:
        """The edits, once every step of a drag was answered."""
        self.bench.pump.until(self.answered)
        self.bench.pump.drain()  # the step that waited for that answer
        self.bench.pump.until(self.answered)
        return sorted(map(str, self.store.document.interventions))


def enter(field: Any, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)
