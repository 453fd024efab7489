"""The patching grid: how much of the prompt's answer each layer and token carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from interpviz.control.desk import Desk
from interpviz.control.effects import patching_requests
from interpviz.control.plan import contrast_request, tokens_request
from interpviz.control.runs import runs
from interpviz.core.document import Document, Stream
from interpviz.core.requests import PatchingRequest
from interpviz.core.results import F4, FeatureMap, PatchingRow, Tokens


@dataclass(frozen=True, eq=False)
class PatchingPicture:
    """`grid` (layer, pos): 0 is the contrast's answer, 1 the prompt's, NaN not yet known.

    It is None until both prompts are cut into `tokens` and `contrast_tokens`, which are other tokens at `differing`.
    `prompt` and `contrast` are the two metrics in nats, None until a row is there; `done` is the share of values that
    are. `back` says that the contrast's activations go into the prompt's run; `mlps`, that the model has any.
    """

    stream: Stream
    back: bool
    mlps: bool
    grid: FeatureMap | None
    tokens: tuple[str, ...]
    contrast_tokens: tuple[str, ...]
    differing: frozenset[int]
    prompt: float | None
    contrast: float | None
    done: float
    problem: str
    slow: bool = False


class PatchingView(Protocol):
    def show(self, picture: PatchingPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class PatchingController:
    """Keeps the patching grid true."""

    def __init__(self, desk: Desk, view: PatchingView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the grid of this document, as far as it is there, or say what it needs."""
        one: Tokens | None = self._desk.answer(tokens_request(document))
        other: Tokens | None = self._desk.answer(contrast_request(document))
        lacking = _lacking(document) or (_mismatch(one, other) if one and other else "")
        if lacking:
            self._view.explain(lacking)
            return
        self._view.show(self._picture(document, one, other))

    def _picture(self, document: Document, one: Tokens | None, other: Tokens | None) -> PatchingPicture:
        assert document.model is not None
        requests = patching_requests(document)[::-1]  # asked for late layers first
        rows = [self._desk.latest(request) for request in requests]
        known = next((row for row in rows if row is not None), None)
        values = _values(rows, len(one.ids) if one and other else 0)
        return PatchingPicture(
            stream=document.patching.stream,
            back=document.patching.back,
            mlps=bool(document.model.d_mlp),
            grid=_grid(values, requests, one, other) if one and other else None,
            tokens=one.texts if one else (),
            contrast_tokens=other.texts if other else (),
            differing=_differing(one, other) if one and other else frozenset(),
            prompt=known.prompt if known else None,
            contrast=known.contrast if known else None,
            done=float(np.isfinite(values).mean()) if values.size else 0.0,
            problem=self._desk.first_problem(tokens_request(document), contrast_request(document), *requests),
            slow=any(row is not None and row.road == "slow" for row in rows),
        )


def _lacking(document: Document) -> str:
    """What the user has yet to give; empty where all is there."""
    if document.model is None:
        return "Open a model to see where the difference between two prompts is carried."
    if not runs(document.prompt):
        return "Type a prompt to see which layers and tokens carry its answer."
    if not document.target:
        return "Name a target token to see which layers and tokens carry the answer."
    if document.contrast is None or not runs(document.contrast):
        return (
            "Type a contrast prompt of the same length that differs in what matters, "
            "to see where the difference is carried."
        )
    return ""


def _mismatch(one: Tokens, other: Tokens) -> str:
    """Why these two cannot be patched into each other; empty where they can."""
    shorter = min(len(one.ids), len(other.ids))
    apart = np.flatnonzero(one.ids[:shorter] != other.ids[:shorter])
    if len(one.ids) != len(other.ids):
        at = int(apart[0]) if apart.size else shorter
        pair = f", '{one.texts[at]}' against '{other.texts[at]}'" if apart.size else ", where the shorter one ends"
        return (
            f"The prompt has {_counted(one)} and the contrast {_counted(other)}, and patching needs as many in both. "
            f"They differ from token {at} on{pair}. Reword one of them."
        )
    if not apart.size:
        return "The contrast is the prompt itself. Change the word that matters in it, to see where it is carried."
    return ""


def _counted(tokens: Tokens) -> str:
    return f"{len(tokens.ids)} token{'s' * (len(tokens.ids) != 1)}"


def _differing(one: Tokens, other: Tokens) -> frozenset[int]:
    return frozenset(np.flatnonzero(one.ids != other.ids).tolist())


def _values(rows: Sequence[PatchingRow | None], positions: int) -> F4:
    values = np.full((len(rows), positions), np.nan, np.float32)
    for place, row in enumerate(rows):
        if row is not None and positions:
            values[place] = row.values
    return values


def _grid(values: F4, requests: Sequence[PatchingRequest], one: Tokens, other: Tokens) -> FeatureMap:
    apart = _differing(one, other)
    pairs = enumerate(zip(one.texts, other.texts, strict=True))
    columns = tuple(f"{a}/{b}" if place in apart else a for place, (a, b) in pairs)
    return FeatureMap(values, (0.0, 1.0), tuple(f"L{request.layer}" for request in requests), columns)
