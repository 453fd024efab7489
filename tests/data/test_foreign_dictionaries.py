"""Dictionaries that the field's other libraries saved are read, and compute what those libraries compute."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from interpviz.core.features import DictionaryFacts
from interpviz.data import contents, dictionaries, unpickle
from interpviz.engine.dictionaries import SAE

HERE = Path(__file__).parent
EXPECTED = "expected.safetensors"
SINGLE = sorted(found.parent for kind in ("dictionary_learning", "scopes") for found in (HERE / kind).rglob(EXPECTED))
SETS = sorted(found.parent for found in (HERE / "circuit_tracer").rglob(EXPECTED))
DL, CT, SCOPES = HERE / "dictionary_learning", HERE / "circuit_tracer", HERE / "scopes"
GEMMA = SCOPES / "gemma-scope-2b-pt-res" / "layer_20" / "width_16k" / "average_l0_71"
GEMMA_2, LLAMA = SCOPES / "gemma-scope-2-270m-pt", SCOPES / "Llama3_1-8B-Base-L1R-8x"


@pytest.fixture(autouse=True, scope="module")
def child() -> Iterator[None]:
    """The child that unpickles starts here, which takes torch's time, and ends with the module."""
    unpickle.shapes(DL / "topk" / "ae.pt")
    yield
    unpickle.end()


def named(path: Path) -> str:
    return "-".join(path.relative_to(HERE).parts)


@pytest.mark.parametrize("folder", SINGLE, ids=named)
def test_a_dictionary_gives_what_its_library_computes(folder: Path) -> None:
    agrees(dictionaries.load(folder), load_file(folder / EXPECTED), "")


@pytest.mark.parametrize("folder", SETS, ids=named)
def test_each_layer_of_a_set_gives_what_its_library_computes(folder: Path) -> None:
    layers = dictionaries.parts(folder)
    assert len(layers) == 3
    for layer, part in enumerate(layers):
        agrees(dictionaries.load(part), load_file(folder / EXPECTED), f"_{layer}")


def agrees(found: dictionaries.Dictionary, expected: dict[str, Any], suffix: str) -> None:
    sae = SAE(found)
    x = torch.from_numpy(expected[f"x{suffix}"])
    features = sae.encode(x)
    assert 0.05 < float((features > 0).float().mean()) < 0.95  # else this would say little
    np.testing.assert_allclose(features.numpy(), expected[f"features{suffix}"], atol=1e-5)
    np.testing.assert_allclose(sae.decode(features, x).numpy(), expected[f"decoded{suffix}"], atol=1e-5)


def test_every_folder_has_its_output_beside_it() -> None:
    assert (len(SINGLE), len(SETS)) == (14, 5)


FACTS = [
    (DL / "standard", "standard", "blocks.1.hook_resid_post", "", "dictionary_learning"),
    (DL / "standard-new", "standard", "blocks.1.hook_mlp_out", "", "dictionary_learning"),
    (DL / "gated", "gated", "blocks.1.hook_attn_out", "", "dictionary_learning"),
    (DL / "jumprelu", "jumprelu", "blocks.1.hook_resid_post", "", "dictionary_learning"),
    (DL / "topk", "topk", "blocks.1.hook_resid_post", "", "dictionary_learning"),
    (DL / "batchtopk", "batchtopk", "blocks.1.hook_resid_post", "", "dictionary_learning"),
    (DL / "matryoshka", "matryoshka_batchtopk", "blocks.1.hook_resid_post", "", "dictionary_learning"),
    (GEMMA, "jumprelu", "blocks.20.hook_resid_post", "", "Gemma Scope"),
    (
        SCOPES / "gemma-scope-2b-pt-transcoders" / "layer_3" / "width_16k" / "average_l0_54",
        "jumprelu_transcoder", "blocks.3.ln2.hook_normalized", "blocks.3.hook_mlp_out", "Gemma Scope",
    ),
    (GEMMA_2 / "resid_post", "jumprelu", "blocks.5.hook_resid_post", "", "Gemma Scope 2"),
    (
        GEMMA_2 / "transcoder_affine", "jumprelu_skip_transcoder", "blocks.5.mlp.hook_in", "blocks.5.hook_mlp_out",
        "Gemma Scope 2",
    ),
    (LLAMA, "jumprelu", "blocks.1.hook_resid_post", "", "Llama Scope"),
]  # fmt: skip


@pytest.mark.parametrize(("folder", "architecture", "hook", "hook_out", "layout"), FACTS)
def test_facts_say_what_a_dictionary_is(folder: Path, architecture: str, hook: str, hook_out: str, layout: str) -> None:
    found = dictionaries.facts(folder)
    assert found == DictionaryFacts(
        folder.name, str(folder), found.sha256, architecture, hook, 6, 12, hook_out, 6 if hook_out else 0, False, layout
    )
    assert dictionaries.load(folder).facts == found
    assert contents.kind_of(folder) == "dictionary"


@pytest.mark.parametrize(
    ("name", "architecture", "file"),
    [
        ("relu", "transcoder", "layer_2"),
        ("jumprelu", "jumprelu_transcoder", "layer_2"),
        ("skip", "skip_transcoder", "layer_2"),
        ("clt-relu", "cross_layer_transcoder", "W_enc_2"),
        ("clt-jumprelu", "cross_layer_jumprelu_transcoder", "W_enc_2"),
    ],
)
def test_a_layer_of_a_set_is_a_transcoder_named_by_its_file(name: str, architecture: str, file: str) -> None:
    part = dictionaries.parts(CT / name)[2]
    found = dictionaries.facts(part)
    assert found == DictionaryFacts(
        f"{name}-{file}", part, found.sha256, architecture, "blocks.2.mlp.hook_in", 6, 12, "blocks.2.hook_mlp_out", 6,
        name.startswith("clt"), "circuit-tracer",
    )  # fmt: skip
    assert (part, contents.kind_of(Path(part))) == (str(CT / name / f"{file}.safetensors"), "dictionary")


def test_a_layer_found_through_links_is_named_as_it_was_given(tmp_path: Path) -> None:
    blobs = shutil.copytree(CT / "relu", tmp_path / "blobs")
    (tmp_path / "set").mkdir()
    for number, file in enumerate(blobs.iterdir()):
        (blobs / f"b{number}").hardlink_to(file)
        (tmp_path / "set" / file.name).symlink_to(blobs / f"b{number}")
    assert dictionaries.facts(tmp_path / "set" / "layer_1.safetensors").name == "set-layer_1"
