"""From a click to its answer on the screen, in the real window, against one forward pass of the same model."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from interpviz.control.runs import edited_run
from interpviz.core.document import PANELS, Document, ModelFacts, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.experiments import clear_interventions
from interpviz.core.jobs import OpenModel
from interpviz.core.sites import Site
from tests.benchmarks.rounds import Row, compared

FRAMES = 2 * 0.016
SHORT = "When Mary and John went to the store, John gave a drink to"
LONG = " ".join([SHORT + " Mary."] * 4)
PEER = "transformers, model(ids)"


def rows() -> list[Row]:
    """SPEED's aims for a click: the demo in a forward and two frames, SmolLM2 in 1.3 forwards."""
    return [*_rows("demo", 1.0, FRAMES, "two frames added to the forward"), *_rows("smollm2-135m-instruct", 1.3)]


def _rows(source: str, limit: float, spare: float = 0.0, note: str = "") -> Iterator[Row]:
    from PySide6.QtWidgets import QApplication

    from interpviz.app import Session
    from interpviz.engine.compute import Engine

    application = QApplication.instance() or QApplication([])
    engine = Engine()
    try:
        facts = engine.compute(OpenModel(source))
    except InterpvizError as missing:
        print(f"click, {source}: {missing}", file=sys.stderr)
        return
    session = Session(engine.compute)
    session.window.show()
    for text in (SHORT, LONG):
        session.store.replace(
            # Without a target no sweep answers a click before it is made.
            Document(facts, prompt=Prompt(text), panels=frozenset(PANELS) - {"circuit", "continuation"})
        )
        _until(application, session.settled)
        tokens = engine.loaded(facts).model.tokens(Prompt(text)).ids.tolist()
        ours, theirs = _clicks(application, session, facts), _forwards(source, tokens, spare)
        yield compared(f"click to shown, {source}, {len(tokens)} tokens", PEER, limit, ours, theirs, note)
    session.window.close()
    session.close()


def _until(application: Any, condition: Callable[[], bool]) -> None:
    from PySide6.QtCore import QEventLoop

    while not condition():
        application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def _clicks(application: Any, session: Any, facts: ModelFacts) -> Callable[[], float]:
    """Cut one head after the other in the window: no answer is one that somebody remembers."""
    heads = itertools.cycle(Site(layer, "head", head) for head in range(facts.heads) for layer in range(facts.layers))

    def click() -> float:
        session.store.apply(clear_interventions)
        _until(application, session.settled)
        for _ in range(50):  # what the last act left to paint
            application.processEvents()
        begun = time.perf_counter()
        session.actions("intervention.toggle", next(heads))
        wanted = edited_run(session.store.document)
        _until(application, lambda: session.desk.answer(wanted) is not None)
        session.window.panels["outputs"].repaint()
        return time.perf_counter() - begun

    return click


def _forwards(source: str, tokens: list[int], spare: float) -> Callable[[], float]:
    import torch
    from transformers import AutoModelForCausalLM

    from interpviz.data.models import resolve

    model = AutoModelForCausalLM.from_pretrained(resolve(source).path, dtype=torch.float32).eval()
    ids = torch.tensor([tokens])

    def forward() -> float:
        begun = time.perf_counter()
        with torch.inference_mode():
            model(ids, use_cache=False)
        return time.perf_counter() - begun + spare

    return forward
