from __future__ import annotations

import math

import pytest

from tests.cli.conftest import Command

PROMPT = "When Mary and John went to the store, John gave a drink to"


def test_run_prints_one_json_object_with_the_promised_keys(interpviz: Command) -> None:
    ended = interpviz("run", "demo", "--prompt", PROMPT, "--top", 3, "--json")
    assert (ended.status, ended.out.count("\n")) == (0, 1)
    answer = ended.json
    assert list(answer) == [
        "model", "tokens", "token_ids", "clean", "edited", "kl", "reference", "interventions", "seconds",
    ]  # fmt: skip
    assert answer["model"] == "demo"
    assert len(answer["tokens"]) == len(answer["token_ids"])
    assert "".join(answer["tokens"][1:]) == PROMPT
    assert [list(token) for token in answer["clean"]["top"]] == [["token", "id", "logit", "prob"]] * 3
    assert answer["clean"] | {"top": None} == {"top": None, "logit_diff": None, "loss": None}
    assert (answer["edited"], answer["kl"], answer["reference"], answer["interventions"]) == (None, None, None, [])
    assert answer["seconds"] > 0


def test_an_ablation_changes_the_edited_side_alone(interpviz: Command) -> None:
    options = ("--target", " Mary", "--distractor", " John", "--loss", "--json")
    clean = interpviz("run", "demo", "--prompt", PROMPT, *options).json
    cut = interpviz("run", "demo", "--prompt", PROMPT, *options, "--ablate", "L3M", "--ablate", "L1H4:mean@2-5").json
    assert cut["clean"] == clean["clean"]
    assert cut["edited"]["logit_diff"] != pytest.approx(clean["clean"]["logit_diff"], abs=1e-3)
    assert cut["edited"]["loss"] != clean["clean"]["loss"]
    assert cut["kl"] > 0
    assert cut["interventions"] == ["L3M:zero", "L1H4:mean@2-5"]
    assert set(cut["reference"]) == {"source", "tokens", "sha256"}
    by_id = {token["id"]: token["logit"] for token in cut["clean"]["top"]}
    target, distractor = (cut["token_ids"][cut["tokens"].index(name)] for name in (" Mary", " John"))
    if {target, distractor} <= set(by_id):
        assert cut["clean"]["logit_diff"] == pytest.approx(by_id[target] - by_id[distractor], abs=1e-4)


def test_no_bos_leaves_the_first_token_out(interpviz: Command) -> None:
    with_bos = interpviz("run", "demo", "--prompt", PROMPT, "--json").json
    without = interpviz("run", "demo", "--prompt", PROMPT, "--json", "--no-bos").json
    assert with_bos["token_ids"][1:] == without["token_ids"]


def test_a_person_reads_tokens_in_quotes_beside_their_numbers(interpviz: Command) -> None:
    ended = interpviz("run", "demo", "--prompt", "The beagle\n wagged", "--ablate", "L0A", "--target", " its")
    assert ended.status == 0
    assert "'\\n'" in ended.out
    assert "clean prob" in ended.out
    assert "edited logit" in ended.out
    assert "KL(clean || edited)" in ended.out
    assert "with L0A:zero" in ended.out


def test_heads_lists_every_head_with_three_scores(interpviz: Command) -> None:
    answer = interpviz("heads", "demo", "--json").json
    assert list(answer) == ["heads", "seconds"]
    assert [head["site"] for head in answer["heads"]] == [f"L{k}H{h}" for k in range(4) for h in range(6)]
    for head in answer["heads"]:
        assert list(head) == ["site", "induction", "previous_token", "duplicate_token"]
        assert all(0 <= head[name] <= 1 and math.isfinite(head[name]) for name in list(head)[1:])
    assert "previous token" in interpviz("heads", "demo").out
