"""A cache of delphi becomes codes: every token's strongest latents, merged over the files of a module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Import
from interpviz.data.activations import Cache
from interpviz.data.foreign import delphi, look_into
from interpviz.data.foreign.importing import run
from tests.data.foreign import makers

ROWS = makers.DELPHI_CONTEXTS * makers.DELPHI_LENGTH


def strongest(values: NDArray[np.float32], k: int) -> list[list[tuple[int, float]]]:
    """Each row's k strongest latents, sorted one by one."""
    rows = []
    for row in values.reshape(ROWS, -1):
        active = [(feature, float(value)) for feature, value in enumerate(row) if value]
        rows.append(sorted(active, key=lambda pair: (-pair[1], pair[0]))[:k])
    return rows


def held(cache: Cache, name: str) -> list[list[tuple[int, float]]]:
    """Each row's features and values, as the cache holds them."""
    codes = cache.codes(name, range(ROWS))
    return [
        [(int(i), float(v)) for i, v in zip(index, value, strict=True) if i != 0xFFFFFFFF]
        for index, value in zip(codes.index, codes.value, strict=True)
    ]


def spoiled(path: Path, **changes: Any) -> None:
    """Write a file again with other tensors."""
    save_file({name: np.ascontiguousarray(value) for name, value in (load_file(path) | changes).items()}, path)


def test_every_module_keeps_each_tokens_latents(tmp_path: Path) -> None:
    makers.make_delphi(tmp_path / "theirs")
    run(Import(str(tmp_path / "theirs"), str(tmp_path / "ours.acts")))
    cache = Cache.open(tmp_path / "ours.acts")
    assert (cache.facts.sites, cache.facts.codes, cache.job.model) == ((), ("layers.1", "layers.1.mlp"), "toy/two")
    for module, codes in zip(("layers.1", "layers.1.mlp"), cache.job.dictionaries, strict=True):
        active = int((makers.dense(module) != 0).sum(axis=-1).max())
        assert (codes.name, codes.features, codes.k) == (module, 16, active)
        assert held(cache, module) == strongest(makers.dense(module), active)
    assert [codes.hook for codes in cache.job.dictionaries] == ["blocks.1.hook_resid_post", "blocks.1.hook_mlp_out"]
    tokens = cache.tokens()
    assert tokens.id.tolist() == list(range(ROWS))
    assert tokens.position.tolist() == [0, 1, 2, 3] * makers.DELPHI_CONTEXTS


def test_latents_beyond_the_most_that_are_kept_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delphi, "MOST", 2)
    makers.make_delphi(tmp_path / "theirs", ("layers.1",))
    counts = (makers.dense("layers.1") != 0).sum(axis=-1)
    cut = int(np.maximum(counts - 2, 0).sum())
    assert cut > 0
    said = f"of layers.1 the 2 strongest a token are kept, {cut} weaker ones left out"
    assert look_into(tmp_path / "theirs").layout.endswith(said)
    run(Import(str(tmp_path / "theirs"), str(tmp_path / "ours.acts")))
    assert held(Cache.open(tmp_path / "ours.acts"), "layers.1") == strongest(makers.dense("layers.1"), 2)


@pytest.mark.parametrize("kind", [np.uint32, np.int64])
def test_locations_out_of_order_are_sorted(tmp_path: Path, kind: type) -> None:
    path = makers.make_delphi(tmp_path / "theirs", ("layers.1",))
    content = load_file(path)
    order = np.random.default_rng(0).permutation(len(content["activations"]))
    spoiled(path, locations=content["locations"][order].astype(kind), activations=content["activations"][order])
    run(Import(str(tmp_path / "theirs" / "layers.1"), str(tmp_path / "ours.acts")))
    cache = Cache.open(tmp_path / "ours.acts")
    assert held(cache, "layers.1") == strongest(makers.dense("layers.1"), cache.job.dictionaries[0].k)


