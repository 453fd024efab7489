"""Attention patterns and norms, beside what plain transformers computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interpviz.core.document import Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.requests import NormsRequest, PatternRequest
from interpviz.core.sites import Site
from tests.engine import oracle
from tests.engine.pairs import Pair

TEXT = "c e g c i"


@pytest.mark.parametrize("layer", [0, 2])
def test_patterns_are_where_the_heads_of_the_layer_look(random_pair: Pair, layer: int) -> None:
    found = random_pair.engine.compute(PatternRequest(random_pair.facts, Prompt(TEXT), layer))
    with torch.no_grad():
        seen = random_pair.plain(torch.tensor([random_pair.ids(TEXT)]), output_attentions=True).attentions[layer][0]
    assert found.values == pytest.approx(seen.numpy(), abs=1e-5)
    assert (found.layer, len(found.tokens.texts)) == (layer, found.values.shape[1])


def test_a_layer_that_the_model_has_not_is_a_sentence(llama: Pair) -> None:
    with pytest.raises(InterpvizError, match="has layers 0 to 2"):
        llama.engine.compute(PatternRequest(llama.facts, Prompt(TEXT), 3))


def test_norms_are_those_of_attention_and_mlp_output_at_every_token(random_pair: Pair) -> None:
    found = random_pair.engine.compute(NormsRequest(random_pair.facts, Prompt(TEXT)))
    sites = [Site(layer, kind) for layer in range(3) for kind in ("attn_out", "mlp_out")]
    outputs = oracle.activations(random_pair.plain, sites, random_pair.ids(TEXT))
    assert found.rows == tuple(str(site) for site in sites)
    assert found.values == pytest.approx(np.stack([outputs[site.hook].norm(dim=1) for site in sites]), rel=1e-4)
    assert found.columns == random_pair.model.tokens(Prompt(TEXT)).texts
