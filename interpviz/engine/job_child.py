"""The process of one job. Run as `python -m interpviz.engine.job_child`; it reads one JSON line {"job": the name of

its type, "device", "fields"}, and says {"fraction", "text"} while it works, then {"answer"} or {"error"}. When its
input ends it stops, and tidies up.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from threading import Event, Thread
from typing import Any

from interpviz.core.document import CacheFacts
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.jobs import Import, Record
from interpviz.core.report import Report, share
from interpviz.engine.compute import Engine
from interpviz.engine.speaking import Say, speaking

NEWS_SECONDS = 0.1
OPENING = 0.02  # of the work is opening the model


def main() -> None:
    """Do the one job of this process."""
    say = speaking()
    asked = json.loads(sys.stdin.buffer.readline())
    unwanted = Event()
    Thread(target=_await_the_end, args=(unwanted,), daemon=True).start()
    try:
        say({"answer": asdict(_done(asked, _report(say, unwanted)))})
    except InterpvizError as mistake:
        say({"error": str(mistake)})
    except Cancelled:
        os._exit(0)  # all is tidied up, and torch takes its time to go


def _done(asked: dict[str, Any], report: Report) -> CacheFacts:
    fields = {name: _frozen(value) for name, value in asked["fields"].items()}
    if asked["job"] == Import.__name__:
        from interpviz.data.foreign import importing

        return importing.run(Import(**fields), report)
    from interpviz.engine.record import record

    job = Record(**fields)
    model = Engine(asked["device"]).open_model(job.model, share(report, 0.0, OPENING)).model
    return record(model, job, share(report, OPENING, 1.0))


def _await_the_end(unwanted: Event) -> None:
    sys.stdin.buffer.read()
    unwanted.set()


def _report(say: Say, unwanted: Event) -> Report:
    told = 0.0

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        nonlocal told
        if unwanted.is_set():
            raise Cancelled
        if time.monotonic() - told > NEWS_SECONDS:
            told = time.monotonic()
            say({"fraction": fraction, "text": text})

    return report


def _frozen(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


if __name__ == "__main__":
    main()
