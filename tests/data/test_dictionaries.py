"""A SAELens folder of every architecture is read exactly."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interpviz.core.features import DictionaryFacts
from interpviz.core.sites import Site
from interpviz.data import dictionaries
from tests.data import sae_files

_ACTIVATION = {"standard": "relu", "jumprelu": "jumprelu"}
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
    assert (found.b_in, found.normalize_activations, found.notes) == (None, "none", ())
    assert (found.activation, found.k, found.gate, found.W_skip) == (_ACTIVATION[architecture], None, None, None)


def test_a_gated_dictionary_has_a_gate_and_no_encoder_bias(tmp_path: Path) -> None:
    found = dictionaries.load(sae_files.random_sae(tmp_path / "a", "gated"))
    assert found.activation == "gated"
    assert found.gate is not None
    assert not found.b_enc.any()
    for name, expected in sae_files.weights("gated").items():
        np.testing.assert_array_equal(getattr(found if hasattr(found, name) else found.gate, name), expected)


@pytest.mark.parametrize("architecture", ["topk", "abstopk"])
def test_a_topk_dictionary_says_how_many_are_active_and_in_what_they_are_counted(
    tmp_path: Path, architecture: str
) -> None:
    for number, rescaled in enumerate((True, False)):
        folder = tmp_path / str(number)
        sae_files.random_sae(folder, architecture, k=3, rescale_acts_by_decoder_norm=rescaled)
        found = dictionaries.load(folder)
        assert (found.activation, found.k, found.rescale_by_decoder_norm) == (architecture, 3, rescaled)


@pytest.mark.parametrize("architecture", sae_files.TRANSCODERS)
def test_a_transcoder_says_where_and_how_much_it_writes(tmp_path: Path, architecture: str) -> None:
    found = dictionaries.load(sae_files.random_sae(tmp_path / "a", architecture))
    facts = found.facts
    assert (facts.hook, facts.d_in, facts.hook_out, facts.d_out) == (sae_files.HOOK, 6, sae_files.HOOK_OUT, 4)
    assert facts.transcoder
    assert facts.written == (sae_files.HOOK_OUT, 4)
    for name, expected in sae_files.weights(architecture).items():
        np.testing.assert_array_equal(getattr(found, name), expected)
    assert (found.threshold is None, found.W_skip is None) == ("jump" not in architecture, "skip" not in architecture)
    assert found.b_in is None


def test_a_transcoder_that_says_nothing_of_its_input_reads_it_as_it_is(tmp_path: Path) -> None:
    said = sae_files.config("transcoder")
    del said["apply_b_dec_to_input"]
    assert dictionaries.load(sae_files.save(tmp_path / "a", said, sae_files.weights("transcoder"))).b_in is None


@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka_batchtopk"])
def test_a_training_checkpoint_is_used_with_its_one_threshold_for_every_feature(
    tmp_path: Path, architecture: str
) -> None:
    tensors = sae_files.weights() | {"topk_threshold": np.array(0.75, np.float64)}
    said = sae_files.config(architecture, k=2.5, rescale_acts_by_decoder_norm=False)
    plain = dictionaries.load(sae_files.save(tmp_path / "a", said, tensors))
    assert (plain.activation, plain.k, plain.threshold.tolist()) == ("jumprelu", None, [0.75] * 10)  # type: ignore[union-attr]
    np.testing.assert_array_equal(plain.W_enc, tensors["W_enc"])
    folded = dictionaries.load(sae_files.save(tmp_path / "b", sae_files.config(architecture, k=2), tensors))
    norm = np.linalg.norm(tensors["W_dec"], axis=1)
    np.testing.assert_allclose(folded.W_dec * norm[:, None], tensors["W_dec"], atol=1e-6)
    np.testing.assert_allclose(folded.W_enc / norm, tensors["W_enc"], atol=1e-6)
    np.testing.assert_allclose(folded.b_enc / norm, tensors["b_enc"], atol=1e-6)


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
    assert found.b_in is not None
    assert (found.b_in == found.b_dec).all()
    assert found.normalize_activations == "none"
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


def test_the_name_is_that_of_the_folder_however_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = sae_files.random_sae(tmp_path / "L0-res")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in (f"{folder}/", ".", "../L0-res/.", "~/L0-res"):
        assert dictionaries.facts(given).name == "L0-res"
    assert dictionaries.facts("~/L0-res").source == str(folder)


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
