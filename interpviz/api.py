"""interpviz from Python: the names and defaults of the command line. Each call blocks and returns numpy.

from interpviz import api

model = api.load("demo")
run = model.run("When Mary and John went to the store, John gave a drink to", ablate=["L1H4"], target=" Mary")
print(run.clean.logit_diff, run.edited.logit_diff, run.kl)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core import environment
from interpviz.core.document import CacheFacts, Intervention, ModelFacts, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.logits import kl_nats, log_softmax, metric
from interpviz.core.report import Report, silent
from interpviz.core.requests import HeadsRequest, OpenModel, Request, RunRequest, TargetRequest, VocabularyRequest
from interpviz.core.results import F4, I4, CacheTokens, HeadScores, Reference, RunResult, Target
from interpviz.core.sites import Site
from interpviz.engine.compute import Engine

if TYPE_CHECKING:  # the window starts through here, and needs no file formats before its first paint
    from interpviz.data.activations import Cache as StoredCache
    from interpviz.data.check import Check
    from interpviz.data.models import Entry

__all__ = [
    "Answer",
    "Cache",
    "InterpvizError",
    "Model",
    "Run",
    "Token",
    "check",
    "fetch",
    "kind_of",
    "load",
    "models",
    "open",
    "record",
]

environment.prepare()


@dataclass(frozen=True)
class Token:
    """One possible next token: its text and id, its logit in nats and its probability, 0 to 1."""

    text: str
    id: int
    logit: float
    prob: float


@dataclass(frozen=True, eq=False)
class Answer:
    """What the model says next: `logits` (vocab,) at the last position, `top` the likeliest tokens.

    `logit_diff` in nats, target minus distractor; without a distractor the target's log-probability; None without a
    target. `loss` is the mean over the prompt in nats, None unless asked for.
    """

    logits: F4
    top: tuple[Token, ...]
    logit_diff: float | None
    loss: float | None

    def prob(self, token: int) -> float:
        """The probability of the token with this id."""
        return float(np.exp(log_softmax(self.logits)[token]))


@dataclass(frozen=True, eq=False)
class Run:
    """A prompt run clean and, where anything was ablated, edited.

    `tokens` are the texts of `token_ids` (pos,), BOS included. `kl` is KL(clean || edited) in nats at the last
    position. `edited`, `kl` and `reference` (what mean ablation drew from) are None where they have no meaning.
    """

    model: str
    tokens: tuple[str, ...]
    token_ids: I4
    clean: Answer
    edited: Answer | None
    kl: float | None
    reference: Reference | None
    interventions: tuple[Intervention, ...]
    seconds: float

    @property
    def logit_diff(self) -> float | None:
        """That of the edited run where there is one, else of the clean run."""
        return (self.edited or self.clean).logit_diff


class Model:
    """A loaded model. Make one with `load`."""

    def __init__(self, facts: ModelFacts) -> None:
        self.facts = facts

    def __repr__(self) -> str:
        return f"Model({self.facts.name!r}, {self.facts.layers} layers of {self.facts.heads} heads)"

    def run(
        self,
        prompt: str,
        ablate: Iterable[str | Intervention] = (),
        *,
        target: str = "",
        distractor: str = "",
        top: int = 10,
        loss: bool = False,
        bos: bool = True,
        reference: Cache | None = None,
        report: Report = silent,
    ) -> Run:
        """What the model says after the prompt, clean and with every site of `ablate` cut (`L1H4:mean@2-5`).

        `reference` is the cache that mean ablation draws from, in place of the bundled text. Raises InterpvizError
        for an empty or overlong prompt, a site that the model has not, or a target of several tokens.
        """
        edits = interventions(ablate)
        check_contrast(target, distractor)
        asked = RunRequest(self.facts, Prompt(prompt, bos=bos), loss=loss)
        followed = _ask(TargetRequest(self.facts, target, distractor), report) if target else None
        started = time.perf_counter()
        clean: RunResult = _ask(asked, report)
        changed = replace(asked, interventions=frozenset(edits), reference=reference.facts if reference else None)
        edited: RunResult | None = _ask(changed, report) if edits else None
        seconds = time.perf_counter() - started
        return Run(
            model=self.facts.name,
            tokens=clean.tokens.texts,
            token_ids=clean.tokens.ids,
            clean=self._answer(clean, followed, top),
            edited=self._answer(edited, followed, top) if edited else None,
            kl=kl_nats(clean.logits, edited.logits) if edited else None,
            reference=edited.reference if edited else None,
            interventions=edits,
            seconds=seconds,
        )

    def heads(self, report: Report = silent) -> HeadScores:
        """Induction, previous-token and duplicate-token score of every head, each (layer, head), 0 to 1."""
        scores: HeadScores = _ask(HeadsRequest(self.facts), report)
        return scores

    def vocabulary(self) -> tuple[str, ...]:
        """The text of every token, by id."""
        texts: tuple[str, ...] = _ask(VocabularyRequest(self.facts), silent).texts
        return texts

    def _answer(self, run: RunResult, target: Target | None, top: int) -> Answer:
        log_p = log_softmax(run.logits)
        words = self.vocabulary()
        first = np.argsort(-run.logits, kind="stable")[:top]
        return Answer(
            run.logits,
            tuple(Token(words[i], int(i), float(run.logits[i]), float(np.exp(log_p[i]))) for i in first),
            metric(run.logits, target) if target else None,
            float(run.loss.mean()) if run.loss is not None else None,
        )


class Cache:
    """A recorded cache. Make one with `open` or `record`."""

    def __init__(self, stored: StoredCache) -> None:
        self._stored = stored

    def __repr__(self) -> str:
        return f"Cache({self.facts.name!r}, {self.facts.tokens} tokens, {', '.join(self.facts.sites)})"

    @property
    def facts(self) -> CacheFacts:
        """What was recorded, from which model."""
        return self._stored.facts

    @property
    def tokens(self) -> CacheTokens:
        """Every token with its document and position."""
        return self._stored.tokens()

    def rows(self, site: str, rows: Sequence[int] | NDArray[np.integer[Any]]) -> F4:
        """The activations of a site at these rows: (n, d); (n, head, d_head) for `L1H`, (n, d_head) for `L1H4`."""
        return self._stored.rows(site, rows)


def load(source: str, report: Report = silent) -> Model:
    """Open the model that a bundled or fetched name, a Hugging Face folder or a `.gguf` file means."""
    from interpviz.data.models import resolve

    resolve(source)  # what is wrong with the files is said before torch takes its seconds to load
    return Model(_ask(OpenModel(source), report))


def open(path: str | Path) -> Cache:
    """Open recorded activations: a `.acts` folder or one shard of it."""
    from interpviz.data.activations import Cache as StoredCache

    return Cache(StoredCache.open(path))


def kind_of(path: str) -> str:
    """What a path or a model's name stands for: "model", "cache" or "session"; raises InterpvizError for all else."""
    from interpviz.data.contents import kind_of as look

    return look(Path(path))


