"""A SAELens folder is read exactly, or refused with the one sentence that says what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.sites import Site
from interpviz.data import dictionaries
from tests.data import sae_files

FLAT = {
    "hook_point": "blocks.2.attn.hook_z",
    "activation_fn_str": "relu",
    "d_in": sae_files.D_IN,
    "d_sae": sae_files.FEATURES,
    "normalize_activations": False,
}


@pytest.mark.parametrize("architecture", ["standard", "jumprelu"])
def test_facts_say_what_the_dictionary_is(tmp_path: Path, architecture: str) -> None:
    folder = sae_files.random_sae(tmp_path / "L0-res", architecture)
    found = dictionaries.facts(folder)
    assert found == DictionaryFacts(
        "L0-res", str(folder), found.sha256, architecture, sae_files.HOOK, sae_files.D_IN, sae_files.FEATURES
    )
    found.check(Site.parse("L0-res/9"))


def test_the_sha256_is_over_the_configuration_and_the_weights(tmp_path: Path) -> None:
    folder = sae_files.random_sae(tmp_path / "a")
    digest = hashlib.sha256()
    for name in ("cfg.json", "sae_weights.safetensors"):
        content = (folder / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    assert dictionaries.facts(folder).sha256 == digest.hexdigest()
    assert dictionaries.facts(sae_files.random_sae(tmp_path / "b", seed=1)).sha256 != digest.hexdigest()


@pytest.mark.parametrize("architecture", ["standard", "jumprelu"])
def test_every_weight_is_read(tmp_path: Path, architecture: str) -> None:
    found = dictionaries.load(sae_files.random_sae(tmp_path / "a", architecture, apply_b_dec_to_input=False))
    for name, expected in sae_files.weights(architecture).items():
        np.testing.assert_array_equal(getattr(found, name), expected)
    assert (found.threshold is None) == (architecture == "standard")
    assert (found.apply_b_dec_to_input, found.normalize_activations, found.notes) == (False, "none", ())


@pytest.mark.parametrize("dtype", [np.float16, np.float64, "bfloat16"])
def test_weights_of_other_types_are_read_as_the_same_numbers(tmp_path: Path, dtype: Any) -> None:
    tensors = sae_files.weights("jumprelu")
    folder = sae_files.save(tmp_path / "a", sae_files.config("jumprelu"), tensors)
    if dtype == "bfloat16":
        _as_bfloat16(folder / dictionaries.WEIGHTS, tensors)
    else:
        sae_files.save(folder, sae_files.config("jumprelu"), {name: one.astype(dtype) for name, one in tensors.items()})
    found = dictionaries.load(folder)
    for name, expected in tensors.items():
        assert getattr(found, name).dtype == np.float32
        np.testing.assert_array_equal(getattr(found, name), expected)


def test_a_flat_configuration_of_before_version_6_is_read_as_saelens_reads_it(tmp_path: Path) -> None:
    tensors = sae_files.weights() | {"scaling_factor": np.ones(sae_files.FEATURES, np.float32)}
    found = dictionaries.load(sae_files.save(tmp_path / "old", FLAT, tensors))
    assert (found.facts.architecture, found.facts.hook) == ("standard", "blocks.2.attn.hook_z")
    assert (found.apply_b_dec_to_input, found.normalize_activations) == (True, "none")
    assert found.reshape_activations == "hook_z"


@pytest.mark.parametrize(
    "stated",
    [sae_files.config(normalize_activations="expected_average_only_in"), FLAT | {"normalize_activations": True}],
)
def test_a_factor_that_lies_outside_the_folder_is_said(tmp_path: Path, stated: dict[str, Any]) -> None:
    found = dictionaries.load(sae_files.save(tmp_path / "april", stated, sae_files.weights()))
    assert found.normalize_activations == "none"
    assert found.notes[0].startswith("april was trained on activations times a factor that its folder does not hold")


def test_what_saelens_does_not_use_is_left_alone(tmp_path: Path) -> None:
    folder = sae_files.random_sae(tmp_path / "a", k=4, device="cuda:7", made_by=[{"name": None}])
    for name in ("sparsity.safetensors", "runner_cfg.json", "trainer_state.pt"):
        (folder / name).write_bytes(b"not looked at")
    assert dictionaries.load(folder).facts.name == "a"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "topk"}, "'topk' is not among the architectures .* of architecture standard or jumprelu"),
        ({"architecture": ["standard"]}, "is not among the architectures that are read so far"),
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
        ({"metadata": {"hook_name": sae_files.HOOK, "hook_head_index": 3}}, "it reads a single head"),
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
    with pytest.raises(InterpvizError, match="'topk' is not among the architectures"):
        dictionaries.facts(folder)


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
        (tensors | {"W_skip": tensors["W_dec"]}, "a standard dictionary has no tensor 'W_skip'"),
        (tensors | {"threshold": tensors["b_enc"]}, "a standard dictionary has no tensor 'threshold'"),
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


def test_the_name_is_that_of_the_folder_however_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = sae_files.random_sae(tmp_path / "L0-res")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in (f"{folder}/", ".", "../L0-res/.", "~/L0-res"):
        assert dictionaries.facts(given).name == "L0-res"
    assert dictionaries.facts("~/L0-res").source == str(folder)


@pytest.mark.parametrize("given", ["", "gone", "file", "a\0b", "~nobody-of-that-name/x", "x" * 5000])
def test_what_is_no_folder_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InterpvizError, match="There is no folder .* Choose a SAELens folder"):
        dictionaries.facts(given)


@pytest.mark.parametrize("part", ["cfg.json", "sae_weights.safetensors"])
def test_a_folder_of_another_layout_is_told_what_is_read(tmp_path: Path, part: str) -> None:
    folder = sae_files.random_sae(tmp_path / "a")
    (folder / part).unlink()
    said = f"a holds no {part}, and no other kind of dictionary is read yet. Choose a SAELens folder"
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


def _as_bfloat16(path: Path, tensors: sae_files.Weights) -> None:
    header: dict[str, Any] = {}
    content = b""
    for name, tensor in tensors.items():
        halves = (tensor.view(np.uint32) >> 16).astype("<u2").tobytes()
        place = [len(content), len(content) + len(halves)]
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": place}
        content += halves
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
