"""How a model goes on after a prompt, token by token, with parts of it edited."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.report import Report, silent
from interpviz.core.results import Continuation, Road
from interpviz.engine.aside import standing_aside
from interpviz.engine.blocks import Hook, KeysAndValues
from interpviz.engine.clean import CleanRun
from interpviz.engine.interventions import Edits, RowEdit
from interpviz.engine.lens import Model
from interpviz.engine.run import clean_patterns, frozen_patterns
from interpviz.engine.supplies import Supply
from interpviz.engine.tokens import text_of

TOP = 10
COLDEST = 1e-6  # below it the likeliest token is drawn in any case


@dataclass(frozen=True)
class Sampling:
    """Up to `count` tokens: the likeliest at temperature 0, else drawn from softmax(logits / temperature) by `seed`."""

    count: int
    temperature: float = 0.0
    seed: int = 0


def generate(
    model: Model,
    clean: CleanRun,
    interventions: Sequence[Intervention],
    supply: Supply,
    sampling: Sampling,
    *,
    freeze: bool = False,
    report: Report = silent,
) -> Continuation:
    """Continue the clean run's prompt with these edits; `report` is given what is there after each token.

    Edits at all positions go on in what is generated; edits at some, patches, attention edges and frozen patterns
    are of the prompt's tokens. Resample draws one document. Ends at the tokenizer's end of text or where the context
    is full.
    """
    said = _Said(model, sampling, time.perf_counter())
    steps = _Steps(model, clean, tuple(interventions), supply, freeze, sampling.count)
    room = model.facts.context - len(clean.tokens.ids)
    said.road = steps.road
    for logits in steps.run(said.ids, report):
        said.add(logits)
        ended = said.ids[-1] == model.tokenizer.eos_token_id or len(said.ids) >= room
        report(len(said.ids) / sampling.count, "continuing the prompt", said.continuation(ended))
        if ended or len(said.ids) == sampling.count:
            return said.continuation(ended)
    raise AssertionError("a run goes on as long as it is asked to")


class _Steps:
    """The logits of one step after the other, each after the tokens that were said by then."""

    def __init__(
        self,
        model: Model,
        clean: CleanRun,
        edits: tuple[Intervention, ...],
        supply: Supply,
        freeze: bool,
        count: int,
    ) -> None:
        self._model, self._clean, self._supply = model, clean, supply
        self._length, self._count = len(clean.tokens.ids), count
        self._edits = [_settled(edit, self._length) for edit in edits]
        self._freeze = freeze
        self._made = Edits(model, map(RowEdit, edits), self._length, supply, strict=True)
        hooks = (*self._made.hooks, *(("blocks.0.attn.hook_pattern",) if freeze else ()))
        self.road: Road = model.road(hooks, min(self._length + count, model.facts.context))

    def run(self, said: Sequence[int], report: Report) -> Iterator[Tensor]:
        """Logits (vocab,) of each step; `said` grows while this goes on."""
        cache = KeysAndValues() if self.road == "fast" else None
        told = standing_aside(report) if self.road == "fast" else report
        hooks = dict(self._made.hooks)
        hooks |= frozen_patterns(self._model, self._clean, hooks) if self._freeze else {}
        first = self._model.forward(self._model.ids(self._clean.tokens), hooks, cache=cache, report=told, share=(0, 0))
        self._made.prove()
        yield first[0, -1]
        while True:
            yield self._next(said, cache, told) if cache is not None else self._again(said, told)

    def _next(self, said: Sequence[int], cache: KeysAndValues, report: Report) -> Tensor:
        """With what the earlier tokens left behind: one token is run."""
        going_on = [edit for edit in self._edits if edit.positions is None and edit.site.kind != "edge"]
        hooks = Edits(self._model, map(RowEdit, going_on), 1, self._supply, first=cache.length).hooks
        ids = torch.tensor([[said[-1]]], device=self._model.device)
        done = len(said) / self._count
        return self._model.forward(ids, hooks, cache=cache, report=report, share=(done, done))[0, -1]

    def _again(self, said: Sequence[int], report: Report) -> Tensor:
        """Without: all tokens are run once more."""
        ids = torch.tensor([[*self._clean.tokens.ids.tolist(), *said]], device=self._model.device)
        hooks = dict(Edits(self._model, map(RowEdit, self._edits), ids.shape[1], self._supply).hooks)
        if self._freeze:
            hooks |= _held(self._model, self._clean, hooks)
        done = len(said) / self._count
        return self._model.forward(ids, hooks, report=report, share=(done, done))[0, -1]


def _settled(edit: Intervention, length: int) -> Intervention:
    """The edit with its positions counted from the start of the prompt; a patch has those of the prompt alone."""
    if edit.positions is None:
        of_the_prompt = edit.mode == "patch" and edit.site.kind != "edge"
        return replace(edit, positions=tuple(range(length))) if of_the_prompt else edit
    return replace(edit, positions=tuple(sorted({position % length for position in edit.positions})))


def _held(model: Model, clean: CleanRun, edits: dict[str, Hook]) -> dict[str, Hook]:
    """Hooks that hold the attention of the prompt's tokens while later ones look where they like."""
    length = len(clean.tokens.ids)

    def holding(name: str, held: Tensor) -> Hook:
        edit = edits.get(name)

        def see(pattern: Tensor) -> Tensor:
            kept = pattern.clone()
            kept[:, :, :length, :length] = held
            changed = edit(kept) if edit else None
            return kept if changed is None else changed

        return see

    return {name: holding(name, held) for name, held in clean_patterns(model, clean).items()}


@dataclass(eq=False)
class _Said:
    """What was said so far."""

    model: Model
    sampling: Sampling
    begun: float
    road: Road = "fast"
    ids: list[int] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    _tops: list[tuple[list[int], list[str], list[float], float]] = field(default_factory=list)
    _random: torch.Generator = field(default_factory=torch.Generator)

    def __post_init__(self) -> None:
        self._random.manual_seed(self.sampling.seed)

    def add(self, logits: Tensor) -> None:
        """Choose the next token from its logits (vocab,)."""
        row = logits.detach().float().cpu()
        token = self._chosen(row)
        top = row.topk(min(TOP, len(row)))
        ids = top.indices.tolist()
        self.ids.append(token)
        self._texts.append(self._text(token))
        self._tops.append((ids, [self._text(i) for i in ids], top.values.tolist(), float(row.log_softmax(-1)[token])))

    def continuation(self, ended: bool) -> Continuation:
        """All of it as a result."""
        ids, texts, logits, chosen = zip(*self._tops, strict=True)
        return Continuation(
            ids=np.array(self.ids, np.int32),
            texts=tuple(self._texts),
            top_ids=np.array(ids, np.int32),
            top_texts=tuple(map(tuple, texts)),
            top_logits=np.array(logits, np.float32),
            log_probability=np.array(chosen, np.float32),
            ended=ended,
            seconds=time.perf_counter() - self.begun,
            road=self.road,
        )

    def _chosen(self, logits: Tensor) -> int:
        if not logits.isfinite().all():
            raise InterpvizError("The next token has no finite logits. Give the edits a smaller strength.")
        if self.sampling.temperature < COLDEST:
            return int(logits.argmax())
        weights = (logits.double() / self.sampling.temperature).softmax(-1)
        return int(torch.multinomial(weights, 1, generator=self._random))

    def _text(self, token: int) -> str:
        return text_of(self.model.tokenizer, token)
