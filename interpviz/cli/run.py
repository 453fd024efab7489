"""`run` and `heads`: what a model says, and what its heads look for."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
import typer

from interpviz import api
from interpviz.api import experiment
from interpviz.cli.output import print_json, print_table, quoted, working
from interpviz.core.errors import InterpvizError
from interpviz.core.results import Continuation, Reference

LARGEST_SEED = 2**32 - 1

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="demo, a fetched name, a folder or a .gguf file")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]
PromptText = Annotated[str, typer.Option(help="the text to continue")]
Target = Annotated[str, typer.Option(help="a token to follow, exactly: ' Mary'")]
Distractor = Annotated[str, typer.Option(help="the token it competes with: ' John'")]
Contrast = Annotated[str, typer.Option(help="the prompt that patch draws from, of as many tokens")]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="which random draws: of resample, of sampled tokens")]
NoBos = Annotated[bool, typer.Option("--no-bos", help="no beginning-of-sequence token in front")]
Ablate = Annotated[
    list[str] | None,
    typer.Option(metavar="SITE[:mode[:value[:direction]]][@positions]", help="L1H4:mean@3; again for more"),
]
Dictionaries = Annotated[
    list[str] | None,
    typer.Option(metavar="FOLDER", help="a dictionary, whose features are NAME/123; again for more"),
]

SCORES = ("induction", "previous_token", "duplicate_token")


def run(
    model: ModelName,
    prompt: PromptText,
    ablate: Ablate = None,
    contrast: Contrast = "",
    target: Target = "",
    distractor: Distractor = "",
    dictionary: Dictionaries = None,
    top: Annotated[int, typer.Option(min=1, help="how many next tokens to show")] = 10,
    loss: Annotated[bool, typer.Option("--loss", help="the mean loss over the prompt too, in nats")] = False,
    freeze: Annotated[bool, typer.Option("--freeze-attention", help="edited, look where the clean run looks")] = False,
    generate: Annotated[int | None, typer.Option(min=1, metavar="N", help="go on by up to N tokens too")] = None,
    temperature: Annotated[float, typer.Option(min=0, help="of --generate; 0 takes the likeliest token")] = 0.0,
    seed: Seed = 0,
    no_bos: NoBos = False,
    as_json: AsJson = False,
) -> None:
    """What the model says next, clean and with parts of it edited."""
    check_prompt(prompt)
    experiment.check_target(target, distractor)
    experiment.check_sampling(generate or 1, temperature)
    if temperature and not generate:
        raise InterpvizError("--temperature says how --generate draws its tokens. Give --generate N too.")
    went_on: api.Generation | None = None
    with working("opening the model") as report:
        edits, dictionaries = experiment.checked(ablate or (), contrast, dictionary or (), report)
        loaded = api.load(model, report)
        drawn = {"contrast": contrast, "dictionaries": dictionaries, "freeze": freeze, "seed": seed}
        asked: dict[str, Any] = drawn | {"bos": not no_bos, "report": report}
        answer = loaded.run(prompt, edits, target=target, distractor=distractor, top=top, loss=loss, **asked)
        if generate:
            went_on = loaded.generate(prompt, edits, count=generate, temperature=temperature, **asked)
    if as_json:
        print_json(as_dict(answer) | ({"generation": _generation(went_on, loaded)} if went_on else {}))
    else:
        _print_run(answer, loaded.vocabulary(), metric_name(distractor))
        if went_on:
            _print_generation(went_on, loaded)


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


def check_prompt(prompt: str) -> None:
    """Raise InterpvizError for an empty prompt, before a model is opened for it."""
    if not prompt:
        raise InterpvizError("The prompt is empty. Give some text after --prompt.")


def metric_name(distractor: str) -> str:
    """What effects and differences are measured in."""
    return "logit difference" if distractor else "log-probability of the target"


def reference_line(reference: Reference) -> str:
    """What mean or resample drew from, for a person."""
    return f"drawn from {reference.tokens:,} tokens of {reference.source}"


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
        "road": run.road,
        "spread": run.spread,
    }


def _answer(answer: api.Answer) -> dict[str, Any]:
    tokens = [{"token": token.text, "id": token.id, "logit": token.logit, "prob": token.prob} for token in answer.top]
    return {"top": tokens, "logit_diff": answer.logit_diff, "loss": answer.loss}


def _generation(generation: api.Generation, model: api.Model) -> dict[str, Any]:
    sides = {"clean": generation.clean, "edited": generation.edited}
    return {name: side and _side(side, model) for name, side in sides.items()} | {"seconds": generation.seconds}


def _side(said: Continuation, model: api.Model) -> dict[str, Any]:
    return {"tokens": said.texts, "token_ids": said.ids.tolist(), "text": model.text(said.ids), "ended": said.ended}


def _print_run(run: api.Run, words: tuple[str, ...], metric: str) -> None:
    print(f"{run.model}: {' '.join(quoted(token) for token in run.tokens)}")
    answers = [run.clean, *([run.edited] if run.edited else [])]
    ids = dict.fromkeys(token.id for answer in answers for token in answer.top)
    names = ("clean", "edited")[: len(answers)]
    columns = ["next token", *(f"{name} {what}" for name in names for what in ("prob", "logit"))]
    print_table(columns, [[quoted(words[i]), *_cells(answers, i)] for i in ids])
    for what, values in ((metric, [a.logit_diff for a in answers]), ("loss", [a.loss for a in answers])):
        if values[0] is not None:
            print(f"{what}: {' -> '.join(f'{value:+.4f}' for value in values)} nats")
    if run.spread is not None:
        print(f"edited, that is the mean over draws, whose standard deviation is {run.spread:.4f} nats")
    if run.kl is not None:
        print(f"KL(clean || edited): {run.kl:.4f} nats, with {', '.join(str(edit) for edit in run.interventions)}")
    if run.reference:
        print(reference_line(run.reference))
    print(f"{run.seconds:.2f} s{', on the slow path' if run.road == 'slow' else ''}")


def _print_generation(generation: api.Generation, model: api.Model) -> None:
    for name, side in (("clean", generation.clean), ("edited", generation.edited)):
        if side is not None:
            print(f"{name} goes on{' to the end' if side.ended else ''}: {quoted(model.text(side.ids))}")


def _cells(answers: list[api.Answer], token: int) -> list[str]:
    return [cell for answer in answers for cell in (f"{answer.prob(token):.4f}", f"{answer.logits[token]:+.3f}")]
