from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpviz.cli import sweep as command
from interpviz.core.interventions import Intervention
from interpviz.core.paths import resource
from tests.cli.conftest import Command
from tests.data import sae_files
from tests.engine import oracle

PROMPT = "When Mary and John went to the store, John gave a drink to"
CONTRAST = "When Mary and John went to the store, Mary gave a drink to"
FOLLOWED = ("--prompt", PROMPT, "--target", " Mary", "--distractor", " John")
PARTS = [f"L{layer}{part}" for layer in range(4) for part in ("H0", "H1", "H2", "H3", "H4", "H5", "M")]


@pytest.fixture(scope="module")
def plain() -> Any:
    """The demo as transformers alone sees it."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(resource("demo/model"), attn_implementation="eager").eval()


def by_site(answer: Any) -> dict[str, float]:
    return {one["site"]: one["effect"] for one in answer["effects"]}


def test_sweep_prints_one_json_object_with_the_promised_keys(interpviz: Command) -> None:
    ended = interpviz("sweep", "demo", *FOLLOWED, "--json")
    assert (ended.status, ended.out.count("\n"), ended.err) == (0, 1, "")
    assert list(ended.json) == ["baseline", "effects", "seconds"]
    assert [list(one) for one in ended.json["effects"]] == [["site", "effect"]] * 28
    assert [one["site"] for one in ended.json["effects"]] == PARTS
    assert ended.json["seconds"] > 0


def test_effects_are_those_of_plain_transformers_with_each_part_zeroed(interpviz: Command, plain: Any) -> None:
    answer = interpviz("sweep", "demo", *FOLLOWED, "--json").json
    run = interpviz("run", "demo", "--prompt", PROMPT, "--json").json
    mary, john = (run["token_ids"][run["tokens"].index(name)] for name in (" Mary", " John"))

    def metric(*edits: str) -> float:
        made: list[tuple[Intervention, torch.Tensor | None]] = [(Intervention.parse(edit), None) for edit in edits]
        last = oracle.edited_logits(plain, run["token_ids"], made)[-1]
        return float(last[mary] - last[john])

    assert answer["baseline"] == pytest.approx(metric(), abs=1e-3)
    assert by_site(answer) == pytest.approx({site: metric() - metric(site) for site in PARTS}, abs=2e-3)


@pytest.mark.parametrize("mode", ["zero", "mean", "resample", "patch"])
def test_an_effect_is_the_clean_metric_of_run_less_the_edited_one(interpviz: Command, mode: str) -> None:
    options = (*FOLLOWED, "--contrast", CONTRAST, "--seed", 2, "--json")
    answer = interpviz("sweep", "demo", *options, "--kind", "head", "--layer", 1, "--mode", mode).json
    assert list(by_site(answer)) == [f"L1H{head}" for head in range(6)]
    for one in answer["effects"]:
        run = interpviz("run", "demo", *options, "--ablate", f"{one['site']}:{mode}").json
        assert answer["baseline"] == run["clean"]["logit_diff"]
        assert one["effect"] == pytest.approx(run["clean"]["logit_diff"] - run["edited"]["logit_diff"], abs=2e-4)
        assert one.get("spread") == (None if run["spread"] is None else pytest.approx(run["spread"], abs=1e-3))
        assert answer.get("reference") == run["reference"]
    assert ("spread" in answer["effects"][0]) == (mode == "resample")


def test_a_contrast_alone_means_patch(interpviz: Command) -> None:
    options = (*FOLLOWED, "--contrast", CONTRAST, "--kind", "mlp", "--json")
    alone, patched, zeroed = (
        by_site(interpviz("sweep", "demo", *options, *mode).json)
        for mode in ((), ("--mode", "patch"), ("--mode", "zero"))
    )
    assert list(alone) == ["L0M", "L1M", "L2M", "L3M"]
    assert alone == patched
    assert alone["L3M"] != pytest.approx(zeroed["L3M"], abs=1e-3)


@pytest.mark.slow
def test_neurons_of_a_layer_and_features_of_a_dictionary_are_swept(interpviz: Command, tmp_path: Path) -> None:
    neurons = interpviz("sweep", "demo", *FOLLOWED, "--kind", "neuron", "--layer", 2, "--json").json
    assert list(by_site(neurons)) == [f"L2N{neuron}" for neuron in range(512)]
    named = {"hook_name": "blocks.1.hook_resid_post", "model_name": "demo"}
    book = sae_files.random_sae(tmp_path / "book", d_in=192, features=12, metadata=named)
    features = by_site(interpviz("sweep", "demo", *FOLLOWED, "--kind", "feature", "--dictionary", book, "--json").json)
    assert features
    for site, effect in features.items():
        run = interpviz("run", "demo", *FOLLOWED, "--dictionary", book, "--ablate", site, "--json").json
        assert effect == pytest.approx(run["clean"]["logit_diff"] - run["edited"]["logit_diff"], abs=2e-4)


def test_without_a_bos_the_prompt_is_another(interpviz: Command) -> None:
    bare = interpviz("sweep", "demo", *FOLLOWED, "--kind", "mlp", "--no-bos", "--json").json
    run = interpviz("run", "demo", *FOLLOWED, "--no-bos", "--json").json
    assert bare["baseline"] == run["clean"]["logit_diff"]
    assert bare["baseline"] != interpviz("sweep", "demo", *FOLLOWED, "--kind", "mlp", "--json").json["baseline"]


def test_a_person_reads_the_largest_effects_first(interpviz: Command) -> None:
    lines = interpviz("sweep", "demo", *FOLLOWED).out.splitlines()
    effects = by_site(interpviz("sweep", "demo", *FOLLOWED, "--json").json)
    order = sorted(effects, key=lambda site: -abs(effects[site]))
    assert lines[0].startswith("logit difference: +13.4")
    assert [line.split()[0] for line in lines[2:22]] == order[:20]
    assert lines[2].split() == [order[0], f"{effects[order[0]]:+.4f}"]
    assert lines[22] == "and 8 more with smaller effects: --json prints all"
    assert lines[23].startswith("28 parts in ")


def test_a_person_reads_the_spread_and_what_was_drawn_from(interpviz: Command) -> None:
    lines = interpviz("sweep", "demo", *FOLLOWED, "--kind", "mlp", "--mode", "resample").out.splitlines()
    assert lines[1].split() == ["part", "effect", "spread"]
    assert [len(line.split()) for line in lines[2:6]] == [3, 3, 3, 3]
    assert lines[6] == "drawn from 2,048 tokens of reference.txt"


@pytest.mark.parametrize(
    ("largest", "digits"), [(6.06, 4), (0.1, 4), (0.099, 5), (1.49e-5, 8), (0.0, 4), (math.nan, 4), (math.inf, 4)]
)
def test_small_effects_are_shown_with_more_decimals(largest: float, digits: int) -> None:
    assert command._digits(np.array([-largest, 0.0], np.float32)) == digits
