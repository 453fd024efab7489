"""Cutting heads, beside TransformerLens's bridge doing the same: one head, all heads, and the estimate of all heads."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from interpviz.core.document import ModelFacts, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.jobs import OpenModel
from interpviz.core.requests import PatchingEstimateRequest, RunRequest, SweepRequest
from interpviz.core.sites import Site
from tests.benchmarks.rounds import Row, compared, times_faster

SOURCE = "smollm2-135m-instruct"
STORY = "When Mary and John went to the store, John gave a drink to Mary. Then they walked home by the river, and "
TARGET, DISTRACTOR = " Mary", " John"
CLOSE = 1e-4
# Layer 0, the middle and the last, and how many times faster they must be; the last by length.
AIMS = {16: (1.4, 2.5, 8.0), 64: (1.4, 2.5, 15.0), 256: (1.4, 2.5, 15.0)}
ALL_HEADS = {16: 10.0, 64: 3.5}
ESTIMATE_FORWARDS = 2.5
PEER = "transformer-lens, run_with_hooks"


def rows() -> Iterator[Row]:
    """SPEED's rows `cut one head`, `all heads` and `attribution of all heads`, each after its numbers were compared."""
    from interpviz.engine.compute import Engine

    engine = Engine()
    try:
        facts = engine.compute(OpenModel(SOURCE))
    except InterpvizError as missing:
        print(f"interventions: {missing}", file=sys.stderr)
        return
    bench = _Bench(engine, facts)
    for length, aims in AIMS.items():
        for layer, aim in zip((0, facts.layers // 2, facts.layers - 1), aims, strict=True):
            yield bench.one_head(length, layer, aim)
    for length, aim in ALL_HEADS.items():
        yield bench.all_heads(length, aim)
    yield bench.estimate(64)


class _Bench:
    """The same model for both, and prompts of exact lengths."""

    def __init__(self, engine: Any, facts: ModelFacts) -> None:
        self._engine, self._facts = engine, facts
        self._model = engine.loaded(facts).model
        self._story = self._model.tokens(Prompt(STORY * 20)).ids.tolist()

    def one_head(self, length: int, layer: int, aim: float) -> Row:
        """A click: the clean run is there, one head is cut, the last position is wanted."""
        ids, heads = self._ids(length), iter(range(10**9))
        prompt = Prompt("", tuple(ids))
        self._engine.compute(RunRequest(self._facts, prompt))

        def ours(head: int) -> Any:
            edits = frozenset({Intervention(Site(layer, "head", head))})
            return self._engine.compute(RunRequest(self._facts, prompt, edits)).logits

        worst = max(_difference(ours(head), self._peer(ids, layer, head)) for head in range(3))
        head = lambda: next(heads) % self._facts.heads  # noqa: E731
        return times_faster(
            f"cut one head, {length} tokens, layer {layer}",
            PEER,
            aim,
            _timed(lambda: ours(head())),
            _timed(lambda: self._peer(ids, layer, head())),
            note=_gate(worst),
            sound=worst <= CLOSE,
        )

    def all_heads(self, length: int, aim: float) -> Row:
        """Every head of every fifth layer cut, one at a time: our sweep, and the peer's loop.

        These layers lie in the model as all do, about its middle, and nine rounds of all would take half an hour.
        """
        ids, layers = self._ids(length), range(2, self._facts.layers, 5)
        prompt, facts = Prompt("", tuple(ids)), self._facts
        self._engine.compute(RunRequest(facts, prompt))

        def ours() -> Any:
            sweeps = [
                self._engine.compute(SweepRequest(facts, prompt, TARGET, DISTRACTOR, layer, kind="head"))
                for layer in layers
            ]
            return np.concatenate([sweep.logits for sweep in sweeps])

        def theirs() -> Any:
            return [self._peer(ids, layer, head) for layer in layers for head in range(facts.heads)]

        worst = max(map(_difference, ours(), theirs()))
        return times_faster(
            f"all heads, {length} tokens",
            PEER,
            aim,
            _timed(ours),
            _timed(theirs),
            note=f"{_gate(worst)}, every fifth layer",
            sound=worst <= CLOSE,
        )

    def estimate(self, length: int) -> Row:
        """Attribution patching of all heads and MLPs, in forwards of our own."""
        ids = self._ids(length)
        request = PatchingEstimateRequest(self._facts, Prompt("", tuple(ids)), TARGET, DISTRACTOR)
        batch = self._model.ids(self._model.tokens(request.prompt))
        return compared(
            f"attribution of all heads, {length} tokens",
            "our own forward",
            ESTIMATE_FORWARDS,
            _timed(lambda: self._engine.compute(request)),
            _timed(lambda: self._model.forward(batch)),
        )

    def _ids(self, length: int) -> list[int]:
        return [int(token) for token in self._story[:length]]

    def _peer(self, ids: list[int], layer: int, head: int) -> Any:
        """What TransformerLens says at the last position with one head cut by a plain hook."""
        import torch

        def cut(z: Any, hook: Any) -> Any:
            z[:, :, head] = 0.0
            return z

        with torch.inference_mode():
            logits = self._model.bridge.run_with_hooks(
                torch.tensor([ids]), fwd_hooks=[(f"blocks.{layer}.attn.hook_z", cut)]
            )
        return logits[0, -1].numpy()


def _difference(ours: Any, theirs: Any) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def _gate(worst: float) -> str:
    return f"largest difference {worst:.0e} of the logit scale"


def _timed(work: Callable[[], Any]) -> Callable[[], float]:
    def seconds() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return seconds
