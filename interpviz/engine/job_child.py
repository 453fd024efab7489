"""The process of one job. Run as `python -m interpviz.engine.job_child`; it reads one JSON line {"job": the name of

its type, "device", "fields"}, and says {"fraction", "text", "partial"} while it works, then {"answer"} or {"error"}.
When its input ends it stops, and tidies up.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, is_dataclass
from threading import Event, Thread
from typing import Any

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.report import Report
from interpviz.engine.in_process import frozen
from interpviz.engine.job_types import JOB_TYPES
from interpviz.engine.speaking import Say, speaking

NEWS_SECONDS = 0.1


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


def _done(asked: dict[str, Any], report: Report) -> Any:
    job = next(job for job in JOB_TYPES if job.__name__ == asked["job"])
    return JOB_TYPES[job].run(job(**frozen(asked["fields"])), asked["device"], report)


def _await_the_end(unwanted: Event) -> None:
    sys.stdin.buffer.read()
    unwanted.set()


def _report(say: Say, unwanted: Event) -> Report:
    told = 0.0

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        nonlocal told
        if unwanted.is_set():
            raise Cancelled
        news = asdict(partial) if is_dataclass(partial) and not isinstance(partial, type) else None  # not ASIDE
        if news or time.monotonic() - told > NEWS_SECONDS:
            told = time.monotonic()
            say({"fraction": fraction, "text": text, "partial": news})

    return report


if __name__ == "__main__":
    main()
