"""What dictionaries of other libraries leave open is said, and what cannot be read is refused in one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from interpviz.core.errors import InterpvizError
from interpviz.data import dictionaries
from tests.data.test_foreign_dictionaries import CT, DL, GEMMA, GEMMA_2, LLAMA, child  # noqa: F401 - it unpickles


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path], Path]:
    return lambda folder: Path(shutil.copytree(folder, tmp_path / folder.name))


def change(file: Path, **fields: Any) -> None:
    said = json.loads(file.read_text("utf-8"))
    inner = said.get("trainer", said)
    file.write_text(json.dumps(said | {"trainer": inner | fields} if "trainer" in said else inner | fields), "utf-8")


def retensor(file: Path, **tensors: Any) -> None:
    kept = load_file(file) | tensors
    save_file({name: value for name, value in kept.items() if value is not None}, file)


def resave(folder: Path, **tensors: Any) -> None:
    found = torch.load(folder / "ae.pt", weights_only=True) | tensors
    torch.save({name: value for name, value in found.items() if value is not None}, folder / "ae.pt")


def test_a_layer_whose_activation_is_not_named_is_the_residual_stream_and_that_is_said() -> None:
    notes = dictionaries.load(DL / "jumprelu").notes
    assert len(notes) == 1
    assert "says layer 1 and not which activation of it: the residual stream after it is taken" in notes[0]
    assert dictionaries.load(DL / "standard").notes == ()


def test_a_threshold_that_was_never_set_is_said_and_every_positive_feature_is_active(copied: Any) -> None:
    folder = copied(DL / "batchtopk")
    resave(folder, threshold=torch.tensor(-1.0))
    found = dictionaries.load(folder)
    assert (found.activation, found.threshold) == ("relu", None)
    assert "threshold of batchtopk was never set (-1)" in found.notes[0]


def test_a_hook_can_be_named_by_hand(copied: Any) -> None:
    folder = copied(DL / "topk")
    change(folder / "config.json", submodule_name="blocks.0.hook_mlp_out")
    assert dictionaries.facts(folder).hook == "blocks.0.hook_mlp_out"


@pytest.mark.parametrize(
    ("name", "hook"),
    [
        ("resid_post_layer_3", "blocks.3.hook_resid_post"),
        ("resid_pre_2", "blocks.2.hook_resid_pre"),
        ("attention_out_layer_0", "blocks.0.hook_attn_out"),
        ("gpt_neox.layers.4", "blocks.4.hook_resid_post"),
        ("model.layers.10.mlp", "blocks.10.hook_mlp_out"),
    ],
)
def test_a_submodule_is_the_activation_that_it_gives(copied: Any, name: str, hook: str) -> None:
    folder = copied(DL / "topk")
    change(folder / "config.json", submodule_name=name)
    assert dictionaries.facts(folder).hook == hook


def test_a_run_of_trainers_opens_them_all_in_order(tmp_path: Path) -> None:
    for number in (10, 9, 0):
        shutil.copytree(DL / "topk", tmp_path / "run" / f"trainer_{number}")
    found = dictionaries.parts(tmp_path / "run")
    assert [Path(part).name for part in found] == ["trainer_0", "trainer_9", "trainer_10"]
    assert dictionaries.parts(found[1]) == (found[1],)
    with pytest.raises(InterpvizError, match="run holds several dictionaries. Choose one: trainer_0, trainer_9"):
        dictionaries.facts(tmp_path / "run")


def test_the_folder_that_one_stands_in_is_named(copied: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copied(DL / "topk")
    monkeypatch.chdir(folder)
    assert dictionaries.facts(".").name == "topk"
    change(folder / "config.json", dict_size=13)
    with pytest.raises(InterpvizError, match="topk cannot be read as a dictionary"):
        dictionaries.facts(".")


def test_a_dead_feature_of_an_autoencoder_stays_dead(copied: Any) -> None:
    folder = copied(DL / "standard")
    decoder = torch.load(folder / "ae.pt", weights_only=True)["decoder.weight"]
    decoder[:, 3] = 0
    resave(folder, **{"decoder.weight": decoder})
    assert not dictionaries.load(folder).W_dec[3].any()


def test_gemma_scope_outside_its_folders_asks_for_their_names(tmp_path: Path) -> None:
    shutil.copytree(GEMMA, tmp_path / "mine")
    with pytest.raises(InterpvizError, match="no folder above it does. Keep the names of Gemma Scope"):
        dictionaries.facts(tmp_path / "mine")
    shutil.copytree(GEMMA, tmp_path / "layer_4" / "mine")
    found = dictionaries.load(tmp_path / "layer_4" / "mine")
    assert (found.facts.hook, len(found.notes)) == ("blocks.4.hook_resid_post", 1)
    assert dictionaries.load(GEMMA).notes == ()


@pytest.mark.parametrize(("kind", "hook"), [("mlp", "hook_mlp_out"), ("att", "attn.hook_z")])
def test_gemma_scope_reads_what_its_release_is_named_for(tmp_path: Path, kind: str, hook: str) -> None:
    folder = tmp_path / f"gemma-scope-9b-pt-{kind}" / "layer_7" / "average_l0_9"
    shutil.copytree(GEMMA, folder)
    found = dictionaries.load(folder)
    assert found.facts.hook == f"blocks.7.{hook}"
    assert found.reshape_activations == ("hook_z" if kind == "att" else "none")


@pytest.mark.parametrize(
    ("source", "fields", "sentence"),
    [
        (DL / "topk", {"dict_class": "CrossCoder"}, "'CrossCoder' is no class of dictionary_learning that is read"),
        (DL / "topk", {"dict_class": None}, "config.json names no class"),
        (DL / "topk", {"dict_class": ["AutoEncoder"]}, "is no class of dictionary_learning"),
        (DL / "topk", {"activation_dim": "6"}, "activation_dim cannot be '6'"),
        (DL / "topk", {"dict_size": 13}, "encoder.weight is 12 x 6, and config.json says 13 x 6"),
        (DL / "topk", {"k": 4}, "config.json says k = 4, and ae.pt another"),
        (DL / "topk", {"submodule_name": "somewhere"}, "'somewhere' is no submodule that is known.*resid_post_layer_3"),
        (DL / "jumprelu", {"layer": None}, "it names no layer, so it is open what it reads"),
        (DL / "standard", {"dict_class": "GatedAutoEncoder"}, "ae.pt lacks decoder_bias"),
        (GEMMA_2 / "resid_post", {"architecture": "topk"}, "its architecture is 'topk'"),
        (GEMMA_2 / "resid_post", {"hf_hook_point_in": "model.norm"}, "hf_hook_point_in is 'model.norm'"),
        (GEMMA_2 / "transcoder_affine", {"hf_hook_point_out": None}, "does not say where it writes"),
        (LLAMA, {"act_fn": "topk"}, "its act_fn and norm_activation are ('topk'"),
        (LLAMA, {"d_model": 7}, "encoder.weight is 12 x 6, and hyperparams.json says 12 x 7"),
        (LLAMA, {"jump_relu_threshold": "0.5"}, "jump_relu_threshold is no number that can be"),
        (LLAMA, {"dataset_average_activation_norm": {"in": 0, "out": 1}}, "its in is no number that can be"),
        (LLAMA, {"hook_point_in": "../x"}, "hook_point_in is '../x', which is no hook"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    copied: Any, source: Path, fields: dict[str, Any], sentence: str
) -> None:
    folder = copied(source)
    change(next(file for file in folder.iterdir() if file.suffix == ".json"), **fields)
    with pytest.raises(InterpvizError, match=sentence.replace("(", r"\(")):
        dictionaries.load(folder)


NAN, LOW = np.full(12, np.nan, np.float32), np.full(12, -1, np.float32)


@pytest.mark.parametrize(
    ("source", "file", "tensors", "sentence"),
    [
        (GEMMA_2 / "resid_post", "params.safetensors", {"b_enc": NAN}, "its b_enc holds NaN"),
        (GEMMA_2 / "resid_post", "params.safetensors", {"threshold": None}, "params.safetensors lacks threshold"),
        (GEMMA_2 / "resid_post", "params.safetensors", {"more": NAN}, "holds more, which is not known"),
        (GEMMA_2 / "resid_post", "params.safetensors", {"b_dec": NAN}, "its b_dec is 12 and does not fit the rest"),
        (LLAMA, "checkpoints/final.safetensors", {"encoder.bias": NAN}, "its encoder.bias holds NaN"),
        (CT / "skip", "layer_1.safetensors", {"b_enc": NAN}, "its b_enc holds NaN"),
        (CT / "jumprelu", "layer_1.safetensors", {"activation_function.threshold": LOW}, "a threshold is negative"),
        (CT / "clt-relu", "W_enc_1.safetensors", {"b_enc_2": NAN}, "W_enc_1.safetensors holds b_enc_2"),
        (CT / "clt-relu", "W_dec_1.safetensors", {"W_dec_1": None, "b": NAN}, "W_dec_1.safetensors holds b"),
    ],
)
def test_weights_that_cannot_be_are_refused(
    copied: Any, source: Path, file: str, tensors: dict[str, Any], sentence: str
) -> None:
    folder = copied(source)
    retensor(folder / file, **tensors)
    with pytest.raises(InterpvizError, match=sentence):
        dictionaries.load(folder / file if source.parent == CT and "W_dec" not in file else part(folder))


def part(folder: Path) -> Path:
    """The dictionary of a folder, of a set its second."""
    found = dictionaries.parts(folder)
    return Path(found[1] if len(found) > 1 else found[0])


def test_nan_in_what_torch_saved_is_refused(copied: Any) -> None:
    folder = copied(DL / "topk")
    resave(folder, b_dec=torch.full((6,), torch.nan))
    with pytest.raises(InterpvizError, match="its b_dec holds NaN or infinite numbers"):
        dictionaries.load(folder)


@pytest.mark.parametrize(
    ("name", "gone", "sentence"),
    [
        ("relu", "layer_0.safetensors", "it lacks layer_0.safetensors"),
        ("relu", "layer_1.safetensors", "relu cannot be read as a dictionary: it lacks layer_1.safetensors"),
        ("clt-relu", "W_enc_1.safetensors", "it lacks W_enc_1.safetensors"),
        ("clt-relu", "W_dec_2.safetensors", "it lacks W_dec_2.safetensors"),
        ("clt-relu", "W_enc_2.safetensors", "layer 0 writes to 3 layers, and there are 2 from it on"),
    ],
)
def test_a_set_that_lacks_a_layer_is_refused(copied: Any, name: str, gone: str, sentence: str) -> None:
    folder = copied(CT / name)
    (folder / gone).unlink()
    with pytest.raises(InterpvizError, match=sentence):
        list(map(dictionaries.load, dictionaries.parts(folder)))


def test_a_set_itself_is_no_single_dictionary() -> None:
    with pytest.raises(InterpvizError, match="relu is a set of transcoders. Choose one of its layers"):
        dictionaries.facts(CT / "relu")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} {{<<: [*{a}, *{a}]}}\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("feature_input_hook: [", "config.yaml is no YAML"),
        ("- a\n- b\n", "config.yaml says nothing"),
        ("hello", "config.yaml says nothing"),
        ("", "config.yaml says nothing"),
        ("x" * 70_000, "config.yaml says nothing, or is far too long"),
        ("a: " + "[" * 30_000, "config.yaml is no YAML, or far too deep"),
        ("feature_output_hook: hook_mlp_out\n", "config.yaml does not say its feature_input_hook"),
        ("feature_input_hook: ../../x\n", "does not say its feature_input_hook"),
        ("feature_input_hook: !!python/object/apply:os.system ['true']\n", "does not say its feature_input_hook"),
        ("feature_input_hook: !!python/name:os.system\n", "does not say its feature_input_hook"),
        (BOMB, "does not say its feature_input_hook"),
    ],
)
def test_a_description_of_a_set_is_read_as_plain_text_alone(copied: Any, text: str, sentence: str) -> None:
    folder = copied(CT / "relu")
    (folder / "config.yaml").write_text(text, "utf-8")
    with pytest.raises(InterpvizError, match=sentence):
        dictionaries.facts(folder / "layer_0.safetensors")


def test_a_model_that_norms_what_its_mlps_write_keeps_the_hook_that_was_named(copied: Any) -> None:
    folder = copied(CT / "relu")
    config = (folder / "config.yaml").read_text("utf-8")
    (folder / "config.yaml").write_text(config.replace("model_name: toy", "model_name: google/gemma-2-2b"), "utf-8")
    assert dictionaries.facts(folder / "layer_0.safetensors").hook_out == "blocks.0.mlp.hook_out"
