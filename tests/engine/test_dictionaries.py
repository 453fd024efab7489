"""Features are what SAELens makes of an activation, and an edit of some leaves all else in place."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor

from interpviz.core.errors import InterpvizError, SiteMissing, UnknownSite
from interpviz.core.features import DictionaryFacts
from interpviz.core.jobs import ContentsRequest, OpenDictionary
from interpviz.data import dictionaries
from interpviz.data.dictionaries.saelens_config import ARCHITECTURES
from interpviz.engine.compute import Engine
from interpviz.engine.dictionaries import SAE, direction
from tests.data import sae_files

KINDS = list(product(("standard", "jumprelu"), ("none", "constant_norm_rescale", "layer_norm"), (True, False)))
SAVED = sorted([*sae_files.SAVED_BY_SAELENS.glob("*/"), *sae_files.SAVED_BY_SPARSIFY.glob("*/*/")])
ACTIVATIONS = torch.randn(2, 5, sae_files.D_IN, generator=torch.Generator().manual_seed(0))


class PlainSAE:
    """The equations of the two architectures, written out in float64, one activation and one feature at a time."""

    def __init__(self, architecture: str, normalization: str, centred: bool) -> None:
        self.weights = {name: one.astype(np.float64) for name, one in sae_files.weights(architecture).items()}
        self.normalization, self.centred = normalization, centred

    def scaled(self, x: np.ndarray) -> tuple[np.ndarray, float, float]:
        """The activation as the encoder sees it; how it is brought back: times the first, plus the second."""
        if self.normalization == "constant_norm_rescale":
            factor = np.sqrt(len(x)) / np.sqrt((x**2).sum())
            return x * factor, 1 / factor, 0.0
        if self.normalization == "layer_norm":
            deviation = np.sqrt(((x - x.mean()) ** 2).sum() / (len(x) - 1))
            return (x - x.mean()) / (deviation + 1e-5), deviation, x.mean()
        return x, 1.0, 0.0

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Every feature of one activation."""
        seen = self.scaled(x)[0] - (self.weights["b_dec"] if self.centred else 0)
        hidden = [sum(seen * self.weights["W_enc"][:, n]) + bias for n, bias in enumerate(self.weights["b_enc"])]
        thresholds = self.weights.get("threshold", np.zeros(len(hidden)))
        return np.array(
            [value if value > max(least, 0) else 0.0 for value, least in zip(hidden, thresholds, strict=True)]
        )

    def decode(self, features: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The reconstruction of one activation."""
        _, factor, shift = self.scaled(x)
        return (features @ self.weights["W_dec"] + self.weights["b_dec"]) * factor + shift


@pytest.fixture(params=KINDS, ids=["-".join(map(str, kind)) for kind in KINDS])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[SAE, PlainSAE]:
    """A dictionary and the same one written out."""
    architecture, normalization, centred = request.param
    folder = sae_files.random_sae(
        tmp_path / "sae", architecture, normalize_activations=normalization, apply_b_dec_to_input=centred
    )
    return SAE(dictionaries.load(folder)), PlainSAE(architecture, normalization, centred)


def each(activations: Tensor) -> list[np.ndarray]:
    """The activations one by one, in float64."""
    return list(activations.double().flatten(0, -2).numpy())


def test_features_are_those_of_the_equations(pair: tuple[SAE, PlainSAE]) -> None:
    sae, plain = pair
    expected = np.array([plain.encode(x) for x in each(ACTIVATIONS)]).reshape(2, 5, -1)
    assert 0.1 < (expected > 0).mean() < 0.9  # else this would say little
    np.testing.assert_allclose(sae.encode(ACTIVATIONS).numpy(), expected, atol=1e-5)


def test_reconstructions_are_those_of_the_equations(pair: tuple[SAE, PlainSAE]) -> None:
    sae, plain = pair
    expected = np.array([plain.decode(plain.encode(x), x) for x in each(ACTIVATIONS)]).reshape(2, 5, -1)
    np.testing.assert_allclose(sae.decode(sae.encode(ACTIVATIONS), ACTIVATIONS).numpy(), expected, atol=2e-5)


def test_some_features_alone_are_what_they_are_among_all(pair: tuple[SAE, PlainSAE]) -> None:
    sae, _ = pair
    wanted = torch.tensor([7, 0, 3, 3])
    torch.testing.assert_close(sae.encode_features(ACTIVATIONS, wanted), sae.encode(ACTIVATIONS)[..., wanted])


def test_an_edit_moves_the_reconstruction_alone_and_keeps_its_error(pair: tuple[SAE, PlainSAE]) -> None:
    sae, plain = pair
    features = torch.tensor([8, 2])
    delta = torch.randn(2, 5, 2, generator=torch.Generator().manual_seed(1))
    found = ACTIVATIONS + sae.change(ACTIVATIONS, features, delta)
    for x, more, edited in zip(each(ACTIVATIONS), each(delta), each(found), strict=True):
        had = plain.encode(x)
        wanted = had.copy()
        wanted[features.numpy()] += more
        error = x - plain.decode(had, x)
        np.testing.assert_allclose(edited, plain.decode(wanted, x) + error, atol=2e-5)


def test_one_feature_adds_its_decoder_row_in_the_scale_of_the_activation(pair: tuple[SAE, PlainSAE]) -> None:
    sae, plain = pair
    change = sae.change(ACTIVATIONS, torch.tensor([4]), torch.full((2, 5, 1), 2.5))
    for x, moved in zip(each(ACTIVATIONS), each(change), strict=True):
        np.testing.assert_allclose(moved, 2.5 * plain.weights["W_dec"][4] * plain.scaled(x)[1], atol=1e-5)


def test_no_change_of_a_feature_is_no_change_at_all(pair: tuple[SAE, PlainSAE]) -> None:
    sae, _ = pair
    assert not sae.change(ACTIVATIONS, torch.tensor([1, 2]), torch.zeros(2, 5, 2)).any()


def test_a_feature_at_its_threshold_is_off_and_above_it_keeps_its_whole_size(tmp_path: Path) -> None:
    tensors = {
        "W_enc": np.eye(2, dtype=np.float32),
        "W_dec": np.eye(2, dtype=np.float32),
        "b_enc": np.array([0, -1], np.float32),
        "b_dec": np.zeros(2, np.float32),
        "threshold": np.array([1, -2], np.float32),
    }
    sae = SAE(dictionaries.load(sae_files.save(tmp_path / "a", sae_files.config("jumprelu", 2, 2), tensors)))
    # A threshold below zero lets nothing negative through: the relu stands before it.
    found = sae.encode(torch.tensor([[1.0, 0.5], [1.25, 3.0]]))
    assert found.tolist() == [[0.0, 0.0], [1.25, 2.0]]


def test_an_activation_of_half_precision_is_read_as_what_it_holds(tmp_path: Path) -> None:
    sae = SAE(dictionaries.load(sae_files.random_sae(tmp_path / "a")))
    halves = ACTIVATIONS.bfloat16()
    torch.testing.assert_close(sae.encode(halves), sae.encode(halves.float()))
    torch.testing.assert_close(
        sae.change(halves, torch.tensor([0]), torch.ones(2, 5, 1)),
        sae.change(halves.float(), torch.tensor([0]), torch.ones(2, 5, 1)),
    )


@pytest.mark.parametrize("normalization", ["constant_norm_rescale", "layer_norm"])
def test_an_activation_that_was_cut_to_zero_has_finite_features(tmp_path: Path, normalization: str) -> None:
    sae = SAE(dictionaries.load(sae_files.random_sae(tmp_path / "a", normalize_activations=normalization)))
    zero = torch.zeros(1, sae_files.D_IN)
    bare = SAE(dictionaries.load(sae_files.random_sae(tmp_path / "b")))
    torch.testing.assert_close(sae.encode(zero), bare.encode(zero))
    assert sae.change(zero, torch.tensor([0]), torch.ones(1, 1)).isfinite().all()


@pytest.mark.parametrize("folder", SAVED, ids=lambda path: path.name)
def test_what_its_owner_saved_gives_what_its_owner_computes(folder: Path) -> None:
    expected = {name: torch.from_numpy(one) for name, one in load_file(folder / "expected.safetensors").items()}
    sae = SAE(dictionaries.load(folder))
    features = sae.encode(expected["x"])
    torch.testing.assert_close(features, expected["features"], atol=1e-5, rtol=0)
    torch.testing.assert_close(sae.decode(features, expected["x"]), expected["decoded"], atol=1e-5, rtol=0)
    assert (features != 0).any()


def test_its_owners_saved_every_architecture() -> None:
    found = {dictionaries.facts(folder).architecture for folder in SAVED}
    coders = {"topk", "topk_skip", "groupmax", "topk_transcoder", "topk_skip_transcoder", "groupmax_skip_transcoder"}
    assert found == {*ARCHITECTURES, *coders}


def test_the_engine_says_what_a_folder_holds_and_opens_it(tmp_path: Path) -> None:
    folder = sae_files.random_sae(tmp_path / "L0")
    engine = Engine()
    assert engine.compute(ContentsRequest(str(folder))) == "dictionary"
    (found,) = engine.compute(OpenDictionary(str(folder)))
    assert isinstance(found, DictionaryFacts)
    assert (found.name, found.source, found.features) == ("L0", str(folder), sae_files.FEATURES)


def test_a_run_of_several_is_opened_whole() -> None:
    run = sae_files.SAVED_BY_SPARSIFY / "saes"
    engine = Engine()
    assert engine.compute(ContentsRequest(str(run))) == "dictionary"
    found = engine.compute(OpenDictionary(str(run)))
    assert [facts.name for facts in found] == ["embed_tokens", "layers.0", "layers.2.mlp", "layers.10.self_attn"]
    assert all(dictionaries.facts(facts.source) == facts for facts in found)


def test_a_direction_is_a_decoder_row_or_the_vector_of_a_file(tmp_path: Path) -> None:
    sae = SAE(dictionaries.load(sae_files.random_sae(tmp_path / "L0")))
    opened = {"L0": sae}
    assert direction("L0/7", opened.__getitem__).tolist() == sae_files.weights()["W_dec"][7].tolist()
    np.save(tmp_path / "refusal.npy", np.array([1.5, -2.0]))
    assert direction(str(tmp_path / "refusal.npy"), opened.__getitem__).tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("L0/10", SiteMissing, "L0 has no L0/10: it has features 0 to 9"),
        ("folder/L0/3", UnknownSite, "'folder/L0/3' names no part"),
        ("gone.npy", InterpvizError, "There is no file gone.npy"),
        ("L0/three", InterpvizError, "'L0/three' is no direction"),
    ],
)
def test_what_means_no_direction_is_a_sentence(
    tmp_path: Path, text: str, error: type[InterpvizError], sentence: str
) -> None:
    sae = SAE(dictionaries.load(sae_files.random_sae(tmp_path / "L0")))
    with pytest.raises(error, match=sentence):
        direction(text, {"L0": sae}.__getitem__)
