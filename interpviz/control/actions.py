"""Every act by its name: what a click, a menu, a key or the console does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from psygnal import Signal

from interpviz.control.desk import Desk
from interpviz.control.plan import cache_tokens_request
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core import commands
from interpviz.core.document import CacheFacts, Document, ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.requests import ContentsRequest, OpenCache, OpenModel, OpenSession, Request, SaveSession
from interpviz.core.results import CacheTokens

COMMANDS: dict[str, Callable[..., Document]] = {
    "prompt.set": commands.set_prompt,
    "contrast.set": commands.set_contrast,
    "target.set": commands.set_target,
    "intervention.toggle": commands.toggle_intervention,
    "intervention.ablate": commands.ablate,
    "intervention.restore": commands.restore,
    "intervention.set": commands.add_intervention,
    "intervention.clear": commands.clear_interventions,
    "selection.set": commands.select,
    "components.colour": commands.colour_components,
    "cloud.show": commands.show_cloud,
    "cloud.colour": commands.colour_cloud,
    "circuit.prune": commands.prune,
    "panel.show": commands.show_panel,
}


JOBS = (OpenModel, OpenCache, OpenSession, SaveSession, ContentsRequest)


class Actions:
    """`actions(name, *args)` does it, or says in one sentence, by `problem`, why it cannot be done.

    `saved(path)` and `opened(source)` say that a file was written or opened.
    """

    problem = Signal(str)
    opened = Signal(str)
    saved = Signal(str)

    def __init__(self, store: Store, scheduler: Scheduler, desk: Desk) -> None:
        self._store = store
        self._scheduler = scheduler
        self._desk = desk
        scheduler.failed.connect(self._on_failure)
        self._own: dict[str, Callable[..., None]] = {
            "model.open": self._open_model,
            "cache.open": self._open_cache,
            "session.open": self._open_session,
            "session.save": self._save_session,
            "paths.open": self._open_paths,
            "token.choose": self._choose_token,
            "edit.undo": store.undo,
            "edit.redo": store.redo,
        }

    def __call__(self, name: str, *args: Any, merge: object = None) -> None:
        """Do the act; acts in a row with one `merge` key are one step of undo."""
        try:
            if name in COMMANDS:
                self._store.apply(COMMANDS[name], *args, merge=merge)
            else:
                self._own[name](*args)
        except InterpvizError as error:
            self.problem.emit(str(error))

    def _on_failure(self, request: Request, sentence: str) -> None:
        if isinstance(request, JOBS):
            self.problem.emit(sentence)

    def _open_model(self, source: str) -> None:
        def done(facts: ModelFacts) -> None:
            self._store.apply(commands.open_model, facts)
            self.opened.emit(source)

        self._scheduler.start(OpenModel(source), done)

    def _open_cache(self, source: str) -> None:
        def done(facts: CacheFacts) -> None:
            self._store.apply(commands.open_cache, facts)
            self.opened.emit(source)

        self._scheduler.start(OpenCache(source), done)

    def _open_session(self, path: str) -> None:
        def done(document: Document) -> None:
            self._store.replace(document)
            self.opened.emit(path)

        self._scheduler.start(OpenSession(path), done)

    def _save_session(self, path: str) -> None:
        self._scheduler.start(SaveSession(self._store.document, path), lambda _: self.saved.emit(path))

    def _open_paths(self, paths: Iterable[str]) -> None:
        roads = {"model": self._open_model, "cache": self._open_cache, "session": self._open_session}
        for path in paths:
            self._scheduler.start(ContentsRequest(path), partial(_follow, roads, path))

    def _choose_token(self, row: int) -> None:
        tokens: CacheTokens | None = self._desk.answer(cache_tokens_request(self._store.document))
        if tokens is None:
            raise InterpvizError("The cache's tokens are still being read. Click again in a moment.")
        ids = tuple(int(i) for i in tokens.id[slice(tokens.context(row).start, row + 1)])
        spoken = ids[1:] if begins_with_bos(tokens) else ids
        self._store.apply(commands.choose_token, row, ids, "".join(tokens.texts[i] for i in spoken))


def begins_with_bos(tokens: CacheTokens) -> bool:
    """Whether every context of the cache begins with the same token, as recorded contexts do where there is a BOS."""
    first = tokens.id[tokens.position == 0]
    return bool(len(first)) and bool((first == first[0]).all())


def _follow(roads: dict[str, Callable[[str], None]], path: str, kind: str) -> None:
    roads[kind](path)
