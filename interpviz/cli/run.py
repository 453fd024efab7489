"""`run` and `heads`: what a model says, and what its heads look for."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
import typer

from interpviz import api
from interpviz.cli.output import print_json, print_table, quoted, working
from interpviz.core.errors import InterpvizError

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="demo, a fetched name, a folder or a .gguf file")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]

SCORES = ("induction", "previous_token", "duplicate_token")


def run(
    model: ModelName,
    prompt: Annotated[str, typer.Option(help="the text to continue")],
    ablate: Annotated[
        list[str] | None, typer.Option(metavar="SITE[:mode][@positions]", help="L1H4:mean@3; again for more")
    ] = None,
    target: Annotated[str, typer.Option(help="a token to follow, exactly: ' Mary'")] = "",
    distractor: Annotated[str, typer.Option(help="the token it competes with: ' John'")] = "",
    top: Annotated[int, typer.Option(min=1, help="how many next tokens to show")] = 10,
    loss: Annotated[bool, typer.Option("--loss", help="the mean loss over the prompt too, in nats")] = False,
    no_bos: Annotated[bool, typer.Option("--no-bos", help="no beginning-of-sequence token in front")] = False,
    as_json: AsJson = False,
) -> None:
    """What the model says after a prompt, clean and with parts of it cut."""
    edits = api.interventions(ablate or ())
    api.check_contrast(target, distractor)
    if not prompt:
        raise InterpvizError("The prompt is empty. Give some text after --prompt.")
    with working("opening the model") as report:
        loaded = api.load(model, report)
        answer = loaded.run(
            prompt, edits, target=target, distractor=distractor, top=top, loss=loss, bos=not no_bos, report=report
        )
    print_json(as_dict(answer)) if as_json else _print_run(answer, loaded.vocabulary())


def heads(model: ModelName, as_json: AsJson = False) -> None:
    """Induction, previous-token and duplicate-token scores of every head, 0 to 1."""
    with working("opening the model") as report:
        loaded = api.load(model, report)
        started = time.perf_counter()
        scores = loaded.heads(report)
        seconds = time.perf_counter() - started
    sites = [str(site) for site in loaded.facts.components() if site.kind == "head"]
    values = np.stack([getattr(scores, name).ravel() for name in SCORES], axis=1).tolist()
    if as_json:
        rows = [{"site": site} | dict(zip(SCORES, row, strict=True)) for site, row in zip(sites, values, strict=True)]
        print_json({"heads": rows, "seconds": seconds})
    else:
        columns = ("site", *(name.replace("_", " ") for name in SCORES))
        print_table(columns, [(site, *(f"{v:.3f}" for v in row)) for site, row in zip(sites, values, strict=True)])


def as_dict(run: api.Run) -> dict[str, Any]:
    """The run as its JSON object."""
    return {
        "model": run.model,
        "tokens": run.tokens,
        "token_ids": run.token_ids.tolist(),
        "clean": _answer(run.clean),
        "edited": _answer(run.edited) if run.edited else None,
        "kl": run.kl,
        "reference": asdict(run.reference) if run.reference else None,
        "interventions": [str(edit) for edit in run.interventions],
        "seconds": run.seconds,
    }


def _answer(answer: api.Answer) -> dict[str, Any]:
    tokens = [{"token": token.text, "id": token.id, "logit": token.logit, "prob": token.prob} for token in answer.top]
    return {"top": tokens, "logit_diff": answer.logit_diff, "loss": answer.loss}


def _print_run(run: api.Run, words: tuple[str, ...]) -> None:
    print(f"{run.model}: {' '.join(quoted(token) for token in run.tokens)}")
    answers = [run.clean, *([run.edited] if run.edited else [])]
    ids = dict.fromkeys(token.id for answer in answers for token in answer.top)
    names = ("clean", "edited")[: len(answers)]
    columns = ["next token", *(f"{name} {what}" for name in names for what in ("prob", "logit"))]
    print_table(columns, [[quoted(words[i]), *_cells(answers, i)] for i in ids])
    for what, values in (("logit difference", [a.logit_diff for a in answers]), ("loss", [a.loss for a in answers])):
        if values[0] is not None:
            print(f"{what}: {' -> '.join(f'{value:+.4f}' for value in values)} nats")
    if run.kl is not None:
        print(f"KL(clean || edited): {run.kl:.4f} nats, with {', '.join(str(edit) for edit in run.interventions)}")
    if run.reference:
        print(f"means over {run.reference.tokens} tokens of {run.reference.source}")
    print(f"{run.seconds:.2f} s")


def _cells(answers: list[api.Answer], token: int) -> list[str]:
    return [cell for answer in answers for cell in (f"{answer.prob(token):.4f}", f"{answer.logits[token]:+.3f}")]
