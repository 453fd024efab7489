"""Features on a prompt are those of the plain dictionary, and their direct effects those of a changed last residual."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from interpviz.core.document import Prompt
from interpviz.core.errors import SiteMissing
from interpviz.core.feature_requests import PromptFeaturesRequest, TryFeature
from interpviz.core.feature_results import PromptFeatures, TriedText
from interpviz.core.features import DictionaryFacts
from interpviz.data import dictionaries
from interpviz.engine.prompt_features import quantiles
from tests.engine.pairs import Pair
from tests.engine.plain_sae import FloatSAE, random_sae
from tests.engine.plain_transcoder import random_transcoder

PROMPT = "c e g c i k"
D, F = 4, 6  # the ids of target and distractor
NORMS = {"llama": "model.norm", "gpt2": "transformer.ln_f", "gpt_neox": "gpt_neox.final_layer_norm"}


class Plainly:
    """A dictionary and a model in plain hooks."""

    def __init__(self, pair: Pair, sae: FloatSAE) -> None:
        self.pair, self.sae, self.ids = pair, sae, pair.ids(PROMPT)

    def codes(self, ids: list[int]) -> Tensor:
        """Features (pos, feature) of some tokens, none at position 0."""
        seen: list[Tensor] = []
        hooks = [(self.sae.hook, lambda value, hook: seen.append(value[0].double()))]
        with torch.no_grad():
            self.pair.model.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)
        found = torch.stack([self.sae.encode(x.flatten()) for x in seen[0]])
        found[0] = 0
        return found

    def direct(self, written: Tensor) -> float:
        """What the metric gains when this is added to the last residual, the final norm dividing by the clean scale."""
        plain = self.pair.plain
        norm = plain.get_submodule(NORMS[plain.config.model_type])
        seen: list[Tensor] = []
        handle = norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][0, -1].clone()))
        with torch.no_grad():
            plain(torch.tensor([self.ids]))
        handle.remove()
        clean, centred = seen[0].double(), plain.config.model_type != "llama"
        mean = clean.mean() if centred else 0.0
        epsilon = norm.eps if centred else norm.variance_epsilon
        spread = ((clean - mean).pow(2).mean() + epsilon).sqrt()
        moved = (written - (written.mean() if centred else 0.0)) / spread * norm.weight.double()
        unembed = plain.get_output_embeddings().weight.double()
        return float((moved @ (unembed[D] - unembed[F])).detach())


def asked(pair: Pair, folder: Path, **more: Any) -> PromptFeatures:
    request = PromptFeaturesRequest(pair.facts, Prompt(PROMPT), dictionaries.facts(folder), "d", "f", **more)
    found: PromptFeatures = pair.engine.compute(request)
    return found


def dictionary(pair: Pair, kind: str, folder: Path) -> FloatSAE:
    width = pair.facts.d_model
    if kind == "transcoder":
        hooks = "blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out"
        return random_transcoder(folder, *hooks, width, width, bias=-0.3)
    return random_sae(folder, kind, pair.model.width(kind) or width, bias=-0.2)


@pytest.mark.parametrize("kind", ["blocks.1.hook_resid_post", "blocks.2.hook_resid_pre", "hook_embed", "transcoder"])
def test_values_are_those_of_the_plain_dictionary_strongest_first(random_pair: Pair, tmp_path: Path, kind: str) -> None:
    plain = Plainly(random_pair, dictionary(random_pair, kind, tmp_path / "d"))
    found, codes = asked(random_pair, tmp_path / "d"), plain.codes(plain.ids)
    order = np.argsort(-codes.amax(0).numpy(), kind="stable")
    active = order[codes.amax(0).numpy()[order] > 0]
    assert found.features.tolist() == active.tolist()
    assert found.considered == len(active) > 2
    assert found.values == pytest.approx(codes.T.numpy()[active], abs=1e-4)
    assert found.tokens.ids.tolist() == plain.ids


@pytest.mark.parametrize(
    "kind", ["blocks.1.hook_resid_post", "blocks.1.attn.hook_z", "blocks.1.mlp.hook_post", "transcoder"]
)
def test_a_direct_effect_is_what_the_metric_gains_by_the_write_with_the_norm_s_scale_held(
    random_pair: Pair, tmp_path: Path, kind: str
) -> None:
    plain = Plainly(random_pair, dictionary(random_pair, kind, tmp_path / "d"))
    found, codes = asked(random_pair, tmp_path / "d"), plain.codes(plain.ids)
    assert found.direct is not None
    block = random_pair.model.bridge.blocks[1]
    output = {"blocks.1.attn.hook_z": block.attn.o, "blocks.1.mlp.hook_post": block.mlp.out}.get(kind)
    for row, feature in enumerate(found.features[:5]):
        for at in range(len(plain.ids)):
            write = codes[at, feature] * plain.sae.decoder[feature]
            if output is not None:
                with torch.no_grad():
                    write = (output(write.float()[None, None]) - output(torch.zeros(1, 1, len(write))))[0, 0].double()
            assert found.direct[row, at] == pytest.approx(plain.direct(write), abs=2e-4)
    assert np.abs(found.direct[:, -1]).max() > 0.01


def test_nothing_is_said_of_direct_effects_without_a_target_or_where_no_logit_reads(
    llama: Pair, tmp_path: Path
) -> None:
    dictionary(llama, "blocks.1.hook_resid_post", tmp_path / "d")
    request = PromptFeaturesRequest(llama.facts, Prompt(PROMPT), dictionaries.facts(tmp_path / "d"))
    assert llama.engine.compute(request).direct is None
    dictionary(llama, "blocks.1.mlp.hook_in", tmp_path / "inner")
    assert asked(llama, tmp_path / "inner").direct is None


def test_the_strongest_alone_are_kept_and_the_others_counted(llama: Pair, tmp_path: Path) -> None:
    dictionary(llama, "blocks.1.hook_resid_post", tmp_path / "d")
    all_of_them, two = asked(llama, tmp_path / "d"), asked(llama, tmp_path / "d", most=2)
    assert two.features.tolist() == all_of_them.features[:2].tolist()
    assert two.considered == all_of_them.considered > 2
    assert two.values.shape == (2, 7)


@pytest.mark.parametrize("kind", ["blocks.1.hook_resid_post", "transcoder"])
def test_one_feature_on_another_text(random_pair: Pair, tmp_path: Path, kind: str) -> None:
    plain = Plainly(random_pair, dictionary(random_pair, kind, tmp_path / "d"))
    facts: DictionaryFacts = dictionaries.facts(tmp_path / "d")
    found: TriedText = random_pair.engine.compute(TryFeature(random_pair.facts, Prompt("k a b"), facts, 3))
    ids = random_pair.ids("k a b")
    assert found.tokens.ids.tolist() == ids
    assert found.values == pytest.approx(plain.codes(ids)[:, 3].numpy(), abs=1e-4)


def test_a_feature_that_is_not_there_is_a_sentence(llama: Pair, tmp_path: Path) -> None:
    dictionary(llama, "blocks.1.hook_resid_post", tmp_path / "d")
    facts = dictionaries.facts(tmp_path / "d")
    with pytest.raises(SiteMissing, match="features 0 to 15"):
        llama.engine.compute(TryFeature(llama.facts, Prompt("k a b"), facts, 16))


def test_a_target_that_is_no_token_costs_the_direct_effects_alone(llama: Pair, tmp_path: Path) -> None:
    dictionary(llama, "blocks.1.hook_resid_post", tmp_path / "d")
    request = PromptFeaturesRequest(llama.facts, Prompt(PROMPT), dictionaries.facts(tmp_path / "d"), "d e")
    found = llama.engine.compute(request)
    assert found.direct is None
    assert found.considered > 2


def test_a_quantile_is_the_share_of_active_tokens_that_lie_at_or_below() -> None:
    seen = np.arange(1, 1001, dtype=np.float32)  # 1,000 tokens at which the first feature is active
    known = np.stack([np.quantile(seen, np.linspace(0, 1, 101)), np.zeros(101)]).astype(np.float32)
    values = np.array([[0, 0.5, 255.5, 1000, 2000], [0, 1, 0, 0, 0]], np.float32)
    found = quantiles(known, values)
    expected = [np.nan, *(np.floor(100 * (seen <= value).mean()) / 100 for value in (0.5, 255.5, 1000, 2000))]
    assert found[0].tolist() == pytest.approx(expected, nan_ok=True)
    assert np.isnan(found[1]).all()  # the index never saw it active: there is nothing to be a share of
