"""Every kind of dictionary computes its equations, whole, for some features alone, and for what an edit adds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from interpviz.core.features import DictionaryFacts
from interpviz.data.dictionaries import Dictionary, Gate
from interpviz.engine.dictionaries import SAE
from interpviz.engine.shard_maker import strongest

D_IN, D_OUT, FEATURES, LAYERS, K = 6, 4, 12, 3, 3
X = torch.randn(2, 5, D_IN, generator=torch.Generator().manual_seed(0))
HOOK, HOOK_OUT = "blocks.1.hook_resid_post", "blocks.1.hook_mlp_out"
ACTIVATIONS = ("relu", "jumprelu", "gated", "topk", "abstopk", "groupmax")
SHAPES = ("sae", "skip", "transcoder", "skip transcoder", "cross-layer")


def drawn(activation: Any, shape: str = "sae", rescaled: bool = False) -> Dictionary:
    """A random dictionary of a kind."""
    rng = np.random.default_rng(sum(map(ord, activation + shape)))

    def numbers(*sizes: int) -> Any:
        return rng.normal(size=sizes).astype(np.float32)

    facts = DictionaryFacts("a", "a", "0" * 64, activation, HOOK, D_IN, FEATURES)
    d_out = D_IN
    layers: tuple[int, ...] = ()
    if shape in ("transcoder", "skip transcoder", "cross-layer"):
        d_out, layers = D_OUT, (LAYERS,) if shape == "cross-layer" else ()
        facts = replace(facts, hook_out=HOOK_OUT, d_out=D_OUT, writes_ahead=bool(layers))
    scale = np.linspace(0.3, 3, FEATURES, dtype=np.float32)
    return Dictionary(
        facts,
        numbers(D_IN, FEATURES),
        numbers(FEATURES, *layers, d_out) * scale.reshape(-1, *(1 for _ in layers), 1),
        numbers(FEATURES) * (activation != "gated"),
        numbers(d_out),
        activation,
        threshold=np.abs(numbers(FEATURES)) if activation == "jumprelu" else None,
        k=K if activation in ("topk", "abstopk", "groupmax") else None,
        gate=Gate(numbers(FEATURES), numbers(FEATURES), numbers(FEATURES)) if activation == "gated" else None,
        b_in=numbers(D_IN) if shape == "sae" else None,
        W_skip=numbers(d_out, D_IN) if "skip" in shape else None,
        rescale_by_decoder_norm=rescaled,
    )


def encoded(found: Dictionary, x: np.ndarray) -> np.ndarray:
    """Every feature of one activation, in float64, one feature at a time."""
    seen = x - (0 if found.b_in is None else found.b_in)
    hidden = [float(seen @ found.W_enc[:, n].astype(np.float64)) + float(found.b_enc[n]) for n in range(FEATURES)]
    if found.rescale_by_decoder_norm:
        hidden = [value * float(np.linalg.norm(row)) for value, row in zip(hidden, found.W_dec, strict=True)]
    ordered = sorted(range(FEATURES), key=lambda n: abs(hidden[n]) if found.activation == "abstopk" else hidden[n])
    width = FEATURES // K
    active = {
        "topk": lambda n: n in ordered[-K:],
        "abstopk": lambda n: n in ordered[-K:],
        "groupmax": lambda n: hidden[n] == max(hidden[n // width * width : n // width * width + width]),
        "jumprelu": lambda n: hidden[n] > found.threshold[n],  # type: ignore[index]
        "gated": lambda n: hidden[n] + found.gate.b_gate[n] > 0,  # type: ignore[union-attr]
        "relu": lambda n: True,
    }[found.activation]
    sized = hidden
    if found.gate:
        sized = [
            value * float(np.exp(found.gate.r_mag[n])) + float(found.gate.b_mag[n]) for n, value in enumerate(hidden)
        ]
    signed = found.activation == "abstopk"
    return np.array([value if active(n) and (signed or value > 0) else 0.0 for n, value in enumerate(sized)])


def decoded(found: Dictionary, features: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What features of one activation write, in float64, one feature at a time."""
    written = np.zeros(found.W_dec.shape[1:])
    for value, row in zip(features, found.W_dec.astype(np.float64), strict=True):
        written += value * row / (np.linalg.norm(row) if found.rescale_by_decoder_norm else 1)
    own = written[0] if found.facts.writes_ahead else written
    own += found.b_dec
    if found.W_skip is not None:
        own += found.W_skip.astype(np.float64) @ x
    return written


