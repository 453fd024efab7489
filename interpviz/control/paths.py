"""The paths: what editing a sender does in all, straight to the logits, and through the chosen paths only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from interpviz.control.desk import Desk
from interpviz.control.effects import path_request
from interpviz.control.runs import runs
from interpviz.core.document import Document, ModelFacts
from interpviz.core.interventions import Mode
from interpviz.core.path_patching import END, parse_paths
from interpviz.core.results import PathEffects


@dataclass(frozen=True)
class PathsPicture:
    """`paths` as written and `chains` as the parts of each, the logits last; `effects` None until they are known.

    `sender` is the selected component that a path could start at, or empty; `metric` names what the effects are of;
    `hint` says what to do where no path is followed.
    """

    paths: str
    mode: Mode
    chains: tuple[tuple[str, ...], ...]
    effects: PathEffects | None
    pending: bool
    sender: str
    metric: str
    hint: str
    problem: str


class PathsView(Protocol):
    def show(self, picture: PathsPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class PathsController:
    """Keeps the effects of the followed paths true."""

    def __init__(self, desk: Desk, view: PathsView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the paths of this document."""
        if document.model is None:
            self._view.explain("Open a model to follow paths through it.")
        elif not runs(document.prompt):
            self._view.explain("Type a prompt to follow what a component does through chosen paths.")
        elif not document.target:
            self._view.explain("Name a target token to follow what a component does for it through chosen paths.")
        else:
            self._view.show(self._picture(document, document.model))

    def _picture(self, document: Document, model: ModelFacts) -> PathsPicture:
        view, request = document.paths, path_request(document)
        effects: PathEffects | None = self._desk.answer(request)
        problem = self._desk.problem(request)
        return PathsPicture(
            paths=view.paths,
            mode=view.mode,
            chains=tuple((*map(str, path), END) for path in parse_paths(view.paths)) if view.paths else (),
            effects=effects,
            pending=request is not None and effects is None and not problem,
            sender=_sender(document),
            metric="logit difference" if document.distractor else "log-probability of the target",
            hint="" if request else f"No path is followed. Write one above and press Enter, such as {example(model)}.",
            problem=problem,
        )


def example(model: ModelFacts) -> str:
    """A path that this model has: from its first layer through its last to the logits."""
    last = model.layers - 1
    if last:
        return f"L0H{model.heads - 1} > L{last}H0 > {END}"
    return f"L0H0 > L0M > {END}" if model.d_mlp else f"L0H0 > {END}"


def _sender(document: Document) -> str:
    return next((str(site) for site in document.selection.sites if site.kind in ("head", "mlp_out")), "")
