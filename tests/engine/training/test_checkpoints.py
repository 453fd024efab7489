"""A checkpoint is whole or is not taken, and one is whole at any moment."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from interpviz.core.errors import InterpvizError
from interpviz.engine.training.checkpoints import NAMES, Checkpoint, Checkpoints, checkpoints

ARGUMENTS = {"width": 16, "kind": "topk", "cache": "a" * 64}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "sae"


def test_what_was_written_comes_back(out: Path) -> None:
    made = _checkpoint(7)
    with checkpoints(out) as kept:
        kept.write(made)
    with checkpoints(out) as kept:
        found = kept.last(ARGUMENTS)
    assert found is not None
    assert found.state == made.state
    assert {name: (tensor.dtype, tensor.tolist()) for name, tensor in found.tensors.items()} == {
        name: (tensor.dtype, tensor.tolist()) for name, tensor in made.tensors.items()
    }
    assert {path.name for path in _folder(out).iterdir()} == {NAMES[0]}


def test_a_training_without_checkpoints_leaves_no_folder(out: Path) -> None:
    with checkpoints(out) as kept:
        assert kept.last(ARGUMENTS) is None
        assert _folder(out).is_dir()
    assert not _folder(out).exists()


def test_two_are_kept_by_turns_and_the_last_is_taken(out: Path) -> None:
    with checkpoints(out) as kept:
        for step in (1, 2, 3):
            kept.write(_checkpoint(step))
        assert {path.name for path in _folder(out).iterdir()} == set(NAMES)
        assert _step(kept) == 3
    with checkpoints(out) as kept:
        assert _step(kept) == 3
        kept.write(_checkpoint(4))  # in the place of 2
        (_folder(out) / NAMES[1]).unlink()
        assert _step(kept) == 3


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_byte_that_turned_is_seen_and_the_one_before_taken(out: Path, share: float) -> None:
    with checkpoints(out) as kept:
        kept.write(_checkpoint(1))
        kept.write(_checkpoint(2))
        path = _folder(out) / NAMES[1]
        raw = bytearray(path.read_bytes())
        raw[int(share * len(raw))] ^= 1
        path.write_bytes(raw)
        assert _step(kept) == 1


def test_a_file_that_is_cut_short_is_not_taken(out: Path) -> None:
    with checkpoints(out) as kept:
        kept.write(_checkpoint(1))
        path = _folder(out) / NAMES[0]
        raw = path.read_bytes()
        for length in (0, 7, 100, len(raw) - 1):
            path.write_bytes(raw[:length])
            assert kept.last(ARGUMENTS) is None


def test_another_training_is_not_gone_on_with(out: Path) -> None:
    with checkpoints(out) as kept:
        kept.write(_checkpoint(1))
        with pytest.raises(InterpvizError, match=r"sae.training holds a training with width 16\. Give the arguments"):
            kept.last(ARGUMENTS | {"width": 32})
        with pytest.raises(InterpvizError, match="a training with another cache"):
            kept.last(ARGUMENTS | {"cache": "b" * 64})


def test_two_do_not_train_into_one_place(out: Path) -> None:
    with checkpoints(out), pytest.raises(InterpvizError, match="by another interpviz"), checkpoints(out):
        pass


def test_a_full_disk_is_a_sentence_and_the_last_checkpoint_stays(out: Path) -> None:
    with checkpoints(out) as kept:
        kept.write(_checkpoint(1))
        kept.write(_checkpoint(2))
        with (
            _files_of(20_000),
            pytest.raises(InterpvizError, match="cannot be written to .*The one before stays whole"),
        ):
            kept.write(_checkpoint(3, numbers=10_000))
        assert _step(kept) == 2
        assert {path.name for path in _folder(out).iterdir()} == set(NAMES)


def test_what_a_kill_left_is_swept(out: Path) -> None:
    with checkpoints(out) as kept:
        kept.write(_checkpoint(1))
        (_folder(out) / f".{NAMES[1]}.tmp").write_bytes(b"half")
    with checkpoints(out) as kept:
        assert _step(kept) == 1
        assert {path.name for path in _folder(out).iterdir()} == {NAMES[0]}


def test_a_finished_training_takes_its_checkpoints_away(out: Path) -> None:
    with checkpoints(out) as kept:
        kept.write(_checkpoint(1))
        kept.drop()
    assert not _folder(out).exists()


@contextlib.contextmanager
def _files_of(most: int) -> Iterator[None]:
    """No file grows over so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _checkpoint(step: int, numbers: int = 40) -> Checkpoint:
    tensors = {
        "weights": torch.arange(numbers, dtype=torch.float32).reshape(-1, 4) + step,
        "steps": torch.tensor(step),
        "dead": torch.tensor([True, False]),
        "sums": torch.tensor([[1.5], [2.5]], dtype=torch.float64),
    }
    return Checkpoint(tensors, {"step": step, "arguments": ARGUMENTS, "loss": 0.1})


def _step(kept: Checkpoints) -> int:
    found = kept.last(ARGUMENTS)
    assert found is not None
    step: int = found.state["step"]
    return step


def _folder(out: Path) -> Path:
    return out.with_name("sae.training")