def each(values: Tensor) -> list[np.ndarray]:
    """Each activation, or its features, in float64."""
    return list(values.double().flatten(0, 1).numpy())


KINDS = [drawn(activation, shape) for activation in ACTIVATIONS for shape in SHAPES]
KINDS += [drawn(activation, rescaled=True) for activation in ("topk", "abstopk")]
EVERY = pytest.mark.parametrize("kind", KINDS)


@EVERY
def test_features_are_those_of_the_equations(kind: Dictionary) -> None:
    found = SAE(kind).encode(X)
    expected = np.array([encoded(kind, x) for x in each(X)])
    assert 0.05 < (expected != 0).mean() < 0.9  # else this would say little
    np.testing.assert_allclose(found.flatten(0, 1), expected, atol=1e-5)


@EVERY
def test_what_is_written_is_that_of_the_equations(kind: Dictionary) -> None:
    sae = SAE(kind)
    features = sae.encode(X)
    found = sae.decode(features, X)
    expected = np.array([decoded(kind, a, x) for a, x in zip(each(features), each(X), strict=True)])
    assert found.shape == (2, 5, *kind.W_dec.shape[1:])
    np.testing.assert_allclose(found.flatten(0, 1), expected, atol=3e-5)


@EVERY
def test_some_features_alone_are_what_they_are_among_all(kind: Dictionary) -> None:
    sae, wanted = SAE(kind), torch.tensor([7, 0, 3, 3])
    torch.testing.assert_close(sae.encode_features(X, wanted), sae.encode(X)[..., wanted])


@EVERY
def test_an_edit_changes_what_is_written_by_what_its_features_write(kind: Dictionary) -> None:
    sae, wanted = SAE(kind), torch.tensor([8, 2])
    delta = torch.randn(2, 5, 2, generator=torch.Generator().manual_seed(1))
    features = sae.encode(X)
    edited = features.clone()
    edited[..., wanted] += delta
    change = sae.change(X, wanted, delta)
    torch.testing.assert_close(change, sae.decode(edited, X) - sae.decode(features, X), atol=3e-5, rtol=0)
    assert not sae.change(X, wanted, torch.zeros(2, 5, 2)).any()


@pytest.mark.parametrize("normalization", ["constant_norm_rescale", "layer_norm"])
def test_what_a_transcoder_writes_is_not_in_the_scale_of_what_it_reads(normalization: Any) -> None:
    sae = SAE(replace(drawn("relu", "transcoder"), normalize_activations=normalization))
    one, far = X[:1, :1], X[:1, :1] * 100
    torch.testing.assert_close(sae.encode(one), sae.encode(far), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(sae.decode(sae.encode(one), one), sae.decode(sae.encode(one), far))
    change = (torch.tensor([4]), torch.ones(1, 1, 1))
    torch.testing.assert_close(sae.change(one, *change)[0, 0], sae.decoder[4])
    torch.testing.assert_close(sae.change(far, *change), sae.change(one, *change))


@EVERY
def test_a_direction_is_what_one_unit_of_a_feature_writes_in_its_own_layer(kind: Dictionary) -> None:
    sae = SAE(kind)
    written = sae.change(X[:1, :1], torch.tensor([4]), torch.ones(1, 1, 1))[0, 0]
    torch.testing.assert_close(sae.direction(4), written[0] if kind.facts.writes_ahead else written)


def test_a_decoder_row_of_nothing_in_norms_of_the_decoder_is_a_feature_that_is_off() -> None:
    kind = drawn("topk", rescaled=True)
    rows = kind.W_dec.copy()
    rows[5] = 0
    sae = SAE(replace(kind, W_dec=rows))
    assert not sae.encode(X)[..., 5].any()
    assert sae.decode(sae.encode(X), X).isfinite().all()


def test_the_strongest_features_of_both_signs_are_kept_with_their_signs() -> None:
    sae = SAE(drawn("abstopk"))
    index, value = strongest(sae, X.flatten(0, 1), K + 1)
    dense = sae.encode(X).flatten(0, 1).numpy()
    assert (value < 0).any()
    assert (index[:, K] == 2**32 - 1).all()
    for row, (places, values) in enumerate(zip(index[:, :K], value[:, :K], strict=True)):
        assert (np.diff(np.abs(values)) <= 0).all()
        np.testing.assert_array_equal(dense[row, places], values)
        assert set(places.tolist()) == set(np.flatnonzero(dense[row]).tolist())
