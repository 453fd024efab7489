"""Continuations and effects from Python, against plain transformers and against runs of one edit at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpviz import api
from interpviz.core.errors import InterpvizError
from interpviz.core.paths import resource
from interpviz.data import dictionaries
from tests.data import sae_files

PROMPT = "When Mary and John went to the store, John gave a drink to"
CONTRAST = "When Mary and John went to the store, Mary gave a drink to"
FOLLOWED: dict[str, Any] = {"target": " Mary", "distractor": " John"}
SWAPPED = 11  # the token that differs between the two


@pytest.fixture(scope="module")
def model() -> api.Model:
    return api.load("demo")


@pytest.fixture(scope="module")
def plain() -> Any:
    """The demo as transformers alone sees it."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(resource("demo/model"), attn_implementation="eager").eval()


@pytest.fixture(scope="module")
def book(model: api.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random dictionary of the stream after layer 1."""
    folder = tmp_path_factory.mktemp("dictionaries") / "book"
    named = {"hook_name": "blocks.1.hook_resid_post", "model_name": "demo"}
    return sae_files.random_sae(folder, d_in=model.facts.d_model, features=12, metadata=named)


def metric(model: api.Model, *edits: str, **keywords: Any) -> float:
    """The metric of a run with these edits."""
    found = model.run(PROMPT, edits, **FOLLOWED, **keywords).logit_diff
    assert found is not None
    return found


def ids_of(model: api.Model, text: str) -> list[int]:
    return [int(token) for token in model.run(text).token_ids]


def test_the_likeliest_continuation_is_that_of_plain_transformers_run_again_for_every_token(
    model: api.Model, plain: Any
) -> None:
    said = model.generate(PROMPT, ["L2M"], count=8)
    assert said.edited is not None
    mlp = plain.model.layers[2].mlp
    for side, cut in ((said.clean, False), (said.edited, True)):
        hook = mlp.register_forward_hook(lambda module, given, output, cut=cut: output * 0 if cut else output)
        ids = ids_of(model, PROMPT)
        for _ in range(8):
            with torch.no_grad():
                ids.append(int(plain(torch.tensor([ids])).logits[0, -1].argmax()))
        hook.remove()
        assert side.ids.tolist() == ids[-8:]
        assert model.text(side.ids) == "".join(side.texts)
    assert said.edited.ids.tolist() != said.clean.ids.tolist()


def test_a_seed_says_which_tokens_are_sampled(model: api.Model) -> None:
    drawn = [model.generate("The beagle", count=12, temperature=1.5, seed=seed) for seed in (0, 0, 1)]
    assert drawn[0].edited is None
    assert drawn[0].clean.ids.tolist() == drawn[1].clean.ids.tolist()
    assert drawn[0].clean.ids.tolist() != drawn[2].clean.ids.tolist()


@pytest.mark.parametrize(
    ("keywords", "parts"),
    [
        ({}, [f"L{k}{part}" for k in range(4) for part in ("H0", "H1", "H2", "H3", "H4", "H5", "M")]),
        ({"kind": "head", "layer": 2}, [f"L2H{head}" for head in range(6)]),
        ({"kind": "mlp", "mode": "mean"}, ["L0M", "L1M", "L2M", "L3M"]),
        ({"kind": "neuron", "layer": 1}, [f"L1N{neuron}" for neuron in range(512)]),
        ({"kind": "head", "layer": 3, "mode": "resample", "seed": 2}, [f"L3H{head}" for head in range(6)]),
        ({"kind": "mlp", "contrast": CONTRAST}, ["L0M", "L1M", "L2M", "L3M"]),
    ],
)
def test_an_effect_is_what_a_run_without_the_part_loses(
    model: api.Model, keywords: dict[str, Any], parts: list[str]
) -> None:
    swept = model.sweep(PROMPT, **FOLLOWED, **keywords)
    assert [str(site) for site in swept.sites] == parts
    assert swept.baseline == pytest.approx(metric(model), abs=1e-4)
    mode = keywords.get("mode", "patch" if "contrast" in keywords else "zero")
    drawn = {name: keywords[name] for name in ("contrast", "seed") if name in keywords}
    some = range(0, len(parts), max(1, len(parts) // 6))
    expected = [swept.baseline - metric(model, f"{parts[k]}:{mode}", **drawn) for k in some]
    assert swept.effects[list(some)] == pytest.approx(expected, abs=2e-4)
    assert (swept.spread is not None) == (mode == "resample")
    assert (swept.reference is not None) == (mode in ("mean", "resample"))


def test_the_spread_of_a_sweep_is_that_of_its_runs(model: api.Model) -> None:
    swept = model.sweep(PROMPT, **FOLLOWED, kind="mlp", mode="resample", seed=4)
    runs = [model.run(PROMPT, [f"{site}:resample"], **FOLLOWED, seed=4) for site in swept.sites]
    assert swept.spread == pytest.approx([run.spread for run in runs], abs=1e-3)
    assert swept.reference is not None
    assert [run.reference and run.reference.sha256 for run in runs] == [swept.reference.sha256] * 4


def test_the_cache_that_a_sweep_draws_from_is_named(model: api.Model, book: Path) -> None:
    drawn: dict[str, Any] = {"mode": "mean", "reference": api.open(resource("demo/demo.acts"))}
    of_the_cache = model.sweep(PROMPT, **FOLLOWED, kind="feature", dictionary=book, **drawn).reference
    assert of_the_cache is not None
    assert (of_the_cache.source, of_the_cache.tokens) == (
        drawn["reference"].facts.name,
        drawn["reference"].facts.tokens,
    )
    not_recorded = model.sweep(PROMPT, **FOLLOWED, kind="mlp", layer=0, **drawn).reference
    assert not_recorded is not None
    assert not_recorded.source == "reference.txt"


def test_features_are_swept_where_they_are_active(model: api.Model, plain: Any, book: Path) -> None:
    swept = model.sweep(PROMPT, **FOLLOWED, kind="feature", dictionary=book)
    weights = sae_files.weights(d_in=model.facts.d_model, features=12)
    ids = torch.tensor([ids_of(model, PROMPT)])
    with torch.no_grad():
        stream = plain(ids, output_hidden_states=True).hidden_states[2][0].numpy()
    codes = np.maximum((stream - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"], 0)
    active = np.flatnonzero((codes[1:] > 0).any(0))
    assert len(active) > 0
    assert [str(site) for site in swept.sites] == [f"book/{feature}" for feature in active]
    runs = [metric(model, str(site), dictionaries=[book]) for site in swept.sites]
    assert swept.effects == pytest.approx(swept.baseline - np.array(runs), abs=2e-4)


def test_progress_of_a_sweep_goes_from_nothing_to_all(model: api.Model) -> None:
    seen: list[float] = []
    model.sweep(PROMPT, **FOLLOWED, report=lambda fraction, text="", partial=None: seen.append(fraction))
    assert seen == sorted(seen)
    assert 0.0 <= seen[0] < 0.3
    assert seen[-1] == 1.0


def test_patching_the_token_that_differs_brings_all_of_the_answer_back(model: api.Model) -> None:
    grid = model.patching(PROMPT, CONTRAST, **FOLLOWED)
    assert grid.shape == (4, 16)
    only = np.zeros(16)
    only[SWAPPED] = 1.0
    assert grid[0] == pytest.approx(only, abs=1e-4)
    assert grid[:, :SWAPPED] == pytest.approx(np.zeros((4, SWAPPED)), abs=1e-4)


def test_a_cell_of_the_grid_is_a_run_of_one_prompt_patched_from_the_other(model: api.Model) -> None:
    there, back = (model.patching(PROMPT, CONTRAST, **FOLLOWED, stream="mlp", back=b) for b in (False, True))
    clean, contrast = metric(model), model.run(CONTRAST, **FOLLOWED).logit_diff
    assert contrast is not None
    patched = model.run(CONTRAST, [f"L0M:patch@{SWAPPED}"], contrast=PROMPT, **FOLLOWED).logit_diff
    assert patched is not None
    assert there[0, SWAPPED] == pytest.approx((patched - contrast) / (clean - contrast), abs=1e-4)
    patched = metric(model, f"L0M:patch@{SWAPPED}", contrast=CONTRAST)
    assert back[0, SWAPPED] == pytest.approx((patched - contrast) / (clean - contrast), abs=1e-4)


def test_a_path_that_ends_at_once_is_the_direct_effect_and_the_last_mlps_is_all_of_it(model: api.Model) -> None:
    last = model.path(PROMPT, "L3M > logits", **FOLLOWED)
    total = model.sweep(PROMPT, **FOLLOWED, kind="mlp", layer=3).effects[0]
    assert (last.path, last.direct, last.total) == pytest.approx((total, total, total), abs=2e-4)
    patched = model.path(PROMPT, "L0H4 > L1M > logits", contrast=CONTRAST, **FOLLOWED)
    assert patched.total == pytest.approx(metric(model) - metric(model, "L0H4:patch", contrast=CONTRAST), abs=2e-4)


def test_attribution_is_the_slope_of_the_metric_as_a_part_fades(model: api.Model) -> None:
    estimate = model.attribution(PROMPT, **FOLLOWED)
    assert len(estimate.sites) == 28
    for name in ("L1H4", "L2M", "L3H1"):
        faded = (metric(model, f"{name}:scale:1.02") - metric(model, f"{name}:scale:0.98")) / 0.04
        at = [str(site) for site in estimate.sites].index(name)
        assert estimate.values[at] == pytest.approx(faded, abs=0.02)


def test_the_direct_effect_of_the_last_mlp_is_its_output_unembedded(model: api.Model, plain: Any) -> None:
    kept: dict[str, torch.Tensor] = {}
    layer, norm = plain.model.layers[3], plain.model.norm
    hooks = [
        layer.mlp.register_forward_hook(lambda module, given, output: kept.update(mlp=output[0, -1])),
        norm.register_forward_pre_hook(lambda module, given: kept.update(stream=given[0][0, -1])),
    ]
    run = model.run(PROMPT)
    with torch.no_grad():
        plain(torch.tensor([run.token_ids.tolist()]))
        rms = (kept["stream"].pow(2).mean() + plain.config.rms_norm_eps).sqrt()
        written = plain.lm_head(kept["mlp"] * norm.weight / rms)
    for hook in hooks:
        hook.remove()
    mary, john = (int(run.token_ids[run.tokens.index(name)]) for name in (" Mary", " John"))
    direct = model.direct(PROMPT, **FOLLOWED)
    assert str(direct.sites[-1]) == "L3M"
    assert direct.values[-1] == pytest.approx(float(written[mary] - written[john]), abs=1e-3)


@pytest.mark.parametrize("site", ["L1H4", "L2M"])
def test_self_repair_is_the_direct_effect_less_what_a_run_without_the_part_loses(model: api.Model, site: str) -> None:
    repair, direct = model.self_repair(PROMPT, **FOLLOWED, site=site), model.direct(PROMPT, **FOLLOWED)
    assert repair.direct == pytest.approx(direct.values[direct.sites.index(repair.site)], abs=1e-3)
    assert repair.actual == pytest.approx(metric(model) - metric(model, f"{site}:zero@-1"), abs=2e-4)
    assert repair.value == repair.direct - repair.actual
    patched = model.self_repair(PROMPT, **FOLLOWED, site=repair.site, mode="patch", contrast=CONTRAST)
    assert patched.actual == pytest.approx(
        metric(model) - metric(model, f"{site}:patch@-1", contrast=CONTRAST), abs=2e-4
    )


def test_hydra_sets_what_layers_write_beside_what_runs_without_them_lose(model: api.Model) -> None:
    grown: list[Any] = []
    found = model.hydra(PROMPT, **FOLLOWED, report=lambda fraction, text="", partial=None: grown.append(partial))
    direct, clean = model.direct(PROMPT, **FOLLOWED).values.reshape(4, 7), metric(model)  # six heads and the MLP
    assert found.mlp is not None
    assert found.attention.unembedded == pytest.approx(direct[:, :6].sum(1), abs=1e-3)
    assert found.mlp.unembedded == pytest.approx(direct[:, 6], abs=1e-3)
    for impact, part in ((found.attention, "A"), (found.mlp, "M")):
        cut = [metric(model, f"L{layer}{part}:zero@-1") for layer in range(4)]
        assert impact.ablated == pytest.approx(clean - np.array(cut), abs=2e-4)
    partials = [one for one in grown if isinstance(one, api.Hydra)]
    assert [int(np.isnan(one.attention.ablated).sum()) for one in partials] == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("keywords", "complaint"),
    [
        ({"target": ""}, "no target"),
        ({"target": " Mary John"}, "2 tokens"),
        ({"kind": "edge"}, "'edge' is no kind of part"),
        ({"mode": "scale"}, "'scale' cuts nothing in a sweep"),
        ({"mode": "patch"}, "no contrast prompt"),
        ({"kind": "neuron"}, "Give the layer"),
        ({"kind": "feature"}, "Give its folder"),
        ({"kind": "feature", "dictionary": "book", "layer": 1}, "Leave the layer out"),
        ({"dictionary": "book"}, "only features are swept"),
        ({"layer": 4}, "layers 0 to 3"),
    ],
)
def test_a_mistake_in_a_sweep_is_a_sentence(model: api.Model, keywords: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InterpvizError, match=complaint) as mistake:
        model.sweep(PROMPT, **(FOLLOWED | keywords))
    assert str(mistake.value).endswith(".")


@pytest.mark.parametrize(
    ("keywords", "complaint"),
    [
        ({"count": 0}, "0 tokens"),
        ({"temperature": -1.0}, "no temperature"),
        ({"temperature": float("nan")}, "no temperature"),
    ],
)
def test_a_mistake_in_a_continuation_is_a_sentence(model: api.Model, keywords: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InterpvizError, match=complaint) as mistake:
        model.generate(PROMPT, **keywords)
    assert str(mistake.value).endswith(".")


def test_two_dictionaries_of_one_name_are_told_apart_by_nobody(model: api.Model, book: Path, tmp_path: Path) -> None:
    other = sae_files.random_sae(tmp_path / "book", seed=1)
    assert metric(model, "book/1:add:3", dictionaries=[book, book]) != metric(model)
    with pytest.raises(InterpvizError, match="Two dictionaries are called book"):
        model.run(PROMPT, ["book/1"], dictionaries=[book, other])


def test_a_folder_of_several_dictionaries_opens_them_all_and_is_swept_one_by_one(
    model: api.Model, book: Path, tmp_path: Path
) -> None:
    facts = dictionaries.load(book)
    for layer in (1, 2):
        coder = replace(
            facts, activation="topk", k=3, facts=replace(facts.facts, hook=f"blocks.{layer}.hook_resid_post")
        )
        dictionaries.save(coder, tmp_path / "run" / f"layers.{layer}", "sparsify")
    run = tmp_path / "run"
    assert metric(model, "layers.1/1:add:3", "layers.2/1:add:3", dictionaries=[run]) != metric(model)
    with pytest.raises(InterpvizError, match=r"run holds 2 dictionaries\. Give one of them, such as .*layers\.1\."):
        model.sweep(PROMPT, **FOLLOWED, kind="feature", dictionary=run)
