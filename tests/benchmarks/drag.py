"""The window while a value is dragged: how late its thread is, and how often an answer comes."""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from interpviz.core.document import PANELS, Document, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import OpenModel
from interpviz.core.requests import RunRequest
from tests.benchmarks.rounds import ROUNDS, Row

FRAME = 0.016
SECONDS = 1.5
# A mouse says where it is some hundred times a second.
BETWEEN_MOVES_MS = 8
STORY = "When Mary and John went to the store, John gave a drink to"


def rows() -> Iterator[Row]:
    """SPEED's row `window's tick`, in a drag on the demo and on SmolLM2."""
    for source, site in (("demo", "L1H4"), ("smollm2-135m-instruct", "L15H4")):
        yield from _rows(source, site)


def _rows(source: str, site: str) -> Iterator[Row]:
    from PySide6.QtWidgets import QApplication

    from interpviz.app import Session
    from interpviz.engine.compute import Engine

    application = QApplication.instance() or QApplication([])
    engine = Engine()
    try:
        facts = engine.compute(OpenModel(source))
    except InterpvizError as missing:
        print(f"drag, {source}: {missing}", file=sys.stderr)
        return
    session = Session(engine.compute)
    session.window.resize(1400, 900)
    session.window.show()
    session.store.replace(
        Document(facts, prompt=Prompt(STORY), target=" Mary", distractor=" John", panels=frozenset(PANELS) - {"cloud"})
    )
    _until(application, session.settled)
    session.actions("intervention.write", f"{site}:scale:0.5")
    _until(application, session.settled)
    drags = [_drag(application, session) for _ in range(ROUNDS)]
    late = sorted(tick / FRAME for tick, _ in drags)
    answers = statistics.median(count for _, count in drags) / SECONDS
    yield Row(
        f"window's tick, 99th percentile in a drag, {source}",
        "a frame of 16 ms",
        statistics.median(late),
        (late[0], late[-1]),
        1.0,
        f"{answers:.0f} answers a second",
    )
    session.window.close()
    session.close()


def _drag(application: Any, session: Any) -> tuple[float, int]:
    """Drag the value of the one edit for a while: the 99th percentile between ticks of 1 ms, and the answers shown."""
    from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
    from PySide6.QtGui import QMouseEvent

    field = session.window.panels["interventions"].edits.rows[0].value
    left, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    ticks: list[float] = []
    answers: list[object] = []

    def send(kind: QEvent.Type, x: float) -> None:
        place = QPointF(x, 8)
        application.postEvent(field, QMouseEvent(kind, place, field.mapToGlobal(place), left, left, keys))

    def count(request: object, answer: object) -> None:
        answers.extend([request] if isinstance(request, RunRequest) else [])

    session.scheduler.answered.connect(count)
    begun, moves = time.perf_counter(), itertools.count(11)
    ticking = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=1)
    ticking.timeout.connect(lambda: ticks.append(time.perf_counter()))
    moving = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=BETWEEN_MOVES_MS)
    moving.timeout.connect(lambda: send(QEvent.Type.MouseMove, next(moves)))
    send(QEvent.Type.MouseButtonPress, 10)
    ticking.start()
    moving.start()
    _until(application, lambda: time.perf_counter() - begun > SECONDS)
    ticking.stop()
    moving.stop()
    send(QEvent.Type.MouseButtonRelease, next(moves))
    session.scheduler.answered.disconnect(count)
    _until(application, session.settled)
    gaps = sorted(later - sooner for sooner, later in itertools.pairwise(ticks))
    return gaps[int(0.99 * len(gaps))], len(answers)


def _until(application: Any, condition: Callable[[], bool]) -> None:
    from PySide6.QtCore import QEventLoop

    while not condition():
        application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
