"""How caches and dictionaries are made from the window: their forms, and what to ask before it closes."""

from __future__ import annotations

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from interpviz.control import training
from interpviz.control.recording import Form
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.control.training import TrainForm
from interpviz.core.feature_requests import Train
from interpviz.core.jobs import Foreign, Import, Record
from interpviz.ui import files
from interpviz.ui.import_dialog import ImportDialog
from interpviz.ui.panel import Act
from interpviz.ui.record_dialog import RecordDialog, first_form
from interpviz.ui.train_dialog import TrainDialog

_CLOSING: dict[type, str] = {
    Record: "A recording is running. What is committed stays; record into the same place again to go on.",
    Import: "An import is running. What is committed stays; import into the same place again to go on.",
    Train: "A training is running. Its checkpoint stays; train into the same place again to go on.",
}


class Caches:
    """Opens the forms over a window; what was filled in to record is there again the next time."""

    def __init__(self, window: QWidget, act: Act, store: Store, scheduler: Scheduler) -> None:
        self._window, self._act, self._store, self._scheduler = window, act, store, scheduler
        self._form: Form | None = None
        self._trained: TrainForm | None = None

    def record(self) -> RecordDialog | None:
        """Ask what to record of the open model; without one there is nothing to ask."""
        document = self._store.document
        if document.model is None:
            return None
        form = self._form or first_form(document.model)
        dialog = RecordDialog(form, document.model, document.dictionaries, _documents(), self._record, self._window)
        dialog.finished.connect(lambda _: self._remember(dialog.form))
        dialog.open()
        return dialog

    def train(self) -> TrainDialog | None:
        """Ask what to train on the open cache; without one there is nothing to ask."""
        cache = self._store.document.cache
        if cache is None:
            return None
        form = self._trained if self._trained is not None else training.first_form(cache)
        dialog = TrainDialog(form, cache, _documents(), self._train, self._window)
        dialog.finished.connect(lambda _: self._remember_training(dialog.form))
        dialog.open()
        return dialog

    def choose_import(self) -> None:
        """Ask for a stranger's file of activations, to look into."""
        for path in files.ask(self._window, "Import activations", files.FOREIGN)[:1]:
            self._act("foreign.open", files.whole(path))

    def show_import(self, foreign: Foreign) -> ImportDialog:
        """Ask what the arrays of this file become."""
        dialog = ImportDialog(foreign, self._store.document.model, _documents(), self._import, self._window)
        dialog.open()
        return dialog

    def may_close(self) -> bool:
        """Whether the window may close: asked where that stops a recording or an import."""
        said = next((_CLOSING[type(job)] for job in self._scheduler.jobs if type(job) in _CLOSING), "")
        return not said or _agreed(self._window, said)

    def _record(self, job: Record) -> None:
        self._act("cache.record", job)

    def _import(self, job: Import) -> None:
        self._act("cache.import", job)

    def _train(self, job: Train) -> None:
        self._act("dictionary.train", job)

    def _remember_training(self, form: TrainForm) -> None:
        self._trained = form

    def _remember(self, form: Form) -> None:
        self._form = form


def _agreed(window: QWidget, said: str) -> bool:
    box = QMessageBox(QMessageBox.Icon.Question, "Close the window?", said, parent=window)
    box.setTextFormat(Qt.TextFormat.PlainText)
    close = box.addButton("Close", QMessageBox.ButtonRole.AcceptRole)
    stay = box.addButton("Keep open", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(stay)
    box.exec()
    box.deleteLater()
    return box.clickedButton() is close


def _documents() -> str:
    return QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
