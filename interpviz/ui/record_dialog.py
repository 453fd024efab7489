"""The form of a recording: which texts, which activations, how many tokens, and where to."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QLayout, QScrollArea, QVBoxLayout, QWidget

from interpviz.control import places, recording
from interpviz.control.recording import Form
from interpviz.core.document import ModelFacts
from interpviz.core.features import DictionaryFacts
from interpviz.core.jobs import Record, StoredAs
from interpviz.ui import files
from interpviz.ui.forms import SPIN_INDENT, UNKNOWN_SIZE, Foot, PlaceRow, SitesField, column, dress, form_grid, row
from interpviz.ui.panels.fields import Chooser, Tick
from interpviz.ui.panels.spins import WholeField
from interpviz.ui.text import ElidedLabel, Label, button, legible
from interpviz.ui.text_list import TextList

_MOST_TOKENS = 2_000_000_000
_MOST_KEPT = 65_535
_TICKS = 4  # dictionaries seen at once
_KINDS = (("R", "All residuals"), ("A", "All attention"), ("M", "All MLPs"))
_STORED = (("float16", "float16"), ("bfloat16", "bfloat16"))


def first_form(model: ModelFacts) -> Form:
    """The form as it is before anybody filled it in."""
    return Form(context=min(128, model.context), workers=max(1, cores() - 1))


def cores() -> int:
    """How many processes run at once here."""
    return os.cpu_count() or 1


class RecordDialog(QDialog):
    """Asks for a recording of the open model; `start(job)` is called with it. `documents` is the user's folder."""

    def __init__(
        self,
        form: Form,
        model: ModelFacts,
        dictionaries: Sequence[DictionaryFacts],
        documents: str,
        start: Callable[[Record], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._model, self._dictionaries, self._documents, self._start = model, dictionaries, documents, start
        self._sizes: dict[str, int] = {}
        self.setWindowTitle("Record activations")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "form")
        self.setAcceptDrops(True)
        self._make_fields()
        self._lay_out()
        self._fill(form)
        self._connect()
        self._on_texts()

    @property
    def form(self) -> Form:
        """What is filled in; its place is empty while it is the one proposed."""
        return replace(self._filled(), out=self.place.own)

    def accept(self) -> None:
        if self.foot.go.isEnabled():
            job = recording.job(self._filled(), self._model, self._dictionaries)
            super().accept()
            self._start(job)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if files.dropped(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.texts.add(files.dropped(event.mimeData()))

    def _make_fields(self) -> None:
        model = self._model
        self.texts = TextList()
        self.add = button("Add files …", "Add texts to run the model over", self._ask_texts)
        self.remove = button("Remove", "Remove the chosen texts from the list  Del", self.texts.remove_chosen)
        self.sites = SitesField(recording.whole_sites(model))
        self.quick = [
            button(text, f"Add {text.replace('All', 'all')} to the sites", partial(self._add_sites, letter))
            for letter, text in _KINDS
            if letter != "M" or model.d_mlp
        ]
        self.said = Label(role="muted")
        self.said.setAccessibleName("What the sites mean")
        self.said.setWordWrap(True)
        self.ticks = [Tick(_described(one), "accent", self._on_change) for one in self._dictionaries]
        for tick in self.ticks:
            tick.setAccessibleName(f"Keep features of {tick.text()}")
        self.kept = WholeField("Features kept a token", "How many of its features are kept a token", 1, _MOST_KEPT, 92)
        self.tokens = WholeField("Tokens", "Stop after so many tokens; 0 records all of the text", 0, _MOST_TOKENS, 150)
        self.tokens.setSpecialValueText("all of the text")
        self.tokens.setSingleStep(10_000)
        self.context = WholeField("Context", "Tokens a context, its beginning included", 2, model.context, 92)
        self.stored = Chooser(self._on_change)
        self.stored.name("Stored as", "bfloat16 has the range of float32 and 8 bits; float16 has 11 bits")
        self.workers = WholeField("Workers", "Processes that run the model side by side", 1, cores(), 92)
        self.place = PlaceRow()
        self.takes = Label(role="muted")
        self.takes.setAccessibleName("Room on the disk")
        self.foot = Foot("Record", "Start recording", self.accept, self.reject)
        for spin in (self.kept, self.tokens, self.context, self.workers):
            spin.setGroupSeparatorShown(True)
            spin.lineEdit().setTextMargins(SPIN_INDENT, 0, 0, 0)  # what a style sheet says of it is not heard

    def _connect(self) -> None:
        for spin in (self.kept, self.tokens, self.context, self.workers):
            spin.valueChanged.connect(self._on_change)
        self.sites.textChanged.connect(self._on_change)
        self.texts.changed.connect(self._on_texts)
        self.place.changed.connect(self._on_change)

    def _lay_out(self) -> None:
        facts = self._model
        model = ElidedLabel(legible(f"{facts.name}  ·  {facts.layers} layers, width {facts.d_model:,}"))
        lines: tuple[tuple[str, QWidget | QLayout, QWidget | None], ...] = (
            ("Model", model, None),
            ("Texts", column(self.texts, row(self.add, self.remove, None)), self.texts),
            ("Sites", column(self.sites, row(*self.quick, None), self.said), self.sites),
            ("Dictionaries", self._dictionary_lines(), self.ticks[0] if self.ticks else None),
            ("Tokens", row(self.tokens, Label("in contexts of", "muted"), self.context, None), self.tokens),
            ("Stored as", row(self.stored, None), self.stored),
            ("Workers", row(self.workers, Label("processes run the model side by side", "muted"), None), self.workers),
            ("Write to", column(self.place, self.takes), self.place.field),
        )
        grid = form_grid(lines)
        grid.setRowStretch(1, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 20, 24, 18)
        whole.setSpacing(16)
        whole.addLayout(grid, 1)
        whole.addWidget(self.foot)
        self.resize(640, 680)

    def _dictionary_lines(self) -> QLayout:
        if not self.ticks:
            told = Label("None is open. Open a dictionary first to keep its features beside the sites.", "muted")
            told.setWordWrap(True)
            return column(told)
        inside = QWidget()
        inside.setObjectName("clear")
        stack = QVBoxLayout(inside)
        stack.setContentsMargins(0, 4, 0, 0)
        stack.setSpacing(4)
        for tick in self.ticks:
            stack.addWidget(tick)
        ticks = QScrollArea(widgetResizable=True)
        ticks.setWidget(inside)
        ticks.setFixedHeight(inside.sizeHint().height() * min(len(self.ticks), _TICKS) // len(self.ticks) + 2)
        kept = row(Label("keep the", "muted"), self.kept, Label("strongest features a token", "muted"), None)
        return column(ticks, kept)

    def _fill(self, form: Form) -> None:
        self.sites.setText(form.sites)
        for tick, one in zip(self.ticks, self._dictionaries, strict=True):
            tick.setChecked(one.name in form.dictionaries)
        self.kept.setValue(form.k)
        self.tokens.setValue(form.tokens or 0)
        self.context.setValue(form.context)
        self.stored.offer(_STORED, form.dtype)
        self.workers.setValue(form.workers)
        self.place.take(form.out)
        self.texts.add(form.texts)

    def _filled(self) -> Form:
        ticked = zip(self.ticks, self._dictionaries, strict=True)
        return Form(
            texts=self.texts.paths,
            sites=self.sites.text(),
            dictionaries=tuple(one.name for tick, one in ticked if tick.isChecked()),
            k=self.kept.value(),
            tokens=self.tokens.value() or None,
            context=self.context.value(),
            dtype=cast(StoredAs, self.stored.key),
            workers=self.workers.value(),
            out=self.place.field.text().strip(),
        )

    def _ask_texts(self) -> None:
        self.texts.add(files.ask(self, "Add texts", files.TEXTS))

    def _add_sites(self, letter: str) -> None:
        self.sites.add(recording.of_kind(self._model, letter))

    def _on_texts(self) -> None:
        texts = self.texts.paths
        self._sizes = recording.sizes_of(texts)
        self.remove.setEnabled(bool(texts))
        name = recording.proposed_name(self._model, texts)
        self.place.propose(recording.proposed_place(name, texts[0] if texts else "", self._documents))
        self._on_change()

    def _on_change(self, _: object = None) -> None:
        form = self._filled()
        self.kept.setEnabled(bool(form.dictionaries))
        wrong = recording.sites_problem(form.sites, self._model)
        self.said.setText(legible(wrong or _meaning(form, self._model)))
        dress(self.said, "wrong" if wrong else "muted")
        found = recording.estimate(form, self._model, self._sizes, places.free_at(form.out))
        self.takes.setText(found.sentence if found else UNKNOWN_SIZE)
        dress(self.takes, "wrong" if found and not found.fits else "muted")
        missing = recording.problem(form, self._model, self._dictionaries, self._sizes)
        there = "A cache is there already. The same recording goes on with it; another needs another name."
        note = there if recording.goes_on(form.out) else ""
        self.foot.show_problem("Correct the sites." if wrong and missing == wrong else missing, note)


def _meaning(form: Form, model: ModelFacts) -> str:
    count = len(recording.sites(form.sites, model))
    return f"{count} activation{'s' * (count != 1)} a token" if count else "Names apart by spaces, such as L0R L1R"


def _described(one: DictionaryFacts) -> str:
    return legible(f"{one.name}  ·  {one.hook}  ·  {one.features:,} features")
