"""What calls return: frozen values, numpy arrays inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interpviz.core.interventions import Intervention
from interpviz.core.logits import difference, divergence, log_softmax
from interpviz.core.results import F4, I4, Continuation, Reference, Road, RunResult, Target
from interpviz.core.sites import Site


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
    target. `loss` is the mean over the prompt in nats, None unless asked for. Where an edit resamples, `logits` are
    the mean over its draws, and `logit_diff` and `loss` the means of those of each draw.
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
    position, the mean over draws where an edit resamples. `edited`, `kl` and `reference` (what mean or resample drew
    from) are None where they have no meaning. `road` is "slow" where the model has no fast path for these edits.
    `spread` is the standard deviation of the edited `logit_diff` over draws, None without resample or target.
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
    road: Road
    spread: float | None

    @property
    def logit_diff(self) -> float | None:
        """That of the edited run where there is one, else of the clean run."""
        return (self.edited or self.clean).logit_diff


@dataclass(frozen=True, eq=False)
class Generation:
    """How a prompt goes on: clean and, where anything was ablated, edited. `ids` (step,) are the new tokens alone."""

    clean: Continuation
    edited: Continuation | None

    @property
    def seconds(self) -> float:
        """What both took."""
        return self.clean.seconds + (self.edited.seconds if self.edited else 0.0)


@dataclass(frozen=True, eq=False)
class Sweep:
    """What cutting each of `sites` alone, at all positions, does to the metric; in nats.

    `effects` (site,) = `baseline` - metric(ablated): positive, the site raises the metric. `baseline` is the clean
    metric. `spread` (site,) is the standard deviation over the draws of resample, `reference` what the first site's
    mean or samples were drawn from; None in other modes.
    """

    baseline: float
    sites: tuple[Site, ...]
    effects: F4
    spread: F4 | None
    seconds: float
    reference: Reference | None


def compared(
    model: str,
    clean: RunResult,
    edited: RunResult | None,
    target: Target | None,
    words: Sequence[str],
    top: int,
    edits: tuple[Intervention, ...],
    seconds: float,
) -> Run:
    """The edited run, if there is one, beside the clean one; `words` are the texts of all tokens."""
    return Run(
        model=model,
        tokens=clean.tokens.texts,
        token_ids=clean.tokens.ids,
        clean=_answer(clean, target, words, top),
        edited=_answer(edited, target, words, top) if edited else None,
        kl=divergence(clean, edited).value if edited else None,
        reference=edited.reference if edited else None,
        interventions=edits,
        seconds=seconds,
        road=(edited or clean).road,
        spread=difference(edited, target).spread if edited and target and edited.draws is not None else None,
    )


def _answer(run: RunResult, target: Target | None, words: Sequence[str], top: int) -> Answer:
    log_p = log_softmax(run.logits)
    first = np.argsort(-run.logits, kind="stable")[:top]
    return Answer(
        logits=run.logits,
        top=tuple(Token(words[i], int(i), float(run.logits[i]), float(np.exp(log_p[i]))) for i in first),
        logit_diff=difference(run, target).value if target else None,
        loss=float(run.loss.mean()) if run.loss is not None else None,
    )
