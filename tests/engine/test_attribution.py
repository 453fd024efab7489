"""Direct logit attribution, beside writes worked out by hand from the weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from interpviz.core.document import Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import OpenModel
from interpviz.core.requests import AttributionRequest
from interpviz.core.results import Effects
from interpviz.engine.compute import Engine
from tests.engine import plain, tiny
from tests.engine.pairs import Pair
from tests.engine.plain import Plain

TEXT = "c e g c i"
PLAIN: dict[str, type[Plain]] = {"llama": plain.PlainLlama, "gpt2": plain.PlainGPT2, "gpt_neox": plain.PlainNeoX}


@pytest.mark.parametrize("distractor", ["f", ""])
def test_each_part_counts_what_it_writes_along_the_unembedding_with_the_norm_frozen(
    random_pair: Pair, distractor: str
) -> None:
    effects = _effects(random_pair, distractor)
    run, direction, _ = _by_hand(random_pair, distractor)
    expected = [(run.writes[_key(site.kind), site.layer, site.index][-1] @ direction).item() for site in effects.sites]
    assert effects.values.tolist() == pytest.approx(expected, abs=1e-4)


def test_all_parts_with_embedding_and_biases_make_the_logit_difference(random_pair: Pair) -> None:
    effects = _effects(random_pair, "f")
    *_, rest = _by_hand(random_pair, "f")
    logits = random_pair.logits(TEXT)
    difference = float(logits[4] - logits[6])
    assert float(effects.values.sum() + rest) == pytest.approx(difference, abs=1e-4)
    assert effects.baseline == pytest.approx(difference, abs=1e-4)


def test_without_a_distractor_the_baseline_is_the_log_probability_of_the_target(random_pair: Pair) -> None:
    expected = float(random_pair.logits(TEXT).log_softmax(-1)[4])
    assert _effects(random_pair, "").baseline == pytest.approx(expected, abs=1e-4)


def test_a_model_whose_parts_do_not_add_up_is_refused(tmp_path: Path) -> None:
    engine = Engine()
    facts = engine.compute(OpenModel(str(tiny.save(tiny.gemma2(), tmp_path))))
    with pytest.raises(InterpvizError, match=r"does not add up .* Use the ablation effect"):
        engine.compute(AttributionRequest(facts, Prompt(TEXT), "d", "f"))


def _effects(pair: Pair, distractor: str) -> Effects:
    effects: Effects = pair.engine.compute(AttributionRequest(pair.facts, Prompt(TEXT), "d", distractor))
    return effects


def _by_hand(pair: Pair, distractor: str) -> tuple[plain.PlainRun, Tensor, float]:
    """The run written out, the direction (d_model,), and what embedding, positions and biases count along it."""
    model: Plain = PLAIN[pair.plain.config.model_type](pair.plain)
    ids = torch.tensor(pair.ids(TEXT))
    run = plain.run(model, ids, each="head")
    final = run.copies["logits", len(model.layers), -1, len(ids) - 1][-1]
    direction, constant = _direction(pair, final, run.logits[-1], distractor)
    shared = [model.shared_bias(layer) for layer in range(len(model.layers))]
    start = model.embed(ids)[1][-1] + sum(bias * torch.ones_like(final) for bias in shared)
    return run, direction.detach(), (start @ direction).item() + constant


def _direction(pair: Pair, final: Tensor, logits: Tensor, distractor: str) -> tuple[Tensor, float]:
    unembedding = pair.plain.lm_head.weight
    other = unembedding[6] if distractor else logits.softmax(-1) @ unembedding
    along = unembedding[4] - other
    kind = pair.plain.config.model_type
    if kind == "llama":
        norm = pair.plain.model.norm
        return along * norm.weight / (final.pow(2).mean() + norm.variance_epsilon).sqrt(), 0.0
    norm = pair.plain.transformer.ln_f if kind == "gpt2" else pair.plain.gpt_neox.final_layer_norm
    centre = torch.eye(len(final)) - 1 / len(final)
    scale = ((centre @ final).pow(2).mean() + norm.eps).sqrt()
    return centre @ (along * norm.weight) / scale, (along @ norm.bias).item()


def _key(kind: str) -> str:
    return {"head": "head", "mlp_out": "mlp"}[kind]
