"""The command line, run inside this process so that torch is loaded once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from interpviz.cli.main import run_command


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout."""
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture
def interpviz(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run `interpviz ARGUMENT...`."""

    def run(*arguments: object) -> Ended:
        status = run_command([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Ended(status, out, err)

    return run
