"""The window: menus, docks, the task bar, and what is shown while nothing is open."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFrame, QMainWindow, QMenu, QScrollArea, QStackedWidget

from interpviz.control.actions import Actions
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core.document import PANELS, Document
from interpviz.core.paths import resource
from interpviz.render.calibration import Road
from interpviz.ui import files
from interpviz.ui.caches import Caches
from interpviz.ui.docks import Board
from interpviz.ui.errors import Faults, NoticeBar
from interpviz.ui.feature_menu import FeatureMenu
from interpviz.ui.icons import icon
from interpviz.ui.menus import Entry, every_action, fill, show_recent
from interpviz.ui.palette import Palette
from interpviz.ui.panel import Panel
from interpviz.ui.panels import make_panels
from interpviz.ui.panels.training import TrainingPanel
from interpviz.ui.shortcuts import Shortcuts
from interpviz.ui.tasks import TaskBar
from interpviz.ui.text import legible
from interpviz.ui.theme import CHOICES, Theme
from interpviz.ui.views import Views
from interpviz.ui.welcome import Welcome


class MainWindow(QMainWindow):
    """Shows a document through its `panels`, and turns menus, keys and drops into acts."""

    def __init__(
        self, actions: Actions, store: Store, scheduler: Scheduler, theme: Theme | None = None, road: Road = "cpu"
    ) -> None:
        super().__init__()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        self.theme = theme or Theme(application)
        self._act, self._store = actions, store
        self._clean: Document | None = None
        self._saving: tuple[str, Document] | None = None
        self._views = Views(road, lambda sentence: self.notice.say(sentence))
        self.panels: Mapping[str, Panel[Any]] = make_panels(actions, self._views.make)
        self.setObjectName("interpviz")
        self.setWindowIcon(icon("app", "#000000", 64))
        self.setAcceptDrops(True)
        self.resize(1400, 900)
        self.setMinimumSize(QSize(720, 520))
        self.welcome = Welcome(self.open_demo, self.open_model, self.open_cache)
        self.board = Board(self.panels, lambda name: actions("panel.show", name, False))
        self._pages = QStackedWidget()
        for page in (self.welcome, _scrolled(self.board)):
            self._pages.addWidget(page)
        self.setCentralWidget(self._pages)
        self.tasks = TaskBar(store, scheduler)
        self.setStatusBar(self.tasks)
        self.notice = NoticeBar(self)
        self.palette_list = Palette(self)
        self.faults = Faults(self, lambda: store.document.prompt.text)
        self.caches = Caches(self, actions, store, scheduler)
        self._recent = QMenu("Recent", self)
        self._recent.setEnabled(False)
        self._features = FeatureMenu(self, actions, store, self.panels, self.notice.say)
        self._entries = self._build_menus()
        self._connect(actions)
        self._on_change()

    def show_recent(self, sources: Iterable[str]) -> None:
        """List these under File, Recent."""
        show_recent(self._recent, sources, lambda source: self._act("paths.open", [source]))

    def layout_text(self) -> str:
        """Where the docks and the window are, to be kept in the settings."""
        parts = (self.saveGeometry(), self.board.saveState())
        return " ".join(base64.b64encode(part.data()).decode() for part in parts)

    def restore_layout(self, text: str) -> None:
        """Put docks and window back where `layout_text` says they were; nonsense changes nothing."""
        geometry, _, docks = text.partition(" ")
        try:
            states = [QByteArray(base64.b64decode(part, validate=True)) for part in (geometry, docks)]
        except ValueError:
            return
        self.restoreGeometry(states[0])
        self.board.restore(states[1])
        self.board.show_panels(self._store.document.panels)

    def open_demo(self) -> None:
        """Open the bundled session."""
        self._act("session.open", str(resource("demo/session.json")))

    def open_model(self) -> None:
        """Ask for a model."""
        for path in files.ask(self, "Open a model", files.MODELS)[:1]:
            self._act("model.open", files.whole(path))

    def open_cache(self) -> None:
        """Ask for a cache."""
        for path in files.ask(self, "Open a cache", files.CACHES)[:1]:
            self._act("cache.open", files.whole(path))

    def open_dictionary(self) -> None:
        """Ask for a dictionary, whose features edits may then name."""
        for path in files.ask(self, "Open a dictionary", files.DICTIONARIES)[:1]:
            self._act("dictionary.open", files.whole(path))

    def record(self) -> None:
        """Ask what to record of the open model."""
        if self.caches.record() is None:
            self.notice.say("There is no model to record. Open one first.")

    def train(self) -> None:
        """Ask for a dictionary to train on the open cache."""
        if self.caches.train() is None:
            self.notice.say("There is no cache to train on. Open or record one first.")

    def open_any(self) -> None:
        """Ask for files of any kind."""
        if paths := files.ask(self, "Open", files.SESSIONS, files.MODELS, files.CACHES, files.DICTIONARIES):
            self._act("paths.open", [files.whole(path) for path in paths])

    def save_session(self) -> None:
        """Ask where to, and save what is shown."""
        if path := files.ask_where(self, "Save the session", files.SESSIONS, ".json"):
            self._saving = path, self._store.document
            self._act("session.save", path)

    def open_shortcuts(self) -> None:
        """List keys and gestures."""
        Shortcuts(every_action(self.menuBar()), self).show()

    def open_console(self) -> None:
        """Open a Python console on what the window shows."""
        from interpviz.ui.console import Console

        Console(self._act, self._store, self).show()

    def open_palette(self) -> None:
        """Offer every act by name."""
        self.palette_list.open(every_action(self.menuBar()))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if files.dropped(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self._act("paths.open", files.dropped(event.mimeData()))

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.caches.may_close():
            event.ignore()
            return
        self._views.close()
        self.faults.close()
        super().closeEvent(event)

    def _connect(self, actions: Actions) -> None:
        self._store.changed.connect(self._on_change)
        self._store.changed.connect(self._on_choice)
        actions.problem.connect(self.notice.say)
        actions.saved.connect(self._on_saved)
        actions.opened.connect(self._on_opened)
        actions.foreign.connect(lambda found: self.caches.show_import(found))
        training = self.panels["training"]
        assert isinstance(training, TrainingPanel)
        training.asked.connect(self.train)
        training.begun.connect(self.board.dock("training").raise_)

    def _menu_entries(self) -> dict[str, list[Entry | None]]:
        act = self._act
        panels = [
            Entry(f"panel.{name}", f"Show {panel.title}", partial(self._turn, name), _panel_key(k), True)
            for k, (name, panel) in enumerate(self.panels.items())
        ]
        themes = [Entry(f"theme.{c}", f"Theme: {c}", partial(self.theme.choose, c)) for c in CHOICES]
        return {
            "File": self._file_entries(),
            "Edit": [
                Entry("undo", "Undo", lambda: act("edit.undo"), "Ctrl+Z"),
                Entry("redo", "Redo", lambda: act("edit.redo"), "Ctrl+Shift+Z"),
                None,
                Entry("clear", "Clear interventions", lambda: act("intervention.clear"), "Ctrl+Backspace"),
                Entry("unselect", "Clear selection", lambda: act("selection.set", ()), "Ctrl+Shift+A"),
            ],
            "View": [
                *panels,
                None,
                *themes,
                Entry("theme.turn", "Switch light and dark", self.theme.turn, "Ctrl+Shift+T"),
                None,
                Entry("layout.reset", "Reset layout", self.board.start_over, "Ctrl+R"),
                Entry("palette", "Command palette", self.open_palette, "Ctrl+Shift+P"),
                Entry("console", "Console", self.open_console, "Ctrl+Shift+C"),
            ],
            "Features": self._features.entries(self.open_dictionary),
            "Help": [Entry("shortcuts", "Shortcuts", self.open_shortcuts, "F1")],
        }

    def _file_entries(self) -> list[Entry | None]:
        return [
            Entry("open", "Open …", self.open_any, "Ctrl+O"),
            Entry("open.model", "Open model …", self.open_model, "Ctrl+M"),
            Entry("open.cache", "Open cache …", self.open_cache),
            Entry("open.dictionary", "Open dictionary …", self.open_dictionary),
            Entry("open.demo", "Open demo", self.open_demo, "Ctrl+D"),
            None,
            Entry("cache.record", "Record activations …", self.record, "Ctrl+Shift+R"),
            Entry("cache.import", "Import activations …", self.caches.choose_import),
            Entry("dictionary.train", "Train a dictionary …", self.train, "Ctrl+Shift+D"),
            None,
            Entry("save", "Save session …", self.save_session, "Ctrl+S"),
            None,
            Entry("quit", "Quit", self.close, "Ctrl+Q"),
        ]

    def _build_menus(self) -> dict[str, QAction]:
        built: dict[str, QAction] = {}
        for title, entries in self._menu_entries().items():
            menu = self.menuBar().addMenu(title)
            built |= fill(menu, entries)
            if title == "File":
                menu.insertMenu(built["save"], self._recent)
                menu.insertSeparator(built["save"])
        return built

    def _turn(self, panel: str) -> None:
        self._act("panel.show", panel, panel not in self._store.document.panels)
        self._on_change()

    def _on_saved(self, path: str) -> None:
        """What the user saved is clean; what is saved in the background is not."""
        if self._saving is not None and self._saving[0] == path:
            self._clean = self._saving[1]
            self._on_change()

    def _on_opened(self, _: str) -> None:
        """A session that was just opened, or the first thing in an empty window, is clean."""
        if not self._store.can_undo or self._clean is None:
            self._clean = self._store.document
        self._on_change()

    def _on_change(self) -> None:
        document = self._store.document
        self._pages.setCurrentIndex(0 if document.model is None and document.cache is None else 1)
        self.board.show_panels(document.panels)
        for name in PANELS:
            self._entries[f"panel.{name}"].setChecked(name in document.panels)
        self._entries["undo"].setEnabled(self._store.can_undo)
        self._entries["redo"].setEnabled(self._store.can_redo)
        self._entries["clear"].setEnabled(bool(document.interventions))
        self.setWindowTitle(f"{_title(document)}[*]")
        self.setWindowModified(self._clean is not None and document != self._clean)
        self.tasks.describe(_described(document))

    def _on_choice(self, old: Document, new: Document) -> None:
        """What was just opened or chosen is not left behind other tabs."""
        if (new.index is not None and new.index != old.index) or (new.dictionary and new.dictionary != old.dictionary):
            self.board.dock("features").raise_()
        if new.features.feature is not None and new.features.feature != old.features.feature:
            self.board.dock("feature").raise_()


def _scrolled(board: Board) -> QScrollArea:
    """The board, to scroll in where the window is too small for it: docks would lie over each other."""
    area = QScrollArea(widgetResizable=True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(board)
    return area


def _panel_key(place: int) -> str:
    return f"Alt+{'Shift+' * (place >= 10)}{(place + 1) % 10}"


def _title(document: Document) -> str:
    name = document.model.name if document.model else document.cache.name if document.cache else ""
    return f"{legible(name)} – interpviz" if name else "interpviz"


def _described(document: Document) -> str:
    model, cache = document.model, document.cache
    parts = [f"{model.name}: {model.layers} layers, {model.heads} heads, width {model.d_model:,}"] if model else []
    parts += [f"{cache.name}: {cache.tokens:,} tokens"] if cache else []
    several, shown = document.dictionaries, document.dictionary
    parts += [f"{shown.name}: {shown.features:,} features"] if shown else []
    parts += [f"{len(several) - 1} more dictionar{'ies' if len(several) > 2 else 'y'}"] if len(several) > 1 else []
    return "  ·  ".join(parts)
