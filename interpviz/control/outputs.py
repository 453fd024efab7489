"""The outputs: what the model says next, clean beside edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from interpviz.control.desk import Desk
from interpviz.control.plan import (
    attribution_request,
    clean_run,
    edited_run,
    sweep_requests,
    target_request,
    vocabulary_request,
)
from interpviz.core.document import Document
from interpviz.core.logits import kl_nats, log_softmax, metric
from interpviz.core.results import Effects, RunResult, Target, Vocabulary
from interpviz.core.sites import Site

ROWS = 10


@dataclass(frozen=True)
class OutputRow:
    """One next token: probabilities 0 to 1, logits in nats; `edited_*` equal the clean ones where nothing is cut."""

    id: int
    text: str
    role: str  # "target", "distractor" or ""
    clean_probability: float
    clean_logit: float
    edited_probability: float
    edited_logit: float


@dataclass(frozen=True)
class OutputsPicture:
    """`rows` by clean probability, target and distractor first. Differences and `kl` (clean || edited) in nats.

    `edits` lists what is cut; `pending` says that the edited answer is on its way (the rows are then clean on both
    sides); `component` tells what is known of the selected component; `seconds` is how long the last answer took.
    """

    rows: tuple[OutputRow, ...]
    clean_difference: float | None
    edited_difference: float | None
    kl: float | None
    edits: tuple[str, ...]
    reference: str
    pending: bool
    seconds: float
    component: str
    problem: str


class OutputsView(Protocol):
    def show(self, picture: OutputsPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class OutputsController:
    """Compares the edited run with the clean one."""

    def __init__(self, desk: Desk, view: OutputsView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the outputs of this document."""
        clean: RunResult | None = self._desk.answer(clean_run(document))
        vocabulary: Vocabulary | None = self._desk.answer(vocabulary_request(document))
        if clean is None or vocabulary is None:
            self._view.explain(self._waiting(document))
            return
        edited: RunResult | None = self._desk.answer(edited_run(document))
        target: Target | None = self._desk.answer(target_request(document))
        self._view.show(self._picture(document, clean, edited, target, vocabulary))

    def _picture(
        self, document: Document, clean: RunResult, edited: RunResult | None, target: Target | None, words: Vocabulary
    ) -> OutputsPicture:
        shown = edited or clean
        problem = self._desk.first_problem(edited_run(document), target_request(document))
        cut = bool(document.interventions) and edited is not None
        return OutputsPicture(
            rows=_rows(clean, shown, target, words),
            clean_difference=_difference(clean, target),
            edited_difference=_difference(edited, target) if cut and edited else None,
            kl=kl_nats(clean.logits, shown.logits) if cut else None,
            edits=tuple(str(edit) for edit in sorted(document.interventions, key=lambda edit: edit.site)),
            reference=shown.reference.source if shown.reference else "",
            pending=edited is None and not problem,
            seconds=shown.seconds,
            component=self._component(document),
            problem=problem,
        )

    def _component(self, document: Document) -> str:
        if len(document.selection.sites) != 1:
            return ""
        site = document.selection.sites[0]
        direct = _value(self._desk.answer(attribution_request(document)), site)
        sweeps = (_value(self._desk.answer(request), site) for request in sweep_requests(document))
        known = {"direct": direct, "cut": next((value for value in sweeps if value is not None), None)}
        told = ", ".join(f"{name} {value:+.3f}" for name, value in known.items() if value is not None)
        return f"{site}: {told} nats" if told else str(site)

    def _waiting(self, document: Document) -> str:
        if document.model is None:
            return "Open a model to see what it says next."
        if not document.prompt.text and document.prompt.tokens is None:
            return "Type a prompt to see what the model says next."
        return self._desk.problem(clean_run(document)) or f"Running {document.model.name} …"


def _rows(clean: RunResult, edited: RunResult, target: Target | None, words: Vocabulary) -> tuple[OutputRow, ...]:
    roles = {} if target is None else {target.target: "target"}
    if target is not None and target.distractor is not None:
        roles[target.distractor] = "distractor"
    top = {int(token) for run in (clean, edited) for token in _likeliest(run)} - set(roles)
    p, q = np.exp(log_softmax(clean.logits)), np.exp(log_softmax(edited.logits))
    order = [*roles, *sorted(top, key=lambda token: -max(p[token], q[token]))[:ROWS]]
    return tuple(
        OutputRow(
            token,
            words.texts[token],
            roles.get(token, ""),
            float(p[token]),
            float(clean.logits[token]),
            float(q[token]),
            float(edited.logits[token]),
        )
        for token in order
    )


def _difference(run: RunResult | None, target: Target | None) -> float | None:
    return None if run is None or target is None else metric(run.logits, target)


def _likeliest(run: RunResult) -> NDArray[np.intp]:
    """The ROWS likeliest tokens in no order: of 49,152 a twelfth of the time that sorting takes."""
    return np.argpartition(-run.logits, min(ROWS, len(run.logits) - 1))[:ROWS]


def _value(effects: Effects | None, site: Site) -> float | None:
    if effects is None or site not in effects.sites:
        return None
    return float(effects.values[effects.sites.index(site)])
