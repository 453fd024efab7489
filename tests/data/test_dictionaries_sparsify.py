"""Folders of sparsify are read as what they are, or refused with a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from interpviz.core.errors import InterpvizError
from interpviz.data import dictionaries
from interpviz.data.dictionaries import sparsify
from tests.data import sae_files

SAES, TRANSCODERS = sae_files.SAVED_BY_SPARSIFY / "saes", sae_files.SAVED_BY_SPARSIFY / "transcoders"


@pytest.mark.parametrize(
    ("folder", "transcode", "hooks"),
    [
        ("layers.5", False, ("blocks.5.hook_resid_post", "")),
        ("model.layers.12", False, ("blocks.12.hook_resid_post", "")),
        ("h.0", False, ("blocks.0.hook_resid_post", "")),
        ("layers.5.mlp", False, ("blocks.5.hook_mlp_out", "")),
        ("layers.5.self_attn", False, ("blocks.5.hook_attn_out", "")),
        ("layers.5.attention", False, ("blocks.5.hook_attn_out", "")),
        ("embed_tokens", False, ("hook_embed", "")),
        ("layers.5.mlp", True, ("blocks.5.mlp.hook_in", "blocks.5.hook_mlp_out")),
        ("layers.5", True, ("blocks.5.hook_resid_pre", "blocks.5.hook_resid_post")),
        ("layers.5.self_attn", True, None),
        ("embed_tokens", True, None),
        ("layers.5.mlp.act", False, None),
        ("layers.5.input_layernorm", False, None),
        ("pythia-layers.5", False, ("blocks.5.hook_resid_post", "")),
        ("pythia embed_in", False, ("hook_embed", "")),
        ("mylayers.5", False, None),
        ("layers.5 copy", False, None),
        ("sae", False, None),
    ],
)
def test_the_hook_is_what_the_folder_is_named_after(
    folder: str, transcode: bool, hooks: tuple[str, str] | None
) -> None:
    assert sparsify.hooks(folder, transcode) == hooks


def test_facts_say_what_a_sparse_coder_is() -> None:
    found = dictionaries.facts(TRANSCODERS / "layers.3.mlp")
    assert (found.name, found.layout, found.architecture) == ("layers.3.mlp", "sparsify", "topk_skip_transcoder")
    assert (found.d_in, found.features, found.d_out) == (8, 24, 8)
    assert (found.hook, found.hook_out) == ("blocks.3.mlp.hook_in", "blocks.3.hook_mlp_out")
    coder = dictionaries.facts(SAES / "layers.10.self_attn")  # whose cfg.json gives an expansion factor
    assert (coder.features, coder.hook_out, coder.d_out) == (24, "", 0)


def test_weights_are_turned_as_dictionaries_have_them_and_the_decoder_is_not() -> None:
    for folder in (SAES / "layers.0", TRANSCODERS / "layers.3.mlp"):
        stored, found = load_file(folder / "sae.safetensors"), dictionaries.load(folder)
        np.testing.assert_array_equal(found.W_enc, stored["encoder.weight"].T)
        np.testing.assert_array_equal(found.b_enc, stored["encoder.bias"])
        np.testing.assert_array_equal(found.W_dec, stored["W_dec"])
        np.testing.assert_array_equal(found.b_dec, stored["b_dec"])
        assert (found.activation, found.k) == ("topk", 4)
    assert found.b_in is None
    assert found.W_skip is not None
    np.testing.assert_array_equal(found.W_skip, stored["W_skip"])
    centred = dictionaries.load(SAES / "layers.0")
    assert centred.b_in is not None
    np.testing.assert_array_equal(centred.b_in, centred.b_dec)


def test_a_run_is_its_sparse_coders_in_the_order_of_their_layers(tmp_path: Path) -> None:
    run = shutil.copytree(SAES, tmp_path / "run")
    shutil.copytree(SAES / "layers.0", run / ".half-written")
    (run / "optimizer_0.pt").write_bytes(b"not looked at")
    names = ("embed_tokens", "layers.0", "layers.2.mlp", "layers.10.self_attn")
    assert dictionaries.parts(run) == tuple(str(run / name) for name in names)
    assert dictionaries.parts(run / "layers.0") == (str(run / "layers.0"),)
    with pytest.raises(InterpvizError, match=r"run holds several dictionaries\. Choose one: embed_tokens, layers\.0, "):
        dictionaries.load(run)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"activation": "relu"}, "its activation cannot be 'relu'. Correct cfg.json"),
        ({"k": 0}, "its k cannot be 0"),
        ({"k": None}, "its k cannot be None"),
        ({"k": 25}, "its k is 25, of 24 features"),
        ({"d_in": "8"}, "its d_in cannot be '8'"),
        ({"num_latents": -1}, "its num_latents cannot be -1"),
        ({"num_latents": 0, "expansion_factor": 0}, "its k is 4, of 0 features"),
        ({"num_latents": 0, "expansion_factor": 2**30}, "its k is 4, of 8,589,934,592 features"),
        ({"num_latents": 32}, "its encoder.weight is 24 x 8, and cfg.json says 32 x 8"),
        ({"activation": "groupmax", "k": 5}, "its 24 features make no 5 equal groups"),
        ({"skip_connection": True}, "sae.safetensors lacks W_skip"),
        ({"transcode": True}, "does not say which module it stands for. Name it as sparsify did, .* layers.5.mlp"),
    ],
)
def test_a_configuration_that_cannot_be_followed_is_a_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    folder = shutil.copytree(SAES / "layers.10.self_attn", tmp_path / "layers.1.self_attn")
    said = json.loads((folder / "cfg.json").read_bytes()) | {"num_latents": 24} | changes
    (folder / "cfg.json").write_text(json.dumps(said), "utf-8")
    for read in (dictionaries.facts, dictionaries.load):
        with pytest.raises(InterpvizError, match=sentence):
            read(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 100_000, b" " * 2**21])
def test_a_configuration_that_is_no_small_json_object_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    folder = shutil.copytree(SAES / "layers.0", tmp_path / "layers.0")
    (folder / "cfg.json").write_bytes(content)
    with pytest.raises(InterpvizError, match=r"layers\.0 cannot be read .*: cfg\.json is no JSON object"):
        dictionaries.facts(folder)


@pytest.mark.parametrize("name", ["encoder.weight", "encoder.bias", "W_dec", "b_dec", "W_skip"])
def test_a_weight_that_is_no_number_missing_or_strange_is_found(tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(TRANSCODERS / "layers.3.mlp", tmp_path / "layers.3.mlp")
    whole = load_file(folder / "sae.safetensors")
    spoiled = whole[name].copy()
    spoiled.flat[0] = np.nan
    for tensors, sentence in (
        (whole | {name: spoiled}, f"its {name} holds NaN or infinite numbers"),
        ({one: tensor for one, tensor in whole.items() if one != name}, f"sae.safetensors lacks {name}"),
        (whole | {"scale": whole["b_dec"]}, "by its cfg.json it has no tensor 'scale'"),
        (whole | {name: whole[name][:3]}, f"its {name} is 3"),
    ):
        save_file(tensors, folder / "sae.safetensors")
        with pytest.raises(InterpvizError, match=sentence):
            dictionaries.load(folder)


def test_weights_that_are_cut_are_damaged(tmp_path: Path) -> None:
    folder = shutil.copytree(SAES / "layers.0", tmp_path / "layers.0")
    whole = (folder / "sae.safetensors").read_bytes()
    for length in (0, 8, len(whole) - 1):
        (folder / "sae.safetensors").write_bytes(whole[:length])
        with pytest.raises(InterpvizError, match=r"sae.safetensors in layers.0 is damaged"):
            dictionaries.facts(folder)


def test_a_folder_of_another_name_needs_its_hook_said(tmp_path: Path) -> None:
    folder = shutil.copytree(SAES / "layers.0", tmp_path / "mine")
    with pytest.raises(InterpvizError, match=r"does not say which output it reads\. Name it as sparsify did"):
        dictionaries.facts(folder)
    said = json.loads((folder / "cfg.json").read_bytes()) | {"hook_name": "blocks.7.hook_resid_mid"}
    (folder / "cfg.json").write_text(json.dumps(said), "utf-8")
    assert dictionaries.facts(folder).hook == "blocks.7.hook_resid_mid"
