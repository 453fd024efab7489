"""Answers that follow from others: a sweep has already run what a click on one of its components would ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from interpviz.control.memo import Memo
from interpviz.core.interventions import Intervention
from interpviz.core.requests import NO_SOURCES, Request, RunRequest, SweepRequest
from interpviz.core.results import Effects, RunResult


def remember(memo: Memo, request: Request, answer: Any) -> None:
    """Put the answer into the memo, and what follows from it; what was taken out of it is not held twice."""
    if isinstance(request, SweepRequest) and isinstance(answer, Effects) and answer.logits is not None:
        for asked, result in _runs(memo, request, answer):
            memo.put(asked, result)
        answer = replace(answer, logits=None)
    memo.put(request, answer)


def _runs(memo: Memo, request: SweepRequest, answer: Effects) -> Iterator[tuple[RunRequest, RunResult]]:
    """The run with each of the sites cut, alone, where the sweep cut them as a click does."""
    asked = RunRequest(request.model, request.prompt)
    clean: RunResult | None = memo.get(asked)
    if clean is None or answer.logits is None or (request.mode, request.sources) != ("zero", NO_SOURCES):
        return
    for site, logits in zip(answer.sites, answer.logits, strict=True):
        edits = frozenset({Intervention(site)})
        if replace(asked, interventions=edits) in memo or (logits == clean.logits).all():
            continue  # answered already, or an edit that changes nothing, which is no result
        alone = logits.copy()  # a row would keep the whole sweep in memory, uncounted, until the last one is forgotten
        yield replace(asked, interventions=edits), replace(clean, logits=alone, seconds=answer.seconds)
