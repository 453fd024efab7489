"""The outputs: what the model says next, clean beside edited, or one experiment beside another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from interpviz.control.desk import Desk
from interpviz.control.plan import target_request, vocabulary_request
from interpviz.control.runs import experiment_run, sides
from interpviz.control.tiers import known, predicted
from interpviz.core.document import Document
from interpviz.core.experiments import CLEAN
from interpviz.core.interventions import REFERENCED
from interpviz.core.logits import Measured, difference, divergence, log_softmax, probabilities
from interpviz.core.requests import RunRequest
from interpviz.core.results import RunResult, Target, Vocabulary

ROWS = 10


@dataclass(frozen=True)
class OutputRow:
    """One next token: probabilities 0 to 1, logits in nats; `right_*` equal `left_*` where there is no right run."""

    id: int
    text: str
    role: str  # "target", "distractor" or ""
    left_probability: float
    left_logit: float
    right_probability: float
    right_logit: float


@dataclass(frozen=True)
class OutputsPicture:
    """`rows` by probability, target and distractor first. `left` and `right` head the columns: clean and edited, or,

    where `compared`, the names of two experiments. `kl` is KL(left || right), None where the left run stands alone.
    `edits`, `reference` and `slow` tell how the right run that is shown was made. While `pending` the rows are not yet
    of the present edits: `shown` says what they are of, `predicted` what cheaper tiers expect. `component` tells what
    is known of the selected component.
    """

    rows: tuple[OutputRow, ...]
    left: str
    right: str
    compared: bool
    left_difference: Measured | None
    right_difference: Measured | None
    kl: Measured | None
    edits: tuple[str, ...]
    reference: str
    slow: bool
    pending: bool = False
    shown: str = ""
    predicted: str = ""
    component: str = ""
    problem: str = ""


class OutputsView(Protocol):
    def show(self, picture: OutputsPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


@dataclass(frozen=True)
class _Pair:
    """Two answers, what was asked for them and what they are called; `right` None: the left stands alone."""

    asked: tuple[RunRequest, RunRequest]
    names: tuple[str, str]
    compared: bool
    left: RunResult
    right: RunResult | None

    @property
    def beside(self) -> RunResult | None:
        """The right run, where it is to be set beside the left one."""
        return self.right if self.compared or self.asked[0] != self.asked[1] else None


class OutputsController:
    """Compares the right run with the left one: edited with clean, or two experiments.

    Until an answer is there, the last one to the same prompt stands, and says so: bars that jump to clean and back
    during a drag mislead.
    """

    def __init__(self, desk: Desk, view: OutputsView) -> None:
        self._desk = desk
        self._view = view
        self._last: _Pair | None = None
        self._drawn: tuple[tuple[_Pair, Target | None, Vocabulary], OutputsPicture] | None = None

    def update(self, document: Document) -> None:
        """Show the outputs of this document."""
        asked = _asked(document)
        words: Vocabulary | None = self._desk.answer(vocabulary_request(document))
        pair = self._pair(document, asked) if asked else None
        if asked is None or words is None or pair is None:
            self._view.explain(self._waiting(document, asked))
            return
        target: Target | None = self._desk.answer(target_request(document))
        pending = any(self._desk.answer(run) is None and not self._desk.problem(run) for run in asked)
        self._view.show(
            replace(
                self._picture(pair, target, words),
                pending=pending,
                shown=_still(pair, asked) if pending else "",
                predicted=predicted(self._desk, document) if pending else "",
                component=known(self._desk, document),
                problem=self._desk.first_problem(*asked, target_request(document)),
            )
        )

    def _pair(self, document: Document, asked: tuple[RunRequest, RunRequest]) -> _Pair | None:
        """What there is to show: what is asked, else what stood there last, else the left run alone."""
        left, right = (self._desk.answer(run) for run in asked)
        pair = left and _Pair(asked, _headings(document), document.compared is not None, left, right)
        if pair and right is not None:
            self._last = pair
        elif not self._desk.first_problem(*asked) and _of_one_prompt(self._last, asked):
            return self._last
        return pair

    def _picture(self, pair: _Pair, target: Target | None, words: Vocabulary) -> OutputsPicture:
        """The picture of this pair, kept: a drag asks at every step, and a large vocabulary takes milliseconds."""
        key = (pair, target, words)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, _compared(*key)
        return self._drawn[1]

    def _waiting(self, document: Document, asked: tuple[RunRequest, RunRequest] | None) -> str:
        if document.model is None:
            return "Open a model to see what it says next."
        if asked is None:
            return "Type a prompt to see what the model says next."
        return self._desk.first_problem(*asked) or f"Running {document.model.name} …"


def _asked(document: Document) -> tuple[RunRequest, RunRequest] | None:
    left, right = (experiment_run(document, name) for name in sides(document))
    return (left, right) if left and right else None


def _headings(document: Document) -> tuple[str, str]:
    if document.compared is None:
        return CLEAN, "edited"
    left, right = (name or "present edits" for name in document.compared)
    return left, right


def _of_one_prompt(pair: _Pair | None, asked: tuple[RunRequest, RunRequest]) -> bool:
    return pair is not None and (pair.asked[0].model, pair.asked[0].prompt) == (asked[0].model, asked[0].prompt)


def _still(pair: _Pair, asked: tuple[RunRequest, RunRequest]) -> str:
    """The edits of the sides that are shown in place of what is asked; empty where the left run stands alone."""
    if pair.beside is None:
        return ""
    old = (run for run, wanted in zip(pair.asked, asked, strict=True) if run != wanted)
    return " → ".join(", ".join(_edits(run)) or CLEAN for run in old)


def _edits(run: RunRequest) -> tuple[str, ...]:
    return tuple(str(edit) for edit in sorted(run.interventions, key=lambda edit: (edit.site, str(edit))))


def _compared(pair: _Pair, target: Target | None, words: Vocabulary) -> OutputsPicture:
    right = pair.beside
    return OutputsPicture(
        rows=_rows(pair.left, right or pair.left, target, words),
        left=pair.names[0],
        right=pair.names[1],
        compared=pair.compared,
        left_difference=difference(pair.left, target) if target else None,
        right_difference=difference(right, target) if right and target else None,
        kl=divergence(pair.left, right) if right else None,
        edits=_edits(pair.asked[1]) if right else (),
        reference=_reference(pair),
        slow=(right or pair.left).road == "slow",
    )


def _reference(pair: _Pair) -> str:
    """What mean or resample drew from, on either side."""
    runs = [run for run in (pair.beside, pair.left) if run and run.reference]
    edits = {edit.mode for asked in pair.asked for edit in asked.interventions}
    modes = " and ".join(mode for mode in REFERENCED if mode in edits)
    return f"{modes} from {runs[0].reference.source}" if runs and runs[0].reference else ""


def _rows(left: RunResult, right: RunResult, target: Target | None, words: Vocabulary) -> tuple[OutputRow, ...]:
    roles = {} if target is None else {target.target: "target"}
    if target is not None and target.distractor is not None:
        roles[target.distractor] = "distractor"
    top = {int(token) for run in (left, right) for token in _likeliest(run)} - set(roles)
    p, q = _next(left), _next(right)
    order = [*roles, *sorted(top, key=lambda token: -max(p[token], q[token]))[:ROWS]]
    return tuple(
        OutputRow(
            token,
            words.texts[token],
            roles.get(token, ""),
            float(p[token]),
            float(left.logits[token]),
            float(q[token]),
            float(right.logits[token]),
        )
        for token in order
    )


def _next(run: RunResult) -> NDArray[np.float64]:
    """The probability (vocab,) of each next token; of a resample, by the mean of its logits."""
    return probabilities(run)[0] if run.draws is None else np.exp(log_softmax(run.logits))


def _likeliest(run: RunResult) -> NDArray[np.intp]:
    """The ROWS likeliest tokens in no order: of 49,152 a twelfth of the time that sorting takes."""
    return np.argpartition(-run.logits, min(ROWS, len(run.logits) - 1))[:ROWS]
