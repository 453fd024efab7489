"""The stack of present edits: each with what it can become, and the experiments that are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from interpviz.control.desk import Desk
from interpviz.control.edits import in_order, modes_of
from interpviz.control.plan import contrast_request, tokens_request
from interpviz.control.runs import edited_run
from interpviz.control.snippet import snippet
from interpviz.core.document import Document
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.results import RunResult, Tokens


@dataclass(frozen=True)
class Chip:
    """One edit: whether it is made or stands by, the modes that have meaning at its site, and whether add needs a

    direction there.
    """

    edit: Intervention
    on: bool
    modes: tuple[Mode, ...]
    directed: bool


@dataclass(frozen=True)
class Kept:
    """An experiment that is kept, and its edits as text."""

    name: str
    edits: str


@dataclass(frozen=True)
class InterventionsPicture:
    """The edits by site; `told` is all of them as text.

    `road` is which way the edited run went, empty until it is answered; `pending` says that it is on its way.
    `snippet` gives the same numbers as Python. `problem` is empty or a sentence.
    """

    chips: tuple[Chip, ...]
    told: str
    freeze: bool
    kept: tuple[Kept, ...]
    compared: tuple[str, str] | None
    road: str
    pending: bool
    snippet: str
    problem: str


class InterventionsView(Protocol):
    def show(self, picture: InterventionsPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class InterventionsController:
    """Keeps the stack of edits true."""

    def __init__(self, desk: Desk, view: InterventionsView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the edits of this document."""
        if document.model is None:
            self._view.explain("Open a model to edit what it does.")
            return
        edits = in_order(document.interventions | document.off)
        made = document.interventions
        request = edited_run(document)
        answer: RunResult | None = self._desk.answer(request)
        problem = self._unaligned(document) or self._desk.first_problem(request)
        self._view.show(
            InterventionsPicture(
                chips=tuple(chip(edit, edit in made) for edit in edits),
                told="; ".join(str(edit) if edit in made else f"{edit} (off)" for edit in edits),
                freeze=document.freeze,
                kept=tuple(Kept(one.name, _text(one.interventions, one.freeze)) for one in document.experiments),
                compared=document.compared,
                road=answer.road if answer else "",
                pending=request is not None and answer is None and not problem,
                snippet=snippet(document),
                problem=problem,
            )
        )

    def _unaligned(self, document: Document) -> str:
        """Why patch cannot be made with these prompts, as far as it is known; empty where it can."""
        if not any(edit.mode == "patch" for edit in document.interventions):
            return ""
        if contrast_request(document) is None:
            return "patch takes activations from the contrast prompt, and there is none. Type one under the prompt."
        prompt: Tokens | None = self._desk.answer(tokens_request(document))
        contrast: Tokens | None = self._desk.answer(contrast_request(document))
        return unaligned(prompt, contrast) if prompt and contrast else ""


def unaligned(prompt: Tokens, contrast: Tokens) -> str:
    """A sentence that says why the contrast cannot be patched in; empty where both are of one length."""
    lengths = len(prompt.ids), len(contrast.ids)
    if lengths[0] == lengths[1]:
        return ""
    shorter = min(lengths)
    differs = np.flatnonzero(prompt.ids[:shorter] != contrast.ids[:shorter])
    first = int(differs[0]) if len(differs) else shorter
    return (
        f"The contrast prompt has {lengths[1]} tokens and the prompt {lengths[0]}, so patch cannot align them. "
        f"Make them equally long; they differ from token {first} on."
    )


def chip(edit: Intervention, on: bool) -> Chip:
    """What is shown of an edit."""
    modes, directed = modes_of(edit.site.kind)
    return Chip(edit, on, modes, directed)


def _text(edits: Iterable[Intervention], freeze: bool) -> str:
    return "; ".join([*map(str, in_order(edits)), *(["attention frozen"] if freeze else [])])
