"""A dictionary that is written reads back the same, byte for byte, and a folder is whole or absent."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts, Layout
from interpviz.data import dictionaries
from interpviz.data.dictionaries import Activation, Dictionary, Gate
from interpviz.data.dictionaries.saelens_config import OUTSIDE
from tests.data import sae_files

ARCHITECTURES = ("standard", "jumprelu", "gated", "topk", "abstopk", *sae_files.TRANSCODERS)
SAVED = sorted(sae_files.SAVED_BY_SAELENS.glob("*/"))
CODERS = sorted(sae_files.SAVED_BY_SPARSIFY.glob("*/*/"))


def drawn(seed: int, **changes: Any) -> Dictionary:
    """A dictionary of random numbers: any bits that make finite float32, denormal ones and zeros of both signs too."""
    rng = np.random.default_rng(seed)

    def numbers(*shape: int) -> Any:
        found = rng.integers(0, 2**32, shape, np.uint32).view(np.float32)
        return np.where(np.isfinite(found), found, np.float32(-0.0))

    d_in, features = (int(size) for size in rng.integers(1, 9, 2))
    b_dec = numbers(d_in)
    facts = DictionaryFacts("a", "a", "0" * 64, "any", "blocks.1.hook_resid_post", d_in, features)
    found = Dictionary(
        facts, numbers(d_in, features), numbers(features, d_in), numbers(features), b_dec, b_in=b_dec,
        k=int(rng.integers(1, features + 1)), activation="topk",
    )  # fmt: skip
    return replace(found, **changes)


def same(found: Dictionary, wanted: Dictionary) -> None:
    """Every field, arrays bit for bit; `facts` but for what depends on the folder, and what the layout calls it."""
    for field in fields(Dictionary):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if field.name in ("facts", "metadata", "notes"):
            continue
        if isinstance(one, Gate):
            one, other = np.stack(list(vars(one).values())), np.stack(list(vars(other).values()))
        if isinstance(one, np.ndarray):
            assert (one.dtype, one.shape) == (np.float32, other.shape), field.name
            assert one.tobytes() == np.ascontiguousarray(other).tobytes(), field.name
        else:
            assert one == other, field.name
    kept = ("hook", "d_in", "features", "hook_out", "d_out", "writes_ahead")
    assert [getattr(found.facts, name) for name in kept] == [getattr(wanted.facts, name) for name in kept]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_reads_back_the_same(tmp_path: Path, architecture: str) -> None:
    whole = dictionaries.load(sae_files.random_sae(tmp_path / "a", architecture, k=3))
    dictionaries.save(whole, tmp_path / "b")
    again = dictionaries.load(tmp_path / "b")
    same(again, whole)
    assert (again.facts.architecture, again.metadata) == (architecture, whole.metadata)


@pytest.mark.parametrize("folder", SAVED, ids=lambda path: path.name)
def test_what_saelens_saved_reads_back_the_same(tmp_path: Path, folder: Path) -> None:
    whole = dictionaries.load(folder)
    dictionaries.save(whole, tmp_path / "b")
    again = dictionaries.load(tmp_path / "b")
    same(again, whole)
    assert again.facts.hook == whole.facts.hook


@pytest.mark.parametrize("folder", CODERS, ids=lambda path: path.name)
def test_what_sparsify_saved_reads_back_the_same(tmp_path: Path, folder: Path) -> None:
    whole = dictionaries.load(folder)
    dictionaries.save(whole, tmp_path / "b", "sparsify")
    again = dictionaries.load(tmp_path / "b")
    same(again, whole)
    assert again.facts.architecture == whole.facts.architecture


@pytest.mark.parametrize("layout", ["saelens", "sparsify"])
def test_any_numbers_read_back_the_same(tmp_path: Path, layout: Layout) -> None:
    for seed in range(20):
        whole = drawn(seed)
        dictionaries.save(whole, tmp_path / str(seed), layout)
        same(dictionaries.load(tmp_path / str(seed)), whole)


@pytest.mark.parametrize("normalization", ["constant_norm_rescale", "layer_norm"])
def test_how_activations_are_normalised_and_reshaped_reads_back(tmp_path: Path, normalization: str) -> None:
    whole = drawn(3, normalize_activations=normalization, reshape_activations="hook_z", rescale_by_decoder_norm=True)
    dictionaries.save(whole, tmp_path / "a")
    same(dictionaries.load(tmp_path / "a"), whole)


def test_what_nobody_here_reads_is_written_again(tmp_path: Path) -> None:
    theirs = {
        "hook_name": sae_files.HOOK,
        "seen": {"tokens": 2**60, "of": ["x", None, 1.5]},
        "sae_lens_version": "6.1.0",
    }
    folder = sae_files.random_sae(tmp_path / "a", made_by="nobody", metadata=theirs, normalize_activations=OUTSIDE)
    dictionaries.save(dictionaries.load(folder), tmp_path / "b", metadata={"trained_by": "me"})
    said = json.loads((tmp_path / "b" / "cfg.json").read_bytes())
    assert said["made_by"] == "nobody"
    assert said["normalize_activations"] == OUTSIDE
    assert said["metadata"] == theirs | {"trained_by": "me", "hook_head_index": None}
    assert dictionaries.load(tmp_path / "b").notes[0].startswith("b was trained on activations times a factor")


def test_what_is_written_says_its_version_which_saelens_tells_the_flat_layout_by(tmp_path: Path) -> None:
    flat = {"d_in": 6, "d_sae": 10, "hook_point": sae_files.HOOK, "sae_lens_version": "3.1.0", "context_size": 128}
    sae_files.save(tmp_path / "flat", flat, sae_files.weights())
    for number, read in enumerate((dictionaries.load(tmp_path / "flat"), drawn(1))):
        dictionaries.save(read, tmp_path / str(number))
        said = json.loads((tmp_path / str(number) / "cfg.json").read_bytes())
        assert said["metadata"]["sae_lens_version"].startswith("6.")
        assert said["metadata"].get("context_size") == (128 if number == 0 else None)


@pytest.mark.parametrize("gated", [False, True])
def test_a_bias_of_its_own_on_the_way_in_is_folded_into_the_encoder(tmp_path: Path, gated: bool) -> None:
    whole = dictionaries.load(sae_files.random_sae(tmp_path / "a", "gated" if gated else "standard"))
    b_in = np.arange(6, dtype=np.float32)
    dictionaries.save(replace(whole, b_in=b_in), tmp_path / "b")
    found = dictionaries.load(tmp_path / "b")
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    assert found.b_in is None
    if gated:
        assert found.gate is not None
        assert whole.gate is not None
        np.testing.assert_allclose(
            x @ found.W_enc + found.gate.b_gate, (x - b_in) @ whole.W_enc + whole.gate.b_gate, atol=1e-4
        )
        scale = np.exp(whole.gate.r_mag)
        wanted = (x - b_in) @ (whole.W_enc * scale) + whole.gate.b_mag
        np.testing.assert_allclose(x @ (found.W_enc * scale) + found.gate.b_mag, wanted, atol=1e-4)
    else:
        wanted = (x - b_in) @ whole.W_enc + whole.b_enc
        np.testing.assert_allclose(x @ found.W_enc + found.b_enc, wanted, atol=1e-4)


def test_sparsify_always_subtracts_what_the_decoder_adds_so_another_bias_is_folded(tmp_path: Path) -> None:
    whole = dictionaries.load(sae_files.random_sae(tmp_path / "a", "topk", k=2, apply_b_dec_to_input=False))
    dictionaries.save(whole, tmp_path / "b", "sparsify")
    found = dictionaries.load(tmp_path / "b")
    assert found.b_in is not None
    assert whole.b_in is None
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    wanted = x @ whole.W_enc + whole.b_enc
    np.testing.assert_allclose((x - found.b_in) @ found.W_enc + found.b_enc, wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("layout", "changes", "sentence"),
    [
        ("saelens", {"activation": "groupmax"}, "SAELens has no groupmax dictionaries. Write it as sparsify does"),
        ("saelens", {"W_skip": np.zeros((1, 1), np.float32)}, "SAELens has no linear paths but of transcoders"),
        (
            "saelens",
            {"activation": "jumprelu", "rescale_by_decoder_norm": True},
            "has no jumprelu .* norms of the decod",
        ),
        ("sparsify", {"activation": "relu"}, "sparsify has no relu dictionaries. Write it as SAELens does"),
        ("sparsify", {"rescale_by_decoder_norm": True}, "sparsify has no topk dictionaries"),
        ("sparsify", {"normalize_activations": "layer_norm"}, "sparsify has no normalised activations"),
    ],
)
def test_what_a_layout_has_no_place_for_is_a_sentence(
    tmp_path: Path, layout: Layout, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InterpvizError, match=rf"a cannot be written: .*{sentence}"):
        dictionaries.save(drawn(0, **changes), tmp_path / "a", layout)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("layout", "d_out", "ahead", "activation", "sentence"),
    [
        ("saelens", 0, False, "topk", "SAELens has no topk transcoders. Write it as sparsify does"),
        ("saelens", 0, True, "relu", "SAELens has no cross-layer transcoders"),
        ("sparsify", 1, False, "topk", "sparsify has no transcoders of two widths"),
        ("sparsify", 0, True, "topk", "sparsify has no transcoders of two widths"),
    ],
)
def test_a_transcoder_that_a_layout_has_no_place_for_is_a_sentence(
    tmp_path: Path, layout: Layout, d_out: int, ahead: bool, activation: Activation, sentence: str
) -> None:
    whole = drawn(1, activation=activation, b_in=None)
    width = whole.facts.d_in + d_out
    facts = replace(whole.facts, hook_out="blocks.1.hook_mlp_out", d_out=width, writes_ahead=ahead)
    with pytest.raises(InterpvizError, match=sentence):
        dictionaries.save(replace(whole, facts=facts), tmp_path / "a", layout)


def test_a_folder_of_the_same_is_left_alone_and_any_other_is_refused(tmp_path: Path) -> None:
    dictionaries.save(drawn(1), tmp_path / "a")
    stamps = [(file.name, file.stat().st_mtime_ns) for file in sorted((tmp_path / "a").iterdir())]
    dictionaries.save(drawn(1), tmp_path / "a")
    assert [(file.name, file.stat().st_mtime_ns) for file in sorted((tmp_path / "a").iterdir())] == stamps
    said = r"There is something else at .*\. Choose another folder, or move it away"
    for other in (drawn(2), drawn(1, k=None, activation="relu")):
        with pytest.raises(InterpvizError, match=said):
            dictionaries.save(other, tmp_path / "a")
    (tmp_path / "a" / "notes.txt").write_bytes(b"")
    (tmp_path / "file").write_bytes(b"")
    for place in ("a", "file"):
        with pytest.raises(InterpvizError, match=said):
            dictionaries.save(drawn(1), tmp_path / place)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "file"]
    same(dictionaries.load(tmp_path / "a"), drawn(1))


def test_an_empty_folder_is_filled_and_folders_above_are_made(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for place in (tmp_path / "a", tmp_path / "b" / "c" / "d"):
        dictionaries.save(drawn(1), place)
        same(dictionaries.load(place), drawn(1))


def test_a_name_that_no_feature_could_be_called_by_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match="Give the folder a plain name"):
        dictionaries.save(drawn(1), tmp_path / "a@3")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_a_write_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(InterpvizError, match=r"a cannot be written \(No space left on device\)\. Check the disk's"):
        dictionaries.save(drawn(1), tmp_path / "a")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_kill_leaves_folders_that_are_whole(tmp_path: Path) -> None:
    rng = random.Random(0)
    for round_ in range(4):
        out = tmp_path / str(round_)
        command = [sys.executable, "-c", _SAVING, str(out)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as saving:
            assert saving.stdout is not None
            for _ in range(rng.randrange(3, 40)):
                saving.stdout.readline()
            saving.kill()
        whole = [folder for folder in out.iterdir() if folder.name[0] != "."]
        assert len(whole) > 2
        for folder in whole:
            same(dictionaries.load(folder), drawn(int(folder.name)))


_SAVING = """
import itertools, sys
from interpviz.data import dictionaries
from tests.data.test_dictionaries_saved import drawn
for seed in itertools.count():
    dictionaries.save(drawn(seed), f"{sys.argv[1]}/{seed}")
    print(seed, flush=True)
"""
