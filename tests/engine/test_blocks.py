"""The forward pass of our own, beside TransformerLens's, on random models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from interpviz.engine.blocks import KeysAndValues, Start
from interpviz.engine.weights import weights
from tests.engine import tiny
from tests.engine.natives import attention_only
from tests.engine.pairs import Pair

PARTS = (
    "hook_resid_pre", "attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_pattern", "attn.hook_z", "hook_attn_out",
    "mlp.hook_post", "hook_mlp_out", "hook_resid_post",
)  # fmt: skip
IDS = torch.tensor([[0, 3, 5, 7, 3, 9, 11, 2, 6]])


@pytest.fixture(scope="module", params=["llama", "gpt2", "neox", "gemma2"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair.open(tiny.save(getattr(tiny, request.param)(), tmp_path_factory.mktemp(request.param)))


def keeping(seen: dict[str, Tensor], name: str) -> Callable[[Tensor], None]:
    def keep(activation: Tensor) -> None:
        seen[name] = activation.clone()

    return keep


def test_every_activation_is_that_of_the_bridge(pair: Pair) -> None:
    names = ["hook_embed", *(f"blocks.{layer}.{part}" for layer in range(pair.facts.layers) for part in PARTS)]
    ours: dict[str, Tensor] = {}
    theirs: dict[str, Tensor] = {}
    said = pair.model.forward(IDS, {name: keeping(ours, name) for name in names}, every=True)
    hooks = [(name, lambda value, hook, name=name: keeping(theirs, name)(value)) for name in names]
    with torch.no_grad():
        expected = pair.model.bridge.run_with_hooks(IDS, fwd_hooks=hooks)
    assert pair.model.road(names, IDS.shape[1]) == "fast"
    assert list(ours) == list(theirs) == names
    for name in names:
        torch.testing.assert_close(ours[name], theirs[name].view_as(ours[name]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(said, expected, atol=1e-5, rtol=1e-4)


def test_a_run_may_begin_at_any_layer(pair: Pair) -> None:
    seen: dict[str, Tensor] = {}
    names = [f"blocks.{layer}.hook_resid_pre" for layer in range(pair.facts.layers)]
    whole = pair.model.forward(IDS, {name: keeping(seen, name) for name in names})
    for layer, name in enumerate(names):
        again: dict[str, Tensor] = {}
        hooks = {one: keeping(again, one) for one in names}
        late = pair.model.forward(IDS, hooks, start=Start(layer, seen[name]))
        torch.testing.assert_close(late, whole)
        assert list(again) == names[layer:]  # the layers below did not run


def test_tokens_that_were_read_need_not_be_read_again(pair: Pair) -> None:
    cache = KeysAndValues()
    whole = pair.model.forward(IDS, every=True)
    parts = [pair.model.forward(piece, every=True, cache=cache) for piece in IDS.split([4, 1, 4], dim=1)]
    assert cache.length == IDS.shape[1]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=1e-4)


def test_a_hook_that_returns_more_rows_makes_more_runs(pair: Pair) -> None:
    def double(z: Tensor) -> Tensor:
        rows = z.expand(2, *z.shape[1:]).clone()
        rows[1] = 0.0
        return rows

    def cut(z: Tensor) -> Tensor:
        return torch.zeros_like(z)

    name = "blocks.1.attn.hook_z"
    both = pair.model.forward(IDS, {name: double})
    torch.testing.assert_close(both, torch.cat([pair.model.forward(IDS), pair.model.forward(IDS, {name: cut})]))


def test_only_the_last_position_is_unembedded_unless_all_are_wanted(pair: Pair) -> None:
    one, every = pair.model.forward(IDS), pair.model.forward(IDS, every=True)
    assert (one.shape[1], every.shape[1]) == (1, IDS.shape[1])
    torch.testing.assert_close(one[:, 0], every[:, -1], atol=1e-5, rtol=1e-4)


def test_a_hook_that_is_not_written_out_takes_the_slow_road(pair: Pair) -> None:
    seen: dict[str, Tensor] = {}
    name = "blocks.0.ln1.hook_normalized"
    pair.model.forward(IDS, {name: keeping(seen, name)})
    assert pair.model.road([name], IDS.shape[1]) == "slow"
    assert seen[name].shape == (1, IDS.shape[1], pair.facts.d_model)


def test_a_run_longer_than_a_window_takes_the_slow_road(tmp_path: Path) -> None:
    model = tiny.gemma2()
    model.config.sliding_window = 6
    pair = Pair.open(tiny.save(model, tmp_path))
    assert (pair.model.road((), 6), pair.model.road((), 7)) == ("fast", "slow")
    with torch.no_grad():
        expected = pair.plain(IDS).logits
    torch.testing.assert_close(pair.model.forward(IDS, every=True), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(pair.model.forward(IDS[:, :6], every=True), expected[:, :6], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("spoil", ["scale", "nothing"])
def test_a_fast_road_that_says_something_else_is_not_taken(
    tmp_path: Path, spoil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiled(bridge: Any) -> Any:
        from dataclasses import replace

        found = weights(bridge)
        assert found is not None
        first, *rest = found.layers
        return replace(found, layers=(replace(first, scale=first.scale * (1.5 if spoil == "scale" else 1)), *rest))

    monkeypatch.setattr("interpviz.engine.lens.weights", spoiled)
    pair = Pair.open(tiny.save(tiny.llama(), tmp_path))
    assert pair.model.road((), 5) == ("slow" if spoil == "scale" else "fast")


def test_an_architecture_that_is_not_written_out_has_no_weights_here(tmp_path: Path) -> None:
    pair = attention_only(tmp_path)
    assert weights(pair.model.bridge) is None
    assert pair.model.road((), 5) == "slow"


@pytest.mark.parametrize("kind", ["dynamic", "default"])
def test_angles_that_hang_on_the_length_of_the_text_take_the_slow_road(tmp_path: Path, kind: str) -> None:
    model = tiny.llama()
    scaled = {"rope_type": kind, "rope_theta": 1e6} | ({"factor": 2.0} if kind == "dynamic" else {})
    model.config.rope_parameters = scaled
    pair = Pair.open(tiny.save(model, tmp_path))
    assert pair.model.road((), 5) == ("slow" if kind == "dynamic" else "fast")
