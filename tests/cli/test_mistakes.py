"""What a user can get wrong: exit 2, one sentence on stderr, nothing on stdout."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from interpviz import api
from interpviz.core.paths import resource
from tests.cli.conftest import Command, Ended


def refused(ended: Ended, *, saying: str) -> None:
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err
    assert saying in ended.err


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["--prompt", ""], "The prompt is empty"),
        (["--prompt", "a", "--ablate", "Q1"], "'Q1' names no part of a model"),
        (["--prompt", "a", "--ablate", "L1H4:half"], "is no mode of ablation. Use zero or mean"),
        (["--prompt", "a", "--distractor", " John"], "There is a distractor but no target"),
        (["--prompt", "a", "--top", "0"], "--top"),
        ([], "Missing option '--prompt'"),
        (["--prompt", "a", "--loud"], "No such option: --loud"),
    ],
)
def test_what_needs_no_model_is_refused_before_one_is_opened(
    interpviz: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str], saying: str
) -> None:
    monkeypatch.delattr(api, "load")
    refused(interpviz("run", "demo", *arguments), saying=saying)


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["--prompt", "a", "--ablate", "L9H0"], "demo has no L9H0: it has layers 0 to 3, heads 0 to 5"),
        (["--prompt", "a", "--ablate", "L1H4@77"], "77"),
        (["--prompt", "a", "--target", " Mary John"], "' Mary' and ' John'"),
        (["--prompt", " the" * 3000], "tokens"),
    ],
)
def test_what_the_model_has_not_is_refused(interpviz: Command, arguments: list[str], saying: str) -> None:
    refused(interpviz("run", "demo", *arguments), saying=saying)


def test_an_unknown_command_is_refused(interpviz: Command) -> None:
    refused(interpviz("fly"), saying="No such command 'fly'")
    refused(interpviz("models"), saying="Missing command")


def test_a_model_that_is_nowhere_is_refused_with_the_way_to_get_it(interpviz: Command, tmp_path: Path) -> None:
    refused(interpviz("heads", tmp_path / "none"), saying="There is no model")
    refused(interpviz("heads", "org/name"), saying="interpviz models get org/name")
    refused(interpviz("heads", "smollm2-135m-instruct"), saying="interpviz models get smollm2-135m-instruct")


def test_a_broken_model_folder_is_refused(interpviz: Command, tmp_path: Path) -> None:
    refused(interpviz("heads", tmp_path), saying="holds no config.json")
    folder = tmp_path / "cut"
    shutil.copytree(resource("demo/model"), folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    refused(interpviz("heads", folder), saying="model.safetensors")
    weights.rename(folder / "pytorch_model.bin")
    refused(interpviz("heads", folder), saying="pickled weights")


def test_a_gguf_of_49_bytes_that_declares_two_to_the_63_entries_is_refused(interpviz: Command, tmp_path: Path) -> None:
    file = tmp_path / "bomb.gguf"
    file.write_bytes((b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63)).ljust(49, b"\0"))
    refused(interpviz("heads", file), saying="bomb.gguf")


def test_a_file_of_another_kind_is_refused(interpviz: Command, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello", "utf-8")
    refused(interpviz("check", file), saying="notes.txt is no model, cache or session")
    refused(interpviz("open", "demo", file), saying="notes.txt is no model, cache or session")
    refused(interpviz("open", tmp_path / "none"), saying="There is no model")
    refused(interpviz("heads", file), saying="notes.txt is no model")


def test_a_window_needs_a_display(interpviz: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    for command in ((), ("open", "demo"), ("demo",)):
        refused(interpviz(*command), saying="interpviz demo --shots shots")


def test_pictures_cannot_be_drawn_where_no_folder_can_be(interpviz: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(interpviz("demo", "--shots", tmp_path / "file" / "shots"), saying="cannot be made (Not a directory)")


@pytest.mark.parametrize("name", ["org/name", "..", str(Path.home())])
def test_an_unknown_model_cannot_be_fetched(interpviz: Command, name: str) -> None:
    refused(interpviz("models", "get", name), saying=f"{name} cannot be fetched by name")
