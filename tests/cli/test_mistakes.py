"""What a user can get wrong: exit 2, one sentence on stderr, nothing on stdout."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from interpviz import api
from interpviz.core.paths import resource
from tests.cli.conftest import Command, Ended
from tests.data import sae_files
from tests.sources import ROOT


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
        (["--prompt", "a", "--ablate", "L1H4:half"], "is no mode. Use zero, mean"),
        (["--prompt", "a", "--distractor", " John"], "There is a distractor but no target"),
        (["--prompt", "a", "--top", "0"], "--top"),
        ([], "Missing option '--prompt'"),
        (["--prompt", "a", "--loud"], "No such option: --loud"),
        (["--prompt", "a", "--ablate", "L1H4:zero:1"], "zero takes no value"),
        (["--prompt", "a", "--ablate", "L1H4:scale"], "scale needs a value"),
        (["--prompt", "a", "--ablate", "L1H4:scale:nan"], "nan is no strength"),
        (["--prompt", "a", "--ablate", "L1R:add:-inf:a.npy"], "-inf is no strength"),
        (["--prompt", "a", "--ablate", "L1H4:scale:much"], "'much' in 'L1H4:scale:much' is no number"),
        (["--prompt", "a", "--ablate", "L1H4:clamp:2"], "clamp sets a neuron"),
        (["--prompt", "a", "--ablate", "L1H4@5-2"], "run backwards"),
        (["--prompt", "a", "--ablate", "L1R:add:4"], "add needs a direction"),
        (["--prompt", "a", "--ablate", "L1R:add:4:none.npy"], "There is no file none.npy"),
        (["--prompt", "a", "--ablate", "L1R:add:4:notes.txt"], "'notes.txt' is no direction"),
        (["--prompt", "a", "--ablate", "L1R:add:4:book/3"], "book, which was not given"),
        (["--prompt", "a", "--ablate", "book/3"], "book, which was not given"),
        (["--prompt", "a", "--dictionary", "/none"], "There is no folder /none"),
        (["--prompt", "a", "--ablate", "L1H4:patch"], "There is no contrast prompt to patch from"),
        (["--prompt", "a", "--temperature", "0.7"], "Give --generate N too"),
        (["--prompt", "a", "--generate", "3", "--temperature", "inf"], "inf is no temperature"),
        (["--prompt", "a", "--generate", "0"], "--generate"),
        (["--prompt", "a", "--seed", "-1"], "--seed"),
    ],
)
def test_what_needs_no_model_is_refused_before_one_is_opened(
    interpviz: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str], saying: str
) -> None:
    monkeypatch.delattr(api, "load")
    ended = interpviz("run", "demo", *arguments)
    refused(ended, saying=saying)
    assert ended.status == 2


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ([], "Missing option '--target'"),
        (["--target", ""], "There is no target"),
        (["--target", " x", "--prompt", ""], "The prompt is empty"),
        (["--target", " x", "--kind", "edge"], "'edge' is not one of 'head', 'mlp', 'neuron', 'feature'"),
        (["--target", " x", "--mode", "scale"], "'scale' is not one of 'zero', 'mean', 'resample', 'patch'"),
        (["--target", " x", "--mode", "patch"], "There is no contrast prompt to patch from"),
        (["--target", " x", "--kind", "neuron"], "Give the layer"),
        (["--target", " x", "--kind", "feature"], "Give its folder"),
        (["--target", " x", "--kind", "feature", "--dictionary", "/none"], "There is no folder /none"),
        (["--target", " x", "--kind", "feature", "--dictionary", "/none", "--layer", "1"], "Leave the layer out"),
        (["--target", " x", "--dictionary", "/none"], "only features are swept"),
        (["--target", " x", "--layer", "-1"], "--layer"),
    ],
)
def test_a_sweep_that_no_model_could_make_is_refused_before_one_is_opened(
    interpviz: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str], saying: str
) -> None:
    monkeypatch.delattr(api, "load")
    ended = interpviz("sweep", "demo", "--prompt", "a", *arguments)
    refused(ended, saying=saying)
    assert "Value error" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "demo", "--prompt", "a", "--ablate", "L1R:add:4:none.npy"),
        ("run", "demo", "--prompt", "a", "--dictionary", "/none"),
        ("sweep", "demo", "--prompt", "a", "--target", " x", "--kind", "feature", "--dictionary", "/none"),
    ],
)
def test_files_that_are_not_there_are_refused_before_torch_is_imported(arguments: tuple[str, ...]) -> None:
    code = "import sys; from interpviz.cli import main; print(main.run_command(sys.argv[1:]), 'torch' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert ended.stdout == "2 False\n"


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["--target", " Mary John"], "' Mary' and ' John'"),
        (["--target", " Mary", "--layer", "4"], "demo has layers 0 to 3"),
        (["--target", " Mary", "--contrast", "a b c"], "patch cannot align them"),
        (["--target", " Mary", "--prompt", " the" * 3000], "tokens"),
    ],
)
def test_a_sweep_that_this_model_cannot_make_is_refused(interpviz: Command, arguments: list[str], saying: str) -> None:
    ended = interpviz("sweep", "demo", "--prompt", "a", *arguments)
    refused(ended, saying=saying)
    assert ended.status == 2


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["--prompt", "a", "--ablate", "L9H0"], "demo has no L9H0: it has layers 0 to 3, heads 0 to 5"),
        (["--prompt", "a", "--ablate", "L1H4@77"], "77"),
        (["--prompt", "a", "--target", " Mary John"], "' Mary' and ' John'"),
        (["--prompt", " the" * 3000], "tokens"),
        (["--prompt", "a", "--ablate", "L1K9"], "demo has no L1K9"),
        (
            ["--prompt", "a", "--ablate", "L1N512"],
            "demo has no L1N512: it has layers 0 to 3, heads 0 to 5, neurons 0 to 511",
        ),
        (["--prompt", "a", "--ablate", "L1H4[7<9]"], "a token looks at itself or back"),
        (["--prompt", "a", "--ablate", "L1H4:scale:1"], "changes nothing"),
        (["--prompt", "a", "--ablate", "L1H4:patch", "--contrast", "a b"], "patch cannot align them"),
        (["--prompt", "a", "--generate", "3", "--ablate", "L1H4:scale:1"], "changes nothing"),
    ],
)
def test_what_the_model_has_not_is_refused(interpviz: Command, arguments: list[str], saying: str) -> None:
    ended = interpviz("run", "demo", *arguments)
    refused(ended, saying=saying)
    assert ended.status == 2


def test_a_direction_of_another_width_and_a_feature_beyond_the_last_are_refused(
    interpviz: Command, tmp_path: Path
) -> None:
    np.save(tmp_path / "short.npy", np.ones(5, np.float32))
    ended = interpviz("run", "demo", "--prompt", "a", "--ablate", f"L1R:add:2:{tmp_path / 'short.npy'}")
    refused(ended, saying="has 5 numbers, but L1R is 192 wide")
    book = sae_files.random_sae(tmp_path / "book", d_in=192, features=4)
    missing = interpviz("run", "demo", "--prompt", "a", "--ablate", "book/4", "--dictionary", book)
    refused(missing, saying="book has no book/4: it has features 0 to 3")
    assert (ended.status, missing.status) == (2, 2)


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
    refused(interpviz("check", file), saying="notes.txt is no model, cache, dictionary, index or session")
    refused(interpviz("open", "demo", file), saying="notes.txt is no model, cache, dictionary, index or session")
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
