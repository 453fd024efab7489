"""`interpviz train`: a cache becomes a dictionary, or a sentence says why not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interpviz import api
from interpviz.engine.training import train as training
from interpviz.engine.training.learner import Learner
from interpviz.engine.training.rows import Batch
from tests.cli.conftest import Command
from tests.engine.training.learning import toy_cache

FEW = ("--width", 64, "--k", 3, "--rows", 640, "--batch", 64)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_cache(tmp_path_factory.mktemp("toy"))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes threads wait for each other."""
    monkeypatch.setattr(training, "_processors", lambda: 1)


def test_a_training_says_what_it_made(interpviz: Command, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "toy-L0R"
    ended = interpviz("train", cache, "--site", "L0R", *FEW, "--out", out, "--json")
    assert (ended.status, ended.err) == (0, "")
    said = ended.json
    assert (said["path"], said["architecture"], said["features"]) == (str(out), "topk", 64)
    assert (said["hook"], said["hook_out"]) == ("blocks.0.hook_resid_post", None)
    assert (said["training"]["step"], said["training"]["l0"]) == (10, 3.0)
    assert 0 < said["training"]["fvu"] < 1.5
    assert api.kind_of(str(out)) == "dictionary"


def test_the_same_command_again_says_what_is_there(interpviz: Command, cache: Path, tmp_path: Path) -> None:
    line = ("train", cache, "--site", "L0R", *FEW, "--out", tmp_path / "sae")
    first, again = interpviz(*line), interpviz(*line)
    told = f"64 features of blocks.0.hook_resid_post in {tmp_path / 'sae'}"
    assert first.out.splitlines()[0] == told
    assert first.out.splitlines()[1].startswith("last rows: L0 3.0, FVU ")
    assert again.out.splitlines() == [told]
    assert again.status == 0


def test_a_transcoder_says_what_it_writes(interpviz: Command, cache: Path, tmp_path: Path) -> None:
    options = ("--to", "L0M", "--kind", "batchtopk", "--skip")
    ended = interpviz("train", cache, "--site", "L0R", *options, *FEW, "--out", tmp_path / "sae")
    assert ended.out.startswith("64 features of blocks.0.hook_resid_post to blocks.0.hook_mlp_out in ")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--width", 1), "A dictionary has at least 2 features. Give --width."),
        (("--k", 99), "Of 64 features 99 cannot be active. Give --k from 1 to 64."),
        (("--skip",), "A linear path past the features is a transcoder's. Give --to, or leave --skip out."),
    ],
)
def test_a_mistake_is_one_sentence(
    interpviz: Command, cache: Path, tmp_path: Path, options: tuple[object, ...], sentence: str
) -> None:
    ended = interpviz("train", cache, "--site", "L0R", *FEW, *options, "--out", tmp_path / "sae")
    assert (ended.status, ended.out, ended.err) == (2, "", f"{sentence}\n")


def test_a_kind_that_is_none_is_a_sentence(interpviz: Command, cache: Path, tmp_path: Path) -> None:
    ended = interpviz("train", cache, "--site", "L0R", *FEW, "--kind", "vanilla", "--out", tmp_path / "sae")
    assert (ended.status, ended.err.count("\n")) == (2, 1)


@pytest.mark.slow
def test_what_is_wrong_is_said_before_torch_is_loaded(cache: Path, tmp_path: Path) -> None:
    line = ["train", str(cache), "--site", "L7R", "--width", "64", "--batch", "64", "--out", str(tmp_path / "sae")]
    said = subprocess.run([sys.executable, "-c", _LOOK, *line], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "2 False"
    assert "holds no L7R" in said.stderr


def test_an_interrupt_leaves_a_checkpoint_that_the_same_command_goes_on_from(
    interpviz: Command, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = Learner.learn

    def interrupted(learner: Learner, batch: Batch) -> None:
        if learner.steps_done == 4:
            signal.raise_signal(signal.SIGINT)
        learn(learner, batch)

    line = ("train", cache, "--site", "L0R", *FEW, "--out", tmp_path / "sae")
    with monkeypatch.context() as once:
        once.setattr(Learner, "learn", interrupted)
        assert interpviz(*line).status == 130
    assert [path.name for path in (tmp_path / "sae.training").iterdir()] == ["a.safetensors"]
    assert interpviz(*line).status == 0
    assert interpviz("train", cache, "--site", "L0R", *FEW, "--out", tmp_path / "whole").status == 0
    weights = [(tmp_path / name / "sae_weights.safetensors").read_bytes() for name in ("sae", "whole")]
    assert weights[0] == weights[1]


def test_python_trains_by_the_same_names(cache: Path, tmp_path: Path) -> None:
    opened = api.open(cache)
    facts = api.train(opened, "L0R", width=64, k=3, rows=640, batch=64, out=tmp_path / "sae")
    assert (facts.name, facts.features) == ("sae", 64)


_LOOK = """
import sys
from interpviz.cli.main import run_command
status = run_command(sys.argv[1:])
print(status, "torch" in sys.modules)
"""
