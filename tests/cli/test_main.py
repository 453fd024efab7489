"""How commands end, and the small ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from interpviz import api
from interpviz.cli import display, doctor, faults
from interpviz.cli.output import print_json, quoted
from interpviz.cli.record import spread
from interpviz.core.errors import Cancelled
from interpviz.core.paths import resource
from tests.cli.conftest import Command
from tests.sources import ROOT


def test_a_fault_of_ours_is_one_line_and_a_log(interpviz: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: str, report: object) -> None:
        raise ZeroDivisionError("layers\nof it")

    monkeypatch.setattr(api, "load", fail)
    ended = interpviz("heads", "demo")
    assert (ended.status, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert "interpviz failed (ZeroDivisionError: layers)" in ended.err
    log = faults.log_path()
    assert str(log) in ended.err
    assert 'raise ZeroDivisionError("layers\\nof it")' in log.read_text("utf-8")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_a_stopped_command_ends_quietly(
    interpviz: Command, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    def stopped(source: str, report: object) -> None:
        raise stop

    monkeypatch.setattr(api, "load", stopped)
    ended = interpviz("heads", "demo")
    assert (ended.status, ended.out, ended.err) == (130, "", "")


def test_what_libraries_print_does_not_stand_among_the_results(
    interpviz: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = api.load

    def chatty(source: str, report: object) -> api.Model:
        print("Loaded pretrained model")  # noqa: T201
        return load(source)

    monkeypatch.setattr(api, "load", chatty)
    ended = interpviz("heads", "demo", "--json")
    assert len(ended.json["heads"]) == 24
    assert "Loaded pretrained model" in ended.err


def test_a_reader_who_leaves_early_is_no_fault() -> None:
    command = [sys.executable, "-m", "interpviz", "models", "list"]
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_help_names_every_command(interpviz: Command) -> None:
    ended = interpviz("--help")
    assert ended.status == 0
    for command in ("open", "demo", "models", "run", "sweep", "heads", "record", "check", "doctor"):
        assert f"\n  {command} " in ended.out


def test_json_has_no_numbers_that_json_has_not(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), float("inf"), 1.5], "b": ("\ud800", None)})
    assert capsys.readouterr().out == '{"a": [null, null, 1.5], "b": ["\\ud800", null]}\n'


def test_a_token_is_shown_with_what_cannot_be_seen() -> None:
    assert quoted(" a\n\u202e\u200b") == r"' a\n\u202e\u200b'"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("record demo --text a b --site L1R --out x", "record demo --text a --text b --site L1R --out x"),
        ("record demo --site L0R- L1R --text=a", "record demo --site L0R- --site L1R --text=a"),
        ("record --text a --out x demo", "record --text a --out x demo"),
        ("run demo --prompt a b", "run demo --prompt a b"),
        ("", ""),
    ],
)
def test_record_takes_several_files_after_one_option(given: str, meant: str) -> None:
    assert spread(given.split()) == meant.split()


def test_models_have_names(interpviz: Command) -> None:
    models = {model["name"]: model["state"] for model in interpviz("models", "list", "--json").json["models"]}
    assert models == {"demo": "bundled", "smollm2-135m-instruct": "to fetch"}
    assert "smollm2-135m-instruct" in interpviz("models", "list").out


def test_check_tells_a_whole_model_from_a_spoiled_cache(interpviz: Command, tmp_path: Path) -> None:
    whole = interpviz("check", "demo", "--json")
    assert whole.status == 0
    assert list(whole.json) == ["kind", "whole", "problems", "facts"]
    assert (whole.json["kind"], whole.json["whole"], whole.json["problems"]) == ("model", True, [])
    text = tmp_path / "a.txt"
    text.write_text("Mary had a little lamb. " * 20, "utf-8")
    folder = tmp_path / "x.acts"
    command = ("record", "demo", "--text", text, "--site", "L0R-", "L1R", "--out", folder, "--tokens", 64, "--json")
    recorded = interpviz(*command).json
    assert (recorded["tokens"], recorded["model"]) == (64, "demo")
    assert recorded["sites"] == ["blocks.0.hook_resid_pre", "blocks.1.hook_resid_post"]
    assert interpviz("check", folder).status == 0
    shard = folder / "shard-00000.h5"
    spoiled = bytearray(shard.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    shard.write_bytes(spoiled)
    broken = interpviz("check", folder, "--json")
    assert (broken.status, broken.json["whole"]) == (2, False)
    assert broken.json["problems"]


def test_a_library_that_is_not_there_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "libraries.txt"
    listed.write_text("# said\nlibc.so.6 libc6\nlibnone.so.9 libnone9 libnone-data\nXnone xnone\nsh dash\n", "utf-8")
    monkeypatch.setattr(doctor, "resource", lambda name: listed)
    lacking = doctor.missing()
    assert [name for name, _ in lacking] == ["libnone.so.9", "Xnone"]
    assert doctor.install_line(lacking).endswith(
        "apt-get install -y --no-install-recommends libnone9 libnone-data xnone"
    )
    assert doctor.install_line([]) == ""


def test_every_listed_library_is_here_where_the_tests_run() -> None:
    assert resource("system-libraries.txt").is_file()
    assert doctor.missing() == []


@pytest.mark.slow
def test_doctor_finds_qt_gl_and_torch(interpviz: Command) -> None:
    facts = interpviz("doctor", "--json").json
    assert facts["qt"].startswith("6.11")
    assert facts["renderer"]
    assert facts["device"]
    assert facts["missing"] == []


def test_doctor_survives_a_crash_of_what_it_looks_at() -> None:
    assert doctor._child("import os; os.abort()", "qt") == {"qt": "failed: it ended with status -6"}
    assert doctor._child("raise OSError('no libX')", "qt") == {"qt": "failed: OSError: no libX"}


def test_a_borrowed_screen_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with display.borrowed():
        assert display.present()
        number = os.environ["DISPLAY"].removeprefix(":")
        assert Path(f"/tmp/.X11-unix/X{number}").exists()
    assert not display.present()
    assert not Path(f"/tmp/.X11-unix/X{number}").exists()


def test_paths_are_opened_as_absolute_ones_and_names_as_names(
    interpviz: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[list[str]] = []

    def window(sources: list[str]) -> int:
        opened.append(sources)
        return 0

    monkeypatch.setattr("interpviz.cli.window._open", window)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    assert interpviz("open", "model", "demo").status == 0
    assert opened == [[str(tmp_path / "model"), "demo"]]