def test_without_tokens_the_contexts_reach_to_the_last_that_was_active(tmp_path: Path) -> None:
    makers.make_delphi(tmp_path / "theirs", ("layers.1",), tokens=False)
    run(Import(str(tmp_path / "theirs"), str(tmp_path / "ours.acts")))
    cache = Cache.open(tmp_path / "ours.acts")
    assert (cache.facts.tokens, cache.job.context) == (ROWS, makers.DELPHI_LENGTH)
    assert cache.tokens().texts == {0: "?"}


def test_a_module_without_a_hook_is_named_by_the_mapping(tmp_path: Path) -> None:
    makers.make_delphi(tmp_path / "theirs", ("vision.tower",))
    with pytest.raises(InterpvizError, match=r"--map vision.tower=L5R"):
        run(Import(str(tmp_path / "theirs"), str(tmp_path / "ours.acts")))
    run(Import(str(tmp_path / "theirs"), str(tmp_path / "ours.acts"), (("vision.tower", "L3A"),)))
    (codes,) = Cache.open(tmp_path / "ours.acts").job.dictionaries
    assert (codes.name, codes.hook) == ("vision.tower", "blocks.3.hook_attn_out")


@pytest.mark.parametrize(
    ("changes", "saying"),
    [
        ({"locations": np.array([[9, 0, 0]], np.uint16), "activations": np.ones(1, np.float16)}, "lies outside its 7"),
        ({"locations": np.array([[0, 4, 0]], np.uint16), "activations": np.ones(1, np.float16)}, "lies outside its 7"),
        ({"locations": np.array([[0, 0, 8]], np.uint16), "activations": np.ones(1, np.float16)}, "and 8 latents"),
        ({"locations": np.array([[-1, 0, 0]]), "activations": np.ones(1, np.float16)}, "lies outside"),
        ({"activations": np.ones(1, np.float16)}, "its locations and activations differ in number"),
        ({"locations": np.zeros((1, 3), np.float32), "activations": np.ones(1, np.float16)}, "its locations are F32"),
        ({"tokens": np.zeros((7, 4), np.int64)}, "holds other tokens than the files beside it"),
    ],
)
def test_what_a_file_cannot_mean_is_a_sentence(tmp_path: Path, changes: dict[str, Any], saying: str) -> None:
    spoiled(makers.make_delphi(tmp_path / "theirs"), **changes)
    with pytest.raises(InterpvizError, match=saying):
        look_into(tmp_path / "theirs")


def test_an_activation_that_is_no_number_is_a_sentence(tmp_path: Path) -> None:
    path = makers.make_delphi(tmp_path / "theirs")
    values = load_file(path)["activations"]
    values[0] = np.nan
    spoiled(path, activations=values)
    with pytest.raises(InterpvizError, match=r"8_15.safetensors holds activations that are no numbers"):
        look_into(tmp_path / "theirs")


def test_latents_that_no_file_holds_are_said(tmp_path: Path) -> None:
    path = makers.make_delphi(tmp_path / "theirs", ("layers.1",))
    assert "no file of" not in look_into(tmp_path / "theirs").layout
    path.rename(path.with_name("16_23.safetensors"))
    said = look_into(tmp_path / "theirs").layout
    assert said.endswith("; no file of layers.1 holds its latents 8 to 15")
    (path.with_name("0_7.safetensors")).unlink()
    assert look_into(tmp_path / "theirs").layout.endswith("; no file of layers.1 holds its latents 0 to 15")


def test_files_that_share_latents_are_a_sentence(tmp_path: Path) -> None:
    path = makers.make_delphi(tmp_path / "theirs", ("layers.1",))
    path.rename(path.with_name("7_15.safetensors"))
    with pytest.raises(InterpvizError, match=r"0_7.safetensors and 7_15.safetensors share latents"):
        look_into(tmp_path / "theirs")


def test_tokens_and_features_do_not_change_places(tmp_path: Path) -> None:
    makers.make_delphi(tmp_path / "theirs", ("layers.1",))
    for mapping in ((("tokens", "L1R"),), (("layers.1", "tokens"), ("tokens", "L1R"))):
        with pytest.raises(InterpvizError, match=r"cannot become"):
            run(Import(str(tmp_path / "theirs"), str(tmp_path / "ours.acts"), mapping))
