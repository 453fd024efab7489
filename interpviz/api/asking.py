"""The one engine that stands behind every call."""

from __future__ import annotations

from functools import cache
from typing import Any

from interpviz.core.report import Report, silent
from interpviz.core.requests import Request
from interpviz.engine.compute import Engine


@cache
def engine() -> Engine:
    """The engine of this process, which keeps the last models and caches open."""
    return Engine()


def ask(request: Request, report: Report = silent) -> Any:
    """The answer that the request's type names."""
    return engine().compute(request, report)
