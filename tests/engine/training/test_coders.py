"""The kinds of dictionary in training: their losses, their gradients, and what keeps their weights in order."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryKind
from interpviz.engine.training import penalised
from interpviz.engine.training.coders import Design, coder, layout
from interpviz.engine.training.selected import BatchTopK
from tests.engine.training import dense

KINDS = get_args(DictionaryKind)


def made(kind, transcoder=False, skip=False, rows=96):
    design = Design(kind, 16, 12 if transcoder else 16, 128, 6, sparsity=3.0, transcoder=transcoder, skip=skip)
    built = coder(design, seed=3)
    x, y = dense.rows(design, rows)
    with torch.no_grad():  # not where training starts: all that can matter is there
        for name, parameter in built.named_parameters():
            if "bias" in name or "magnitude" in name or name == "skip":
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(7)))
    return built, x, y


def some_dead(count):
    return torch.arange(128) % (128 // count) == 1 if count else torch.zeros(128, dtype=torch.bool)


def agree(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-5, atol=1e-5 * gradient.abs().max().item(), msg=name)


@pytest.mark.parametrize(("transcoder", "skip"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_dense_products_through_autograd(kind, transcoder, skip):
    built, x, y = made(kind, transcoder, skip)
    theirs = dense.loss(built, x, y, 0.5, some_dead(0))
    ours = built.step(x, y, 0.5, some_dead(0)).loss
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    agree(dense.gradients(built, ours), dense.gradients(built, theirs))


@pytest.mark.parametrize("kind", ["relu", "gated", "jumprelu"])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_sparse_and_the_dense_road_agree(kind, share, monkeypatch):
    monkeypatch.setattr(penalised, "DENSE", share)
    built, x, y = made(kind)
    assert type(built._entries(x)).__name__ == ("_Dense" if share == 0 else "_Sparse")
    ours = built.step(x, y, 1.0, some_dead(0)).loss
    agree(dense.gradients(built, ours), dense.gradients(built, dense.loss(built, x, y, 1.0, some_dead(0))))


@pytest.mark.parametrize("dead", [4, 32])
@pytest.mark.parametrize("kind", ["topk", "batchtopk", "matryoshka"])
def test_dead_features_learn_to_write_what_is_left_over(kind, dead):
    built, x, y = made(kind)
    ours = built.step(x, y, 1.0, some_dead(dead)).loss
    agree(dense.gradients(built, ours), dense.gradients(built, dense.loss(built, x, y, 1.0, some_dead(dead))))


@pytest.mark.parametrize("kind", ["topk", "batchtopk", "matryoshka"])
def test_a_batch_makes_k_features_a_row_active(kind):
    built, x, y = made(kind)
    made_of_it = built.step(x, y, 1.0, some_dead(0))
    assert int(made_of_it.l0) == 6 * len(x)
    assert made_of_it.active.shape == (128,)
    assert made_of_it.squared_error.item() == pytest.approx((y - made_of_it.reconstruction).square().sum().item())


@pytest.mark.parametrize("kind", ["relu", "gated", "jumprelu"])
def test_what_was_active_is_counted(kind):
    built, x, y = made(kind)
    hidden = (x - built.decoder_bias) @ built.encoder.T + (built.gate_bias if kind == "gated" else built.encoder_bias)
    active = hidden > (built.log_threshold.exp() if kind == "jumprelu" else 0)
    if kind == "gated":
        size = (hidden - built.gate_bias) * built.magnitude.exp() + built.magnitude_bias
        active &= size > 0
    counted = built.step(x, y, 1.0, some_dead(0))
    assert (int(counted.l0), counted.active.tolist()) == (int(active.sum()), active.any(0).tolist())


@pytest.mark.parametrize("kind", ["relu", "gated", "jumprelu"])
def test_without_a_coefficient_the_kinds_own_is_taken(kind):
    own, given = (
        coder(Design(kind, 16, 16, 128, sparsity=sparsity), seed=3) for sparsity in (None, penalised.SPARSITY[kind])
    )
    x, y = dense.rows(own.design, 32)
    assert own.step(x, y, 1.0, some_dead(0)).loss == given.step(x, y, 1.0, some_dead(0)).loss


def test_thresholds_learn_from_entries_near_them():
    built, x, y = made("jumprelu")
    left = dense.gradients(built, built.step(x, y, 1.0, some_dead(0)).loss)["log_threshold"]
    assert (left != 0).sum() > 10


def test_the_threshold_follows_the_weakest_activation_that_is_kept():
    built, x, y = made("batchtopk")
    assert isinstance(built, BatchTopK)
    hidden = (x - built.decoder_bias) @ built.encoder.T + built.encoder_bias
    weakest = hidden.flatten().topk(6 * len(x)).values.min().item()
    built.step(x, y, 1.0, some_dead(0))
    assert built.threshold.item() == pytest.approx(weakest)
    built.threshold.fill_(2 * weakest)
    built.step(x, y, 1.0, some_dead(0))
    assert built.threshold.item() == pytest.approx(0.99 * 2 * weakest + 0.01 * weakest)


@pytest.mark.parametrize("kind", KINDS)
def test_the_decoders_rows_keep_norm_one_and_no_gradient_along_them(kind):
    built, x, y = made(kind)
    torch.testing.assert_close(built.decoder.detach().norm(dim=1), torch.ones(128))
    built.step(x, y, 1.0, some_dead(4)).loss.backward()
    built.after_backward()
    assert (built.decoder.grad * built.decoder).sum(1).abs().max() < 1e-5 * built.decoder.grad.norm(dim=1).max()
    torch.optim.SGD(built.parameters(), 0.1).step()
    built.after_update()
    torch.testing.assert_close(built.decoder.detach().norm(dim=1), torch.ones(128))


@pytest.mark.parametrize("kind", ["relu", "gated", "jumprelu"])
def test_a_feature_that_starts_again_writes_the_error_and_remembers_nothing(kind):
    built, x, y = made(kind)
    optimizer = torch.optim.Adam([p for p in built.parameters() if p.requires_grad], 0.1)
    built.step(x, y, 1.0, some_dead(0)).loss.backward()
    optimizer.step()
    built.after_update()
    features, error = torch.tensor([5, 70]), torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    before = built.decoder.detach().clone()
    built.revive(features, x[:2], error, optimizer)
    direction = error / error.norm(dim=1, keepdim=True)
    torch.testing.assert_close(built.decoder[features].detach(), direction)
    others = torch.tensor([f for f in range(128) if f not in (5, 70)])
    assert torch.equal(built.decoder[others], before[others])
    gain = 0.2 * built.encoder[others].norm(dim=1).mean()
    torch.testing.assert_close(built.encoder[features], gain * direction)
    for name, parameter in built.named_parameters():
        if name.startswith("encoder") or name in ("decoder", "gate_bias", "magnitude", "magnitude_bias"):
            for field in ("exp_avg", "exp_avg_sq"):
                kept = optimizer.state.get(parameter, {}).get(field, torch.zeros_like(parameter))
                assert not kept[features].any()
                assert kept[others].any() or not parameter.requires_grad
    if kind == "jumprelu":
        first = torch.full((2,), penalised.FIRST_THRESHOLD)
        torch.testing.assert_close(built.log_threshold[features].exp().detach(), first)


def test_a_feature_that_starts_again_leaves_the_bias_of_outputs_alone_where_there_are_as_many():
    built = coder(Design("relu", 16, 16, 16), seed=3)
    x, y = dense.rows(built.design, 32)
    optimizer = torch.optim.Adam(built.parameters(), 0.1)
    built.step(x, y, 1.0, torch.zeros(16, dtype=torch.bool)).loss.backward()
    optimizer.step()
    before = optimizer.state[built.decoder_bias]["exp_avg"].clone()
    built.revive(torch.tensor([5]), x[:1], y[:1], optimizer)
    assert before[5] != 0
    assert torch.equal(optimizer.state[built.decoder_bias]["exp_avg"], before)


def test_a_seed_decides_the_weights_and_an_autoencoder_first_reads_what_it_writes():
    design = Design("topk", 16, 16, 128)
    one, same, other = (coder(design, seed) for seed in (1, 1, 2))
    assert torch.equal(one.decoder, same.decoder)
    assert not torch.equal(one.decoder, other.decoder)
    assert torch.equal(one.encoder, one.decoder)


@pytest.mark.parametrize(("transcoder", "skip"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("kind", KINDS)
def test_finished_weights_write_what_the_training_wrote(kind, transcoder, skip):
    built, x, y = made(kind, transcoder, skip)
    written = built.step(x, y, 1.0, some_dead(0)).reconstruction
    finished = built.weights()
    w = {name: torch.from_numpy(array) for name, array in finished.arrays.items()}
    assert all(array.flags.c_contiguous and array.dtype == "float32" for array in finished.arrays.values())
    hidden = (x - w.get("b_in", torch.zeros(()))) @ w["W_enc"]
    straight = w["b_dec"] + (x @ w["W_skip"].T if skip else 0)
    assert ("W_skip" in w, "b_in" in w) == (skip, not transcoder)
    if finished.activation == "gated":
        values = (hidden + w["b_gate"] > 0) * (hidden * w["r_mag"].exp() + w["b_mag"]).relu()
    else:
        hidden = hidden + w["b_enc"]
        values = hidden.relu()
    if finished.activation == "topk":
        best = hidden.topk(finished.k).indices
        values = torch.zeros_like(values).scatter(1, best, values.gather(1, best))
    if finished.activation == "jumprelu":
        # Of one batch the threshold of batchtopk is its weakest activation, which is still to be among the active.
        values = values * (hidden >= w["threshold"] - 1e-6 if kind != "jumprelu" else hidden > w["threshold"])
    torch.testing.assert_close(values @ w["W_dec"] + straight, written, rtol=1e-4, atol=1e-4)


def test_a_transcoder_that_no_layout_holds_is_refused_before_it_is_trained():
    assert layout(Design("gated", 16, 16, 128)) == "saelens"
    assert layout(Design("batchtopk", 16, 12, 128, transcoder=True)) == "saelens"
    assert layout(Design("topk", 16, 16, 128, transcoder=True)) == "sparsify"
    with pytest.raises(InterpvizError, match="a topk transcoder from 16 to 12 numbers. Train one of kind batchtopk"):
        layout(Design("topk", 16, 12, 128, transcoder=True))
    with pytest.raises(InterpvizError, match="No layout that other programs read holds a gated transcoder"):
        layout(Design("gated", 16, 16, 128, transcoder=True))
