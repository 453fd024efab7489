"""The one place where the document changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psygnal import Signal

from interpviz.core.document import Document


class Store:
    """Holds the document and its history; `changed(old, new)` says that there is a new one."""

    changed = Signal(Document, Document)

    def __init__(self, document: Document | None = None, depth: int = 500) -> None:
        self._document = document or Document()
        self._depth = depth
        self._past: list[Document] = []
        self._future: list[Document] = []
        self._merge: object = None

    @property
    def document(self) -> Document:
        """What is shown now."""
        return self._document

    def apply(self, command: Callable[..., Document], *args: Any, merge: object = None) -> None:
        """Replace the document by `command(document, *args)`.

        Acts in a row with the same `merge` key, such as the steps of one drag, are one step of undo.
        """
        new = command(self._document, *args)
        if new == self._document:
            return
        if merge is None or merge != self._merge:
            self._past.append(self._document)
            del self._past[: -self._depth]
        self._merge = merge
        self._future.clear()
        self._show(new)

    def replace(self, document: Document) -> None:
        """Start over with this document; nothing before it can be undone."""
        self._past.clear()
        self._future.clear()
        self._merge = None
        self._show(document)

    def undo(self) -> None:
        """Return to the document before the last act, if there is one."""
        self._step(self._past, self._future)

    def redo(self) -> None:
        """Take back the last undo, if nothing was done since."""
        self._step(self._future, self._past)

    @property
    def can_undo(self) -> bool:
        """Whether there is an act to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether the last undo can be taken back."""
        return bool(self._future)

    def _step(self, source: list[Document], other: list[Document]) -> None:
        if not source:
            return
        other.append(self._document)
        self._merge = None
        self._show(source.pop())

    def _show(self, new: Document) -> None:
        old, self._document = self._document, new
        self.changed.emit(old, new)