def check(path: str, report: Report = silent) -> Check:
    """Whether a cache, a session or a model is whole, what is wrong with it, and what it says of itself."""
    from interpviz.data.check import check as look

    return look(path, report)


def record(
    model: Model,
    text: Iterable[str | Path],
    *,
    sites: Iterable[str],
    out: str | Path,
    tokens: int | None = None,
    context: int = 128,
    report: Report = silent,
) -> Cache:
    """Run the model over text files and keep its activations at these sites in the folder `out`.

    `context` tokens a run, BOS included; it stops after `tokens`, else at the end of the text. The same call resumes
    what was interrupted.
    """
    from interpviz.engine.record import record as record_activations

    loaded = _engine().loaded(model.facts, report).model
    files = [Path(name) for name in text]
    facts = record_activations(loaded, files, [Site.parse(site) for site in sites], Path(out), tokens, context, report)
    return open(facts.source)


def models() -> tuple[Entry, ...]:
    """Every model that has a name, and whether its files are here."""
    from interpviz.data.models import registry

    return registry()


def fetch(name: str, report: Report = silent) -> Path:
    """Fetch a model by name, convert it once, and return its folder. The only call that uses the network."""
    from interpviz.data.fetch import fetch as fetch_file
    from interpviz.data.fetch import fetched_folder

    folder = fetched_folder(name)
    if not folder.exists():
        gguf = fetch_file(name, lambda fraction, text="", partial=None: report(0.6 * fraction, text))
        from interpviz.engine.convert import convert_gguf

        convert_gguf(gguf, folder, lambda fraction, text="", partial=None: report(0.6 + 0.4 * fraction, text))
    return folder


def interventions(ablate: Iterable[str | Intervention]) -> tuple[Intervention, ...]:
    """The edits that these texts mean, each once; raises InterpvizError for one that means nothing."""
    edits = (edit if isinstance(edit, Intervention) else Intervention.parse(edit) for edit in ablate)
    return tuple(dict.fromkeys(edits))


def check_contrast(target: str, distractor: str) -> None:
    """Raise InterpvizError for a distractor without a target."""
    if distractor and not target:
        raise InterpvizError("There is a distractor but no target. Give the target too.")


def _ask(request: Request, report: Report) -> Any:
    return _engine().compute(request, report)


@cache
def _engine() -> Engine:
    return Engine()
