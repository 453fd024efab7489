"""The form of a training: what the dictionary reads and writes, how wide it is and of which kind, and where to."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLayout, QVBoxLayout, QWidget

from interpviz.control import places, training
from interpviz.control.training import TrainForm
from interpviz.core.document import CacheFacts
from interpviz.core.feature_requests import Train
from interpviz.core.features import DictionaryKind
from interpviz.core.sites import short_name
from interpviz.ui import files
from interpviz.ui.forms import SPIN_INDENT, Foot, PlaceRow, column, form_grid, row
from interpviz.ui.panels.fields import Chooser, Tick
from interpviz.ui.panels.spins import WholeField
from interpviz.ui.text import ElidedLabel, Label, legible

_MOST_ROWS = 2_000_000_000
_WIDEST = 2**20
_NOTHING = ("", "nothing else: it reads and writes the same")
_THERE = "A training was interrupted there. The same one goes on with it; another needs another name."


class TrainDialog(QDialog):
    """Asks for a training on the open cache; `start(job)` is called with it. `documents` is the user's folder."""

    def __init__(
        self,
        form: TrainForm,
        cache: CacheFacts,
        documents: str,
        start: Callable[[Train], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._cache, self._documents, self._start = cache, documents, start
        self.setWindowTitle("Train a dictionary")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "form")
        self._make_fields()
        self._lay_out()
        self._fill(form)
        for spin in (self.width_field, self.k, self.rows, self.seed):
            spin.valueChanged.connect(self._on_change)
        self.place.changed.connect(self._on_change)
        self._on_change()

    @property
    def form(self) -> TrainForm:
        """What is filled in; its place is empty while it is the one proposed."""
        return self._filled(self.place.own)

    def accept(self) -> None:
        if self.foot.go.isEnabled():
            job = training.job(self._filled(self.place.field.text().strip()), self._cache)
            super().accept()
            self._start(job)

    def _make_fields(self) -> None:
        self.site = Chooser(self._on_change)
        self.site.name("What it reads", "The recorded activation that the dictionary takes apart")
        self.to = Chooser(self._on_change)
        self.to.name("What it writes", "A transcoder reads one activation and writes another, such as an MLP's output")
        self.skip = Tick("with a linear path beside its features", "accent", self._on_change)
        self.skip.setAccessibleName("A linear path beside its features")
        self.kind = Chooser(self._on_change)
        self.kind.name("Kind", "How it is decided which features are active")
        self.says = Label(role="muted")
        self.width_field = WholeField("Features", "How many features the dictionary has", 2, _WIDEST, 110)
        self.k = WholeField("Features active a token", "How many features a token has", 1, 10_000, 92)
        self.rows = WholeField("Tokens", "How many tokens are seen in all; 0 is all of the cache", 0, _MOST_ROWS, 190)
        self.rows.setSpecialValueText("all of the cache")
        self.rows.setSingleStep(100_000)
        self.seed = WholeField("Seed", "The number that chance is drawn from", 0, 2**31 - 1, 110)
        self.place = PlaceRow("dictionary", files.TRAINED, "")
        self.foot = Foot("Train", "Start training", self.accept, self.reject)
        for spin in (self.width_field, self.k, self.rows, self.seed):
            spin.setGroupSeparatorShown(True)
            spin.lineEdit().setTextMargins(SPIN_INDENT, 0, 0, 0)  # what a style sheet says of it is not heard

    def _lay_out(self) -> None:
        facts = self._cache
        cache = ElidedLabel(legible(f"{facts.name}  ·  {facts.tokens:,} tokens of {facts.model}"))
        self.counted = QWidget()
        counted = row(self.k, Label("active a token", "muted"), None)
        counted.setContentsMargins(0, 0, 0, 0)
        self.counted.setLayout(counted)
        lines: tuple[tuple[str, QWidget | QLayout, QWidget | None], ...] = (
            ("Cache", row(cache), None),
            ("Reads", row(self.site, None), self.site),
            ("Writes", column(row(self.to, None), self.skip), self.to),
            ("Kind", column(row(self.kind, None), self.says), self.kind),
            ("Features", row(self.width_field, self.counted, None), self.width_field),
            ("Tokens", row(self.rows, Label("seen in all, shuffled", "muted"), None), self.rows),
            ("Seed", row(self.seed, None), self.seed),
            ("Write to", self.place, self.place.field),
        )
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 20, 24, 18)
        whole.setSpacing(16)
        whole.addLayout(form_grid(lines), 1)
        whole.addWidget(self.foot)
        self.resize(600, 500)

    def _fill(self, form: TrainForm) -> None:
        sites = [(hook, _named(hook)) for hook in self._cache.sites] or [("", "nothing is recorded")]
        known = {hook for hook, _ in sites}
        self.site.offer(sites, form.site if form.site in known else sites[0][0])
        self.to.offer([_NOTHING, *sites], form.to if form.to in known else "")
        self.skip.setChecked(form.skip)
        self.kind.offer([(kind, name) for kind, name, _ in training.KINDS], form.kind)
        self.width_field.setValue(form.width)
        self.k.setValue(form.k)
        self.rows.setValue(form.rows or 0)
        self.seed.setValue(form.seed)
        self.place.take(form.out)

    def _filled(self, out: str) -> TrainForm:
        return TrainForm(
            site=self.site.key,
            to="" if self.to.key == self.site.key else self.to.key,
            skip=self.skip.isChecked(),
            width=self.width_field.value(),
            kind=cast(DictionaryKind, self.kind.key),
            k=self.k.value(),
            rows=self.rows.value() or None,
            seed=self.seed.value(),
            out=out,
        )

    def _on_change(self, _: object = None) -> None:
        form = self._filled(self.place.field.text().strip())
        name = training.proposed_name(form, self._cache)
        self.place.propose(places.proposed(name, self._cache.source, self._documents))
        form = self._filled(self.place.field.text().strip())
        self.skip.setEnabled(bool(form.to))
        self.counted.setVisible(form.kind in training.COUNTED)
        self.says.setText(next(says for kind, _, says in training.KINDS if kind == form.kind))
        note = _THERE if training.goes_on(form.out) else ""
        self.foot.show_problem(training.problem(form, self._cache), note)


def _named(hook: str) -> str:
    short = short_name(hook)
    return hook if short == hook else f"{short}  ·  {hook}"
