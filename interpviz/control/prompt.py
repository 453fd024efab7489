"""The prompt panel: texts as typed, and the tokens the model reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from interpviz.control.desk import Desk
from interpviz.control.plan import contrast_request, tokens_request
from interpviz.core.document import Document
from interpviz.core.results import I4, Tokens


@dataclass(frozen=True, eq=False)
class PromptPicture:
    """What the panel shows; `tokens` is None until the model has cut the prompt; `problem` is empty or a sentence.

    `edited` are the positions that some edit is restricted to; `alignment` says in a line how the contrast's tokens lie
    beneath the prompt's, empty until both are cut.
    """

    text: str
    contrast: str
    target: str
    distractor: str
    tokens: Tokens | None
    contrast_tokens: Tokens | None
    edited: frozenset[int]
    alignment: str
    problem: str


class PromptView(Protocol):
    def show(self, picture: PromptPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class PromptController:
    """Keeps the prompt panel true."""

    def __init__(self, desk: Desk, view: PromptView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the prompt of this document."""
        if document.model is None:
            self._view.explain("Open a model to give it a prompt.")
            return
        tokens: Tokens | None = self._desk.answer(tokens_request(document))
        contrast: Tokens | None = self._desk.answer(contrast_request(document))
        self._view.show(
            PromptPicture(
                text=document.prompt.text,
                contrast=document.contrast.text if document.contrast else "",
                target=document.target,
                distractor=document.distractor,
                tokens=tokens,
                contrast_tokens=contrast,
                edited=_edited(document, len(tokens.ids) if tokens else 0),
                alignment=alignment(tokens.ids, contrast.ids) if tokens and contrast else "",
                problem=self._desk.first_problem(tokens_request(document), contrast_request(document)),
            )
        )


def alignment(prompt: I4, contrast: I4) -> str:
    """How two prompts' token ids, each (pos,), lie over each other: how many differ, or why they cannot be aligned."""
    shared = min(len(prompt), len(contrast))
    same = prompt[:shared] == contrast[:shared]
    if len(prompt) == len(contrast):
        differ = int((~same).sum())
        return f"Aligned: {differ} of {_tokens(shared)} differ{'s' if differ == 1 else ''}."
    agreed = int(np.argmin(same)) if not same.all() else shared
    until = f"they agree up to token {agreed - 1}" if agreed else "they differ from the first"
    counts = f"{_tokens(len(contrast))} against {len(prompt)}"
    return f"Contrast: {counts}; {until}, so activations cannot be patched position by position."


def _tokens(count: int) -> str:
    return f"{count} token" + ("s" if count != 1 else "")


def _edited(document: Document, length: int) -> frozenset[int]:
    places = (place for edit in document.interventions for place in edit.positions or ())
    return frozenset(place % length for place in places) if length else frozenset()
