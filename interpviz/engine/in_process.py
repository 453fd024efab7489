"""A job in a process of its own: the window stays smooth, and whatever happens there costs the window nothing."""

from __future__ import annotations

from dataclasses import asdict
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from interpviz.core.document import CacheFacts
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.jobs import Import, Record
from interpviz.core.report import Report
from interpviz.data.child import Child, ChildFailed

PATIENCE = 0.1  # seconds between two looks at whether the answer is still wanted
ENDING = 2.0  # seconds that a job has to tidy up after itself

Said = dict[str, Any] | ChildFailed


def in_process(job: Record | Import, device: str, report: Report) -> CacheFacts:
    """The answer to a job, which `engine/job_child.py` does. A cancel lets it tidy up, and ends it if it does not."""
    child = Child("interpviz.engine.job_child")
    heard: SimpleQueue[Said] = SimpleQueue()
    listener = Thread(target=_listen, args=(child, heard), daemon=True)
    try:
        child.tell({"job": type(job).__name__, "device": device, "fields": asdict(job)})
        listener.start()
        return _answer(heard, report)
    except Cancelled:
        child.hang_up()
        listener.join(ENDING)
        raise
    except ChildFailed as failed:
        raise InterpvizError(
            "The process that did this was stopped. What it committed stays; do the same again to go on."
        ) from failed
    finally:
        child.end()


def _answer(heard: SimpleQueue[Said], report: Report) -> CacheFacts:
    fraction, text = 0.0, ""
    while True:
        try:
            said = heard.get(timeout=PATIENCE)
        except Empty:
            said = {}
        if isinstance(said, ChildFailed):
            raise said
        if "error" in said:
            raise InterpvizError(said["error"])
        if "answer" in said:
            facts: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in said["answer"].items()}
            return CacheFacts(**facts)
        fraction, text = said.get("fraction", fraction), said.get("text", text)
        report(fraction, text)


def _listen(child: Child, heard: SimpleQueue[Said]) -> None:
    try:
        while True:
            heard.put(child.hear())
    except ChildFailed as ended:
        heard.put(ended)
