"""A dictionary's fit is what loops over single tokens and plain hooks on TransformerLens's bridge find."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import FitRequest
from interpviz.core.feature_results import Fit
from interpviz.core.report import ASIDE
from interpviz.data import dictionaries
from tests.data import sae_files
from tests.engine.pairs import Pair
from tests.engine.plain_sae import FloatSAE, random_sae
from tests.engine.plain_transcoder import random_transcoder

STREAM, READ, WRITTEN = "blocks.1.hook_resid_post", "blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out"
NUMBERS = (
    "l0", "fvu", "explained_variance_legacy", "norm_ratio", "bias", "cosine", "ce_clean", "ce_spliced", "ce_zero",
    "kl_spliced", "kl_zero", "dead", "dense_1", "dense_10",
)  # fmt: skip
BATCH = 4


def fit_of(pair: Pair, folder: Path, **more: Any) -> Fit:
    """What the engine measures."""
    facts = dictionaries.facts(folder)
    found: Fit = pair.engine.compute(FitRequest(pair.facts, facts, **more))
    return found


def plain_fit(pair: Pair, sae: FloatSAE, contexts: list[list[int]]) -> dict[str, float]:
    """The same, one token after the other."""
    batches = [contexts[at : at + BATCH] for at in range(0, len(contexts), BATCH)]
    batched = [[one for ids in batch for one in _tokens(pair, sae, ids)] for batch in batches]
    answers = [np.array(_answers(pair, sae, ids)) for ids in contexts]
    every = [one for batch in batched for one in batch]
    x, y = (torch.stack([one[place] for one in every]) for place in (1, 2))
    active = torch.stack([one[0] for one in every]) > 0
    variance = float((x**2).sum(1).mean() - (x.mean(0) ** 2).sum())
    density = active.double().mean(0).numpy()
    legacy = []
    for batch in batched:
        mean = torch.stack([one[1] for one in batch]).mean(0)
        legacy += [1 - float(((a - b) ** 2).sum() / ((a - mean) ** 2).sum()) for _, a, b in batch]
    counted = sum(len(ids) - 2 for ids in contexts)
    measured = {
        "l0": float(active.sum(1).double().mean()),
        "fvu": float(((x - y) ** 2).sum(1).mean()) / variance,
        "explained_variance_legacy": float(np.mean(legacy)),
        "norm_ratio": float(np.mean([float(b.norm() / a.norm()) for _, a, b in every])),
        "bias": float((y**2).sum(1).mean() / (x * y).sum(1).mean()),
        "cosine": float(np.mean([float(torch.cosine_similarity(a, b, dim=0)) for _, a, b in every])),
        "dead": float(np.mean(density == 0)),
        "dense_1": float(np.mean(density > 0.01)),
        "dense_10": float(np.mean(density > 0.1)),
    }
    names = ("ce_clean", "ce_spliced", "ce_zero", "kl_spliced", "kl_zero")
    return measured | dict(zip(names, np.sum(answers, axis=0) / counted, strict=True))


def _tokens(pair: Pair, sae: FloatSAE, ids: list[int]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Features, activation and reconstruction of each token but the first."""
    seen: dict[str, Tensor] = {}

    def keep(value: Tensor, hook: Any, name: str) -> None:
        seen[name] = value[0].double()

    hooks = [(name, partial(keep, name=name)) for name in {sae.hook, sae.writes}]
    with torch.no_grad():
        pair.model.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)
    pairs = zip(seen[sae.hook][1:], seen[sae.writes][1:], strict=True)
    return [(sae.encode(read), written, sae.rebuild(read)) for read, written in pairs]


def _answers(pair: Pair, sae: FloatSAE, ids: list[int]) -> list[float]:
    """Sums of the three cross-entropies and the two divergences, what is said at position 0 left out."""
    rebuilt = torch.stack([made for _, _, made in _tokens(pair, sae, ids)]).float()

    def splice(value: Tensor, hook: Any, what: Tensor) -> Tensor:
        return torch.cat([value[:, :1], what[None]], dim=1)

    def run(hooks: list[Any]) -> Tensor:
        with torch.no_grad():
            logits: Tensor = pair.model.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)[0]
        return logits.double().log_softmax(-1)

    changes = (rebuilt, torch.zeros_like(rebuilt))
    runs = [run([]), *(run([(sae.writes, partial(splice, what=what))]) for what in changes)]
    losses = [-sum(float(said[at, ids[at + 1]]) for at in range(1, len(ids) - 1)) for said in runs]
    clean = runs[0][1:-1]
    return [*losses, *(float((clean.exp() * (clean - said[1:-1])).sum()) for said in runs[1:])]


@pytest.mark.parametrize("kind", ["sae", "transcoder"])
def test_every_number_is_that_of_loops_over_tokens_and_plain_hooks(
    random_pair: Pair, tmp_path: Path, letters: Path, kind: str
) -> None:
    letters.write_text(letters.read_text("utf-8")[:410], "utf-8")
    width = random_pair.facts.d_model
    sae = (
        random_sae(tmp_path / "d", STREAM, width, bias=-4.0)
        if kind == "sae"
        else random_transcoder(tmp_path / "d", READ, WRITTEN, width, width, bias=-0.3)
    )
    contexts = random_pair.contexts(letters.read_text("utf-8"))
    found, expected = fit_of(random_pair, tmp_path / "d"), plain_fit(random_pair, sae, contexts)
    assert len(contexts) > BATCH
    assert found.tokens == sum(len(ids) - 1 for ids in contexts)
    for name in NUMBERS:
        assert getattr(found, name) == pytest.approx(expected[name], rel=2e-4, abs=2e-5), name
    assert abs(found.ce_zero - found.ce_clean) > 0.01


