"""A SAELens folder that cannot be read is refused with the one sentence that says what is wrong with it."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.data import dictionaries
from tests.data import sae_files
from tests.data.test_dictionaries import FLAT

WRITES = {"hook_name": sae_files.HOOK, "hook_name_out": sae_files.HOOK_OUT}
RAW = {"apply_b_dec_to_input": False}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "tied"}, "'tied' is not among the architectures .* of architecture standard, jumprelu, "),
        ({"architecture": ["standard"]}, "is not among the architectures that are read"),
        ({"architecture": "temporal"}, "found by a search .* decoder directions can be had: take rows of W_dec"),
        ({"architecture": "matching_pursuit"}, "the features of a matching_pursuit dictionary are found by a search"),
        ({"architecture": "topk"}, "its k is missing, of 10 features. Correct k in cfg.json"),
        ({"architecture": "topk", "k": 0}, "its k cannot be 0"),
        ({"architecture": "topk", "k": 2.0}, "its k cannot be 2.0"),
        ({"architecture": "abstopk", "k": 11}, "its k is 11, of 10 features"),
        (
            {"architecture": "topk", "k": 2, "rescale_acts_by_decoder_norm": 1},
            "rescale_acts_by_decoder_norm cannot be 1",
        ),
        ({"architecture": "transcoder"}, "does not say which hook it writes. Put hook_name_out into its metadata"),
        ({"architecture": "transcoder", "metadata": WRITES}, "does not say how many numbers it writes. Put d_out into"),
        (
            {"architecture": "transcoder", "metadata": WRITES, "d_out": 4, "apply_b_dec_to_input": True},
            "a transcoder's decoder bias cannot be subtracted from what it reads",
        ),
        (
            {"architecture": "transcoder", "metadata": WRITES | {"hook_head_index_out": 1}, "d_out": 6},
            "it reads or writes a single head",
        ),
        ({"architecture": "skip_transcoder", "metadata": WRITES, "d_out": 6, **RAW}, "lacks W_skip"),
        ({"architecture": "transcoder", "metadata": WRITES, "d_out": 5, **RAW}, "its W_dec is 10 x 6, .* says 10 x 5"),
        ({"architecture": "gated"}, "lacks b_gate"),
        ({"architecture": "batchtopk"}, "lacks topk_threshold"),
        ({"architecture": None}, "missing is not among the architectures"),
        ({"d_in": 6.0}, "its d_in cannot be 6.0"),
        ({"d_in": True}, "its d_in cannot be True"),
        ({"d_sae": 0}, "its d_sae cannot be 0"),
        ({"d_sae": 2**40}, "its d_sae cannot be 1099511627776"),
        ({"d_sae": "10"}, "its d_sae cannot be '10'"),
        ({"d_in": 10, "d_sae": 6}, "its W_enc is 6 x 10, and cfg.json says 10 x 6"),
        ({"d_sae": 2**31 - 1}, "its W_enc is 6 x 10, and cfg.json says 6 x 2147483647"),
        ({"apply_b_dec_to_input": "no"}, "its apply_b_dec_to_input cannot be 'no'"),
        (
            {"normalize_activations": "covariance_whitening"},
            "its normalize_activations is 'covariance_whitening'. Choose",
        ),
        ({"normalize_activations": 3}, "its normalize_activations is 3"),
        ({"reshape_activations": "hook_q"}, "its reshape_activations is 'hook_q'"),
        ({"activation_fn": "tanh-relu"}, "its activation_fn is 'tanh-relu'"),
        ({"metadata": None}, "does not say which hook it reads. Put hook_name into its metadata"),
        ({"metadata": {"hook_name": "blocks 0\n" * 99}}, "its hook_name cannot be 'blocks 0"),
        ({"metadata": {"hook_name": sae_files.HOOK, "hook_head_index": 3}}, "it reads or writes a single head"),
    ],
)
def test_a_configuration_that_cannot_be_followed_is_a_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    folder = sae_files.random_sae(tmp_path / "a")
    (folder / "cfg.json").write_text(json.dumps(sae_files.config() | changes), "utf-8")
    for read in (dictionaries.facts, dictionaries.load):
        with pytest.raises(InterpvizError, match=sentence):
            read(folder)


@pytest.mark.parametrize("flat", [{"activation_fn_str": "topk"}, {"activation_fn": "topk", "architecture": "standard"}])
def test_a_flat_topk_dictionary_is_not_taken_for_a_standard_one(tmp_path: Path, flat: dict[str, Any]) -> None:
    folder = sae_files.save(tmp_path / "a", FLAT | flat, sae_files.weights())
    with pytest.raises(InterpvizError, match="its k is missing, of 10 features"):
        dictionaries.facts(folder)
    sae_files.save(folder, FLAT | flat | {"activation_fn_kwargs": {"k": 3}}, sae_files.weights())
    found = dictionaries.load(folder)
    assert (found.activation, found.k, found.rescale_by_decoder_norm) == ("topk", 3, False)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"d_in": ' + b"9" * 5000 + b"}", b" " * 2**21]
)
def test_a_configuration_that_is_no_small_json_object_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    folder = sae_files.random_sae(tmp_path / "a")
    (folder / "cfg.json").write_bytes(content)
    with pytest.raises(InterpvizError, match="cfg.json is no JSON object, or far too long. Save or fetch it again"):
        dictionaries.facts(folder)


def test_tensors_that_are_missing_strange_or_misshapen_are_named(tmp_path: Path) -> None:
    tensors = sae_files.weights()
    cases: list[tuple[sae_files.Weights, str]] = [
        ({name: one for name, one in tensors.items() if name != "b_dec"}, "sae_weights.safetensors lacks b_dec"),
        (tensors | {"W_skip": tensors["W_dec"]}, "by its cfg.json it has no tensor 'W_skip'"),
        (tensors | {"threshold": tensors["b_enc"]}, "by its cfg.json it has no tensor 'threshold'"),
        (tensors | {"b_enc": np.zeros((1, 10), np.float32)}, "its b_enc is 1 x 10, and cfg.json says 10"),
        (tensors | {"b_enc": np.array(1, np.float32)}, "its b_enc is a single number, and cfg.json says 10"),
    ]
    for number, (spoiled, sentence) in enumerate(cases):
        with pytest.raises(InterpvizError, match=sentence):
            dictionaries.facts(sae_files.save(tmp_path / str(number), sae_files.config(), spoiled))


def test_a_jumprelu_dictionary_needs_its_thresholds(tmp_path: Path) -> None:
    folder = sae_files.save(tmp_path / "a", sae_files.config("jumprelu"), sae_files.weights("standard"))
    with pytest.raises(InterpvizError, match="sae_weights.safetensors lacks threshold. Save or fetch it again"):
        dictionaries.facts(folder)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("name", ["W_enc", "W_dec", "b_enc", "b_dec", "threshold"])
def test_a_weight_that_is_no_number_is_found(tmp_path: Path, name: str, wrong: float) -> None:
    tensors = {key: one.astype(np.float64) for key, one in sae_files.weights("jumprelu").items()}
    tensors[name].flat[-1] = wrong
    folder = sae_files.save(tmp_path / "a", sae_files.config("jumprelu"), tensors)
    with pytest.raises(InterpvizError, match=f"its {name} holds NaN or infinite numbers"):
        dictionaries.load(folder)


def test_a_factor_that_is_not_one_is_refused(tmp_path: Path) -> None:
    tensors = sae_files.weights() | {"scaling_factor": np.full(sae_files.FEATURES, 1.5, np.float32)}
    with pytest.raises(InterpvizError, match="its scaling_factor is not 1. Fold it into the weights"):
        dictionaries.load(sae_files.save(tmp_path / "a", FLAT, tensors))


def test_weights_of_whole_numbers_are_refused(tmp_path: Path) -> None:
    tensors = sae_files.weights() | {"b_enc": np.zeros(sae_files.FEATURES, np.int32)}
    with pytest.raises(InterpvizError, match="holds numbers of type I32. Save it as F32, F16, BF16, F64"):
        dictionaries.load(sae_files.save(tmp_path / "a", sae_files.config(), tensors))


def test_weights_that_are_cut_anywhere_are_damaged(tmp_path: Path) -> None:
    folder = sae_files.random_sae(tmp_path / "a")
    path = folder / dictionaries.WEIGHTS
    whole = path.read_bytes()
    for length in (0, 5, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InterpvizError, match=r"sae_weights.safetensors in a is damaged: .* Copy or fetch it again"):
            dictionaries.facts(folder)


def test_a_shape_that_the_file_cannot_hold_costs_no_memory(tmp_path: Path) -> None:
    folder = sae_files.random_sae(tmp_path / "a")
    entry = {"dtype": "F32", "shape": [6, 2**40], "data_offsets": [0, 6 * 2**42]}
    header = json.dumps({"W_enc": entry}).encode()
    (folder / dictionaries.WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    with pytest.raises(InterpvizError, match="its header wants 26,388,279,066,"):
        dictionaries.load(folder)


@pytest.mark.parametrize("name", ["a:b", "a@3", " a", "a\nb"])
def test_a_folder_whose_features_could_not_be_written_is_refused(tmp_path: Path, name: str) -> None:
    folder = sae_files.random_sae(tmp_path / name)
    with pytest.raises(InterpvizError, match="would not be understood. Give the folder a plain name"):
        dictionaries.facts(folder)


@pytest.mark.parametrize("given", ["", "gone", "file", "a\0b", "~nobody-of-that-name/x", "x" * 5000])
def test_what_is_no_folder_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    said = "file holds no dictionary that can be read" if given == "file" else "There is no folder"
    with pytest.raises(InterpvizError, match=rf"{said}.*\. Choose a dictionary of SAELens, sparsify,"):
        dictionaries.facts(given)


@pytest.mark.parametrize("part", ["cfg.json", "sae_weights.safetensors"])
def test_a_folder_of_another_layout_is_told_what_is_read(tmp_path: Path, part: str) -> None:
    folder = sae_files.random_sae(tmp_path / "a")
    (folder / part).unlink()
    said = f"a holds no {part}. A dictionary of SAELens has cfg.json and sae_weights.safetensors"
    with pytest.raises(InterpvizError, match=said):
        dictionaries.facts(folder)
    os.mkfifo(folder / part)  # and is not waited for
    with pytest.raises(InterpvizError, match=said):
        dictionaries.load(folder)


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = sae_files.random_sae(tmp_path / "a")

    def gone(path: Path) -> bytes:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(Path, "read_bytes", gone)
    with pytest.raises(InterpvizError, match=r"a cannot be read \(Stale file handle\). Check the disk"):
        dictionaries.facts(folder)
