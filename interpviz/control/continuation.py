"""The continuation: how the model goes on, with and without the edits, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from interpviz.control.desk import Desk
from interpviz.control.runs import continuation, runs, sides
from interpviz.core.document import Document
from interpviz.core.experiments import experiment
from interpviz.core.results import Continuation

EDITED = "edited"
_UNEDITED = "Nothing is edited. Cut a component to see beside this how the edited model goes on."
_SAME = "Both make the same edits, so they go on alike."


@dataclass(frozen=True)
class Side:
    """How one experiment goes on: None until its first token is there; `pending` while more may come."""

    name: str
    continuation: Continuation | None
    pending: bool

    @property
    def length(self) -> int:
        """How many tokens there are so far."""
        return len(self.continuation.ids) if self.continuation else 0


@dataclass(frozen=True)
class ContinuationPicture:
    """`sides` are left and right, or one where both would be the same, which `hint` then explains.

    `differs` is the first step that is not the same on both, None where there is none so far. `status` tells how far
    each side is and what it took; `slow` that one took the slow path; `tokens`, `temperature` and `seed` what is asked.
    """

    sides: tuple[Side, ...]
    differs: int | None
    tokens: int
    temperature: float
    seed: int
    status: str
    slow: bool
    hint: str
    problem: str


class ContinuationView(Protocol):
    def show(self, picture: ContinuationPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class ContinuationController:
    """Keeps both continuations true while they are produced."""

    def __init__(self, desk: Desk, view: ContinuationView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the continuations of this document."""
        if document.model is None:
            self._view.explain("Open a model to see how it goes on.")
        elif not runs(document.prompt):
            self._view.explain("Type a prompt to see how the model goes on.")
        else:
            self._view.show(self._picture(document))

    def _picture(self, document: Document) -> ContinuationPicture:
        view, names = document.continuation, _names(document)
        shown = tuple(self._side(document, name) for name in names)
        answers = [side.continuation for side in shown if side.continuation]
        return ContinuationPicture(
            sides=shown,
            differs=first_difference(*shown) if len(shown) > 1 else None,
            tokens=view.tokens,
            temperature=view.temperature,
            seed=view.seed,
            status=_status(shown, view.tokens),
            slow=any(answer.road == "slow" for answer in answers),
            hint=_hint(document) if len(shown) == 1 else "",
            problem=self._desk.first_problem(*(continuation(document, name) for name in names)),
        )

    def _side(self, document: Document, name: str) -> Side:
        request = continuation(document, name)
        pending = self._desk.answer(request) is None and not self._desk.problem(request)
        return Side(name or EDITED, self._desk.latest(request), pending)


def first_difference(left: Side, right: Side) -> int | None:
    """The first step, from 0, at which the tokens differ or one text has ended; None where there is none so far."""
    if left.continuation is None or right.continuation is None:
        return None
    common = min(left.length, right.length)
    apart = np.flatnonzero(left.continuation.ids[:common] != right.continuation.ids[:common])
    if len(apart):
        return int(apart[0])
    shorter = left.continuation if left.length < right.length else right.continuation
    return common if left.length != right.length and shorter.ended else None


def _names(document: Document) -> tuple[str, ...]:
    left, right = sides(document)
    return (left,) if continuation(document, left) == continuation(document, right) else (left, right)


def _hint(document: Document) -> str:
    return _SAME if experiment(document, sides(document)[0]).interventions else _UNEDITED


def _status(shown: tuple[Side, ...], wanted: int) -> str:
    if len(shown) == 1:
        return _progress(shown[0], wanted)
    return " · ".join(f"{side.name}: {_progress(side, wanted)}" for side in shown)


def _progress(side: Side, wanted: int) -> str:
    ended = ", ended" if side.continuation and side.continuation.ended else ""
    took = f", {side.continuation.seconds:.2f} s" if side.continuation and not side.pending else ""
    return f"{side.length:,} of {wanted:,} tokens{ended}{took}" + (" …" if side.pending else "")
