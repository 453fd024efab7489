"""What the README tells a newcomer to type works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from interpviz.cli.main import app
from interpviz.engine.training.plan import LEAST_BATCHES
from tests.sources import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("Mary had a little lamb, and the lamb was sure to go. " * 40, "utf-8")
    monkeypatch.chdir(tmp_path)
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example
    exec(example[1], {})
    said = capsys.readouterr().out.splitlines()
    at = said.index("(2, 192) (192,)")
    assert said[at - 1] == "(4, 6)"
    assert said[at + 1].endswith(" (512, 192)")


def test_every_command_that_it_shows_is_one_and_none_is_left_out() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    shown = {
        shlex.split(line)[1] for line in re.findall(r"^ {4}interpviz \w.*", README.replace("\\\n", ""), re.MULTILINE)
    }
    assert shown == commands


def test_what_it_records_is_enough_for_what_it_trains() -> None:
    tokens = re.search(r"--out notes\.acts --tokens (\d+)\n", README)
    width = re.search(r"interpviz train notes\.acts --site L1R --width (\d+) ", README)
    assert tokens
    assert width
    assert int(tokens[1]) >= max(LEAST_BATCHES * 2048, int(width[1]))


def test_every_make_target_that_it_names_is_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([\w-]+)", README)) <= targets
