"""Where answers lie: what was answered, what is on its way, what went wrong. Ties document, plan and panels."""

from __future__ import annotations

from typing import Any, Protocol

from interpviz.control.implied import remember
from interpviz.control.memo import Memo
from interpviz.control.plan import NEEDS, plan
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core.document import Document
from interpviz.core.requests import Request


class Controller(Protocol):
    def update(self, document: Document) -> None: ...


class Desk:
    """On a change of the document, asks for what the plan needs; on an answer, updates the panels that need it."""

    def __init__(self, store: Store, scheduler: Scheduler, memo: Memo) -> None:
        self._store = store
        self._scheduler = scheduler
        self._memo = memo
        self._partials: dict[Request, Any] = {}
        self._problems: dict[Request, str] = {}
        self._controllers: dict[str, Controller] = {}
        self._needs: dict[str, frozenset[Request]] = {}
        store.changed.connect(self.refresh, max_args=0)
        scheduler.answered.connect(self._on_answer)
        scheduler.partial.connect(self._on_partial)
        scheduler.failed.connect(self._on_failure)

    def attach(self, panel: str, controller: Controller) -> None:
        """Keep this panel true from now on."""
        self._controllers[panel] = controller
        controller.update(self._store.document)

    def answer(self, request: Request | None) -> Any:
        """The answer to this request, or None."""
        return self._memo.get(request)

    def latest(self, request: Request | None) -> Any:
        """The answer to this request, else what it reported last, else None."""
        found = self._memo.get(request)
        return found if found is not None or request is None else self._partials.get(request)

    def problem(self, request: Request | None) -> str:
        """Why this request has no answer; empty where nothing is wrong."""
        return self._problems.get(request, "") if request is not None else ""

    def first_problem(self, *requests: Request | None) -> str:
        """The first sentence that says why one of these has no answer; empty where nothing is wrong."""
        return next((text for request in requests if (text := self.problem(request))), "")

    def asked(self, request: Request) -> bool:
        """Whether an open panel needs the answer to this request."""
        return any(request in needs for needs in self._needs.values())

    def learn(self, request: Request, answer: Any) -> None:
        """Take this for the answer to the request, and update the panels that need it."""
        self._on_answer(request, answer)

    @property
    def settled(self) -> bool:
        """Whether everything that the document needs is answered, or cannot be."""
        return all(r in self._memo or r in self._problems for r in plan(self._store.document))

    def refresh(self) -> None:
        """Ask for what the present document needs, and update every open panel."""
        document = self._store.document
        wanted = plan(document)
        # Looked up at every answer and at every move of a drag; to work them out anew takes 2 ms.
        self._needs = {panel: frozenset(NEEDS[panel](document)) for panel in NEEDS if panel in document.panels}
        self._memo.needed = frozenset(wanted)
        self._partials = {request: self._partials[request] for request in wanted if request in self._partials}
        self._problems = {request: self._problems[request] for request in wanted if request in self._problems}
        self._scheduler.want(request for request in wanted if request not in self._memo)
        for panel in self._controllers:
            self._update(panel)

    def _on_answer(self, request: Request, answer: Any) -> None:
        self._partials.pop(request, None)
        self._problems.pop(request, None)
        remember(self._memo, request, answer)
        self._touch(request)

    def _on_partial(self, request: Request, value: Any) -> None:
        self._partials[request] = value
        self._touch(request)

    def _on_failure(self, request: Request, sentence: str) -> None:
        self._problems[request] = sentence
        self._touch(request)

    def _touch(self, request: Request) -> None:
        for panel in self._controllers:
            if request in self._needs.get(panel, ()):
                self._update(panel)

    def _update(self, panel: str) -> None:
        if panel in self._store.document.panels:
            self._controllers[panel].update(self._store.document)