def test_a_perfect_dictionary_recovers_everything(llama: Pair, tmp_path: Path, letters: Path) -> None:
    width = llama.facts.d_model
    both = np.concatenate([np.eye(width), -np.eye(width)]).astype(np.float32)
    fit = fit_of(llama, _saved(tmp_path / "perfect", both, np.zeros(2 * width), np.zeros(width)))
    assert fit.fvu == pytest.approx(0, abs=1e-9)
    assert (fit.norm_ratio, fit.bias, fit.cosine) == pytest.approx((1, 1, 1), abs=1e-6)
    assert (fit.ce_recovered, fit.kl_score) == pytest.approx((1, 1), abs=1e-5)
    assert fit.l0 == pytest.approx(width)
    assert fit.problems == ()


def test_a_dictionary_that_says_the_mean_explains_nothing(llama: Pair, tmp_path: Path, letters: Path) -> None:
    sae = random_sae(tmp_path / "any", STREAM, llama.facts.d_model)
    rows = [row for ids in llama.contexts(letters.read_text("utf-8")) for _, row, _ in _tokens(llama, sae, ids)]
    mean = torch.stack(rows).mean(0).numpy()
    fit = fit_of(llama, _saved(tmp_path / "mean", np.eye(llama.facts.d_model), np.full(len(mean), -1e6), mean))
    assert fit.fvu == pytest.approx(1, abs=1e-6)
    assert (fit.l0, fit.dead) == (0, 1)
    assert any("100% of its features are never active" in said for said in fit.problems)


def test_what_is_wrong_is_said_in_sentences(llama: Pair, tmp_path: Path, letters: Path) -> None:
    both = np.concatenate([np.eye(llama.facts.d_model), -np.eye(llama.facts.d_model)]).astype(np.float32)
    folder = _saved(tmp_path / "large", both, np.zeros(len(both)), np.zeros(llama.facts.d_model), gain=3.0)
    said = " ".join(fit_of(llama, folder).problems)
    assert "worse than the mean activation would (FVU" in said
    assert "What it writes is 3.00 times as large as the activation" in said


def test_it_is_told_how_the_fit_grows_and_others_may_go_first(llama: Pair, tmp_path: Path, letters: Path) -> None:
    random_sae(tmp_path / "d", STREAM, llama.facts.d_model)
    facts = dictionaries.facts(tmp_path / "d")
    told: list[Any] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        told.append(partial)

    last = llama.engine.compute(FitRequest(llama.facts, facts), report)
    fits = [one for one in told if isinstance(one, Fit)]
    assert [one.tokens for one in fits] == sorted({one.tokens for one in fits})
    assert len(fits) > 2
    assert fits[-1] == last
    assert ASIDE in told


def test_files_are_read_as_far_as_is_wanted(llama: Pair, tmp_path: Path) -> None:
    random_sae(tmp_path / "d", STREAM, llama.facts.d_model)
    (tmp_path / "a.txt").write_text(" ".join("abcdefghij" * 20), "utf-8")
    whole = fit_of(llama, tmp_path / "d", texts=(str(tmp_path / "a.txt"),))
    part = fit_of(llama, tmp_path / "d", texts=(str(tmp_path / "a.txt"),), tokens=70)
    # 200 letters in contexts of 32 with a BOS each are 207 tokens in 7; 70 rows are 3 contexts, the last of 6.
    assert (whole.tokens, part.tokens) == (200, 67)
    assert whole.source == "a.txt"
    assert math.isfinite(part.ce_spliced)


def test_a_text_of_one_letter_is_a_sentence(llama: Pair, tmp_path: Path) -> None:
    random_sae(tmp_path / "d", STREAM, llama.facts.d_model)
    (tmp_path / "a.txt").write_text("a", "utf-8")
    with pytest.raises(InterpvizError, match="no three tokens in a row"):
        fit_of(llama, tmp_path / "d", texts=(str(tmp_path / "a.txt"),))


@pytest.mark.parametrize(
    ("hook", "width", "sentence"),
    [
        ("blocks.9.hook_resid_post", 24, "reads blocks.9.hook_resid_post, which .* has not"),
        (STREAM, 7, "reads 7 numbers, but blocks.1.hook_resid_post of .* has 24"),
    ],
)
def test_a_dictionary_of_another_model_is_refused(
    llama: Pair, tmp_path: Path, hook: str, width: int, sentence: str
) -> None:
    random_sae(tmp_path / "d", hook, width)
    with pytest.raises(InterpvizError, match=sentence):
        fit_of(llama, tmp_path / "d")


def test_a_transcoder_that_writes_in_another_width_is_refused(llama: Pair, tmp_path: Path) -> None:
    random_transcoder(tmp_path / "d", READ, WRITTEN, llama.facts.d_model, 7)
    with pytest.raises(InterpvizError, match=r"writes 7 numbers, but blocks.1.hook_mlp_out of .* has 24"):
        fit_of(llama, tmp_path / "d")


def _saved(folder: Path, decoder: Any, encoder_bias: Any, decoder_bias: Any, gain: float = 1.0) -> Path:
    """A dictionary that encodes by its decoder's transpose, nothing subtracted first."""
    tensors = {
        "W_enc": np.asarray(decoder, np.float32).T,
        "W_dec": np.asarray(decoder, np.float32) * np.float32(gain),
        "b_enc": np.asarray(encoder_bias, np.float32),
        "b_dec": np.asarray(decoder_bias, np.float32),
    }
    features, width = tensors["W_dec"].shape
    config = sae_files.config("standard", width, features, apply_b_dec_to_input=False, metadata={"hook_name": STREAM})
    return sae_files.save(folder, config, tensors)
