"""A job in a process of its own: the window stays smooth, and whatever happens there costs the window nothing."""

from __future__ import annotations

from dataclasses import asdict
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.report import Report
from interpviz.data.child import Child, ChildFailed
from interpviz.engine.job_types import JOB_TYPES, JobType

PATIENCE = 0.1  # seconds between two looks at whether the answer is still wanted

Said = dict[str, Any] | ChildFailed


def in_process(job: Any, device: str, report: Report) -> Any:
    """The answer to a job of `JOB_TYPES`, which `engine/job_child.py` does; its partial answers go to `report`.

    A cancel lets it tidy up, and ends it if it does not.
    """
    child = Child("interpviz.engine.job_child")
    heard: SimpleQueue[Said] = SimpleQueue()
    listener = Thread(target=_listen, args=(child, heard), daemon=True)
    try:
        child.tell({"job": type(job).__name__, "device": device, "fields": asdict(job)})
        listener.start()
        return _answer(JOB_TYPES[type(job)], heard, report)
    except Cancelled:
        child.hang_up()
        listener.join(JOB_TYPES[type(job)].ending)
        raise
    except ChildFailed as failed:
        raise InterpvizError(
            "The process that did this was stopped. What it committed stays; do the same again to go on."
        ) from failed
    finally:
        child.end()


def _answer(kind: JobType, heard: SimpleQueue[Said], report: Report) -> Any:
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
            return kind.answer(**frozen(said["answer"]))
        fraction, text = said.get("fraction", fraction), said.get("text", text)
        partial = said.get("partial")
        report(fraction, text, kind.partial(**frozen(partial)) if partial and kind.partial else None)


def frozen(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields that came as JSON, its lists as the tuples that they were."""
    return {name: _frozen(value) for name, value in fields.items()}


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _listen(child: Child, heard: SimpleQueue[Said]) -> None:
    try:
        while True:
            heard.put(child.hear())
    except ChildFailed as ended:
        heard.put(ended)
