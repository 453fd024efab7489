"""The runs that a document asks for: clean, edited, or of an experiment that is kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from interpviz.core.document import CacheFacts, Document, Prompt, Sources
from interpviz.core.experiments import CLEAN, experiment
from interpviz.core.interventions import REFERENCED, Intervention
from interpviz.core.requests import GenerateRequest, Request, RunRequest


def clean_run(document: Document) -> RunRequest | None:
    """The run without edits; None without model or prompt."""
    return experiment_run(document, CLEAN)


def edited_run(document: Document) -> RunRequest | None:
    """The run with the document's edits; the clean run itself where there are none."""
    return experiment_run(document, "")


def experiment_run(document: Document, name: str) -> RunRequest | None:
    """The run of a kept experiment, of the present edits (an empty name) or of none ("clean")."""
    if document.model is None or not runs(document.prompt):
        return None
    one = experiment(document, name)
    if not one.interventions:
        return RunRequest(document.model, document.prompt)
    drawn = sources(document, one.interventions)
    return RunRequest(document.model, document.prompt, one.interventions, sources=drawn, freeze=one.freeze)


def sides(document: Document) -> tuple[str, str]:
    """The experiments on the left and on the right: those compared, else clean and edited."""
    return document.compared or (CLEAN, "")


def sources(document: Document, edits: Iterable[Intervention]) -> Sources:
    """What these edits draw from, and nothing else: the less a request says, the more often it is remembered."""
    made = tuple(edits)
    named = {edit.site.dictionary for edit in made}
    directions = (edit.direction.rpartition("/") for edit in made)
    named |= {name for name, _, feature in directions if feature.isdigit()}  # else it is a file in a folder
    return Sources(
        reference=reference(document) if any(edit.mode in REFERENCED for edit in made) else None,
        contrast=document.contrast if any(edit.mode == "patch" for edit in made) else None,
        dictionaries=tuple(one for one in document.dictionaries if one.name in named),
    )


def generate_requests(document: Document) -> tuple[GenerateRequest, ...]:
    """The continuations on the left and on the right, once where both are the same."""
    if document.model is None or not runs(document.prompt):
        return ()
    return tuple(dict.fromkeys(continuation(document, name) for name in sides(document)))


def continuation(document: Document, name: str) -> GenerateRequest:
    """How an experiment goes on; the document has a model."""
    assert document.model is not None
    one, view = experiment(document, name), document.continuation
    return GenerateRequest(
        model=document.model,
        prompt=document.prompt,
        interventions=one.interventions,
        count=view.tokens,
        temperature=view.temperature,
        seed=view.seed,
        sources=sources(document, one.interventions),
        freeze=one.freeze and bool(one.interventions),
    )


def runs(prompt: Prompt) -> bool:
    """Whether the prompt has anything to run."""
    return bool(prompt.text or prompt.tokens)


def reference(document: Document) -> CacheFacts | None:
    """The cache that mean and resample draw from; None for the bundled text."""
    return document.cache if document.cache_fits else None


def those(*requests: Request | None) -> tuple[Request, ...]:
    """Those that can be asked."""
    return tuple(request for request in requests if request is not None)
