"""Answers remembered by their request, bounded by bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from interpviz.core.requests import Request
from interpviz.core.results import nbytes


class Memo:
    """The latest answers, least recently used first out. Only the main thread touches it.

    Answers to requests that are `needed` stay, whatever they take: nobody would ask for them again.
    """

    def __init__(self, limit: int = 512 << 20) -> None:
        self.needed: frozenset[Request] = frozenset()
        self._limit = limit
        self._held = 0
        self._answers: OrderedDict[Request, Any] = OrderedDict()

    def get(self, request: Request | None) -> Any:
        """The answer to this request, or None where it is not known."""
        if request is None or request not in self._answers:
            return None
        self._answers.move_to_end(request)
        return self._answers[request]

    def put(self, request: Request, answer: Any) -> None:
        """Remember this answer, forgetting old ones until all fit; the newest always stays."""
        self.drop(request)
        self._answers[request] = answer
        self._held += nbytes(answer)
        while self._held > self._limit and (old := self._oldest(but=request)) is not None:
            self.drop(old)

    def drop(self, request: Request) -> None:
        """Forget this answer."""
        if request in self._answers:
            self._held -= nbytes(self._answers.pop(request))

    def _oldest(self, but: Request) -> Request | None:
        """The answer that was not used for longest and is not needed; those that are count as used just now."""
        for _ in range(len(self._answers)):
            old = next(iter(self._answers))
            if old != but and old not in self.needed:
                return old
            self._answers.move_to_end(old)
        return None

    def __contains__(self, request: Request) -> bool:
        return request in self._answers

    @property
    def held(self) -> int:
        """Bytes held at present."""
        return self._held
