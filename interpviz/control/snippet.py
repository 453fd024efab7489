"""The present experiment as Python: a text that runs, and gives the numbers that the window shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interpviz.control.edits import in_order
from interpviz.control.runs import sources
from interpviz.core.document import Document

_WIDEST = 100


def snippet(document: Document) -> str:
    """A script that runs the prompt clean and with the present edits; empty without a model."""
    if document.model is None:
        return ""
    call = "".join(f"    {argument},\n" for argument in (repr(document.prompt.text), *_arguments(document)))
    return (
        "from interpviz import api\n\n"
        f"model = api.load({document.model.source!r})\n"
        f"run = model.run(\n{call})\n"
        f"print({', '.join(_printed(document))})\n"
    )


def _arguments(document: Document) -> Iterator[str]:
    """The keywords that say something: what is at its default, or what no edit draws from, is left out."""
    edits = document.interventions
    drawn = sources(document, edits)
    if edits:
        yield f"ablate={_listed(map(str, in_order(edits)))}"
    for name, value in (("target", document.target), ("distractor", document.distractor)):
        if value:
            yield f"{name}={value!r}"
    if drawn.contrast is not None:
        yield f"contrast={drawn.contrast.text!r}"
    if drawn.reference is not None:
        yield f"reference=api.open({drawn.reference.source!r})"
    if drawn.dictionaries:
        yield f"dictionaries={_listed(one.source for one in drawn.dictionaries)}"
    if edits and document.freeze:
        yield "freeze=True"
    if drawn.seed:
        yield f"seed={drawn.seed}"
    if not document.prompt.bos:
        yield "bos=False"
    if document.prompt.tokens is not None:
        yield f"tokens={document.prompt.tokens!r}"


def _printed(document: Document) -> Iterator[str]:
    """The metric on both sides, or without a target the likeliest token, and how far the sides lie apart."""
    shown = "logit_diff" if document.target else "top[0]"
    yield f"run.clean.{shown}"
    if document.interventions:
        yield f"run.edited.{shown}"
        yield "run.kl"


def _listed(texts: Iterable[str]) -> str:
    """A list on one line, or an entry a line where that would be too wide."""
    parts = [repr(text) for text in texts]
    line = f"[{', '.join(parts)}]"
    return line if len(line) <= _WIDEST else "[\n" + "".join(f"        {part},\n" for part in parts) + "    ]"
