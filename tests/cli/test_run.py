from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from interpviz.core.paths import resource
from tests.cli.conftest import Command
from tests.data import sae_files

PROMPT = "When Mary and John went to the store, John gave a drink to"
CONTRAST = "When Mary and John went to the store, Mary gave a drink to"
FOLLOWED = ("--target", " Mary", "--distractor", " John", "--json")


def test_run_prints_one_json_object_with_the_promised_keys(interpviz: Command) -> None:
    ended = interpviz("run", "demo", "--prompt", PROMPT, "--top", 3, "--json")
    assert (ended.status, ended.out.count("\n")) == (0, 1)
    answer = ended.json
    assert list(answer) == [
        "model", "tokens", "token_ids", "clean", "edited", "kl", "reference", "interventions", "seconds", "road",
        "spread",
    ]  # fmt: skip
    assert answer["model"] == "demo"
    assert len(answer["tokens"]) == len(answer["token_ids"])
    assert "".join(answer["tokens"][1:]) == PROMPT
    assert [list(token) for token in answer["clean"]["top"]] == [["token", "id", "logit", "prob"]] * 3
    assert answer["clean"] | {"top": None} == {"top": None, "logit_diff": None, "loss": None}
    assert (answer["edited"], answer["kl"], answer["reference"], answer["interventions"]) == (None, None, None, [])
    assert answer["seconds"] > 0
    assert (answer["road"], answer["spread"]) == ("fast", None)


@pytest.mark.parametrize(
    ("edit", "canonical"),
    [
        ("L1H4", "L1H4:zero"),
        ("L1Q4:zero@-1", "L1Q4:zero@-1"),
        ("L1K0:mean", "L1K0:mean"),
        ("L1V2:resample", "L1V2:resample"),
        ("L1H4[15<3]", "L1H4[15<3]:zero"),
        ("L0H:scale:0.50", "L0H:scale:0.5"),
        ("L1N37:clamp:20", "L1N37:clamp:20"),
        ("L0A:zero@7,2-4,3", "L0A:zero@2-4,7"),
        ("blocks.1.hook_resid_post:patch@11", "L1R:patch@11"),
        ("book/3:add:40", "book/3:add:40"),
        ("L2R:add:2:book/3@15", "L2R:add:2:book/3@15"),
        ("L2R:add:-2:DIRECTION", "L2R:add:-2:DIRECTION"),
        ("E:mean@3", "E:mean@3"),
    ],
)
def test_every_mode_moves_the_answer_at_every_kind_of_site(
    interpviz: Command, tmp_path: Path, edit: str, canonical: str
) -> None:
    named = {"hook_name": "blocks.1.hook_resid_post", "model_name": "demo"}
    book = sae_files.random_sae(tmp_path / "book", d_in=192, features=12, metadata=named)
    np.save(tmp_path / "north.npy", np.linspace(-1, 1, 192, dtype=np.float32))
    given = edit.replace("DIRECTION", str(tmp_path / "north.npy"))
    options = ("--contrast", CONTRAST, "--dictionary", book, *FOLLOWED)
    answer = interpviz("run", "demo", "--prompt", PROMPT, "--ablate", given, *options).json
    assert answer["interventions"] == [canonical.replace("DIRECTION", str(tmp_path / "north.npy"))]
    assert abs(answer["edited"]["logit_diff"] - answer["clean"]["logit_diff"]) > 1e-3
    assert answer["kl"] >= 0
    assert (answer["reference"] is not None) == (":mean" in edit or ":resample" in edit)
    assert (answer["spread"] is not None) == (":resample" in edit)


def test_a_clamped_neuron_of_the_last_layer_writes_its_value_times_its_output_weights(
    interpviz: Command, tmp_path: Path
) -> None:
    weights = load_file(resource("demo/model/model.safetensors"))["model.layers.3.mlp.down_proj.weight"]
    np.save(tmp_path / "neuron.npy", weights[:, 37].astype(np.float32))
    zeroed, clamped = (logit_diff(interpviz, f"L3N37{mode}") for mode in ("", ":clamp:30"))
    added = logit_diff(interpviz, "L3N37", f"L3R:add:30:{tmp_path / 'neuron.npy'}")
    assert clamped == pytest.approx(added, abs=1e-3)
    assert abs(clamped - zeroed) > 1e-2


def logit_diff(interpviz: Command, *edits: str) -> float:
    """The edited logit difference of a run."""
    given = [word for edit in edits for word in ("--ablate", edit)]
    answer = interpviz("run", "demo", "--prompt", PROMPT, *given, *FOLLOWED).json
    return float(answer["edited"]["logit_diff"])


def test_patching_everything_answers_as_the_contrast_does(interpviz: Command) -> None:
    options = ("--contrast", CONTRAST, "--ablate", "L0R-:patch", *FOLLOWED)
    patched = interpviz("run", "demo", "--prompt", PROMPT, *options).json
    contrast = interpviz("run", "demo", "--prompt", CONTRAST, *FOLLOWED).json
    assert patched["edited"]["logit_diff"] == pytest.approx(contrast["clean"]["logit_diff"], abs=1e-4)
    assert patched["clean"]["logit_diff"] > 0 > contrast["clean"]["logit_diff"]


def test_a_seed_says_what_resample_and_generate_draw(interpviz: Command) -> None:
    options = ("--ablate", "L1H4:resample", "--generate", 10, "--temperature", 1.5, *FOLLOWED)
    drawn = [interpviz("run", "demo", "--prompt", PROMPT, *options, "--seed", seed).json for seed in (0, 0, 1)]
    assert drawn[0] | {"seconds": 0, "generation": None} == drawn[1] | {"seconds": 0, "generation": None}
    assert drawn[0]["edited"]["logit_diff"] != drawn[2]["edited"]["logit_diff"]
    said = [answer["generation"]["clean"]["token_ids"] for answer in drawn]
    assert said[0] == said[1] != said[2]


def test_generate_goes_on_clean_and_edited(interpviz: Command) -> None:
    options = ("--generate", 6, "--json")
    answer = interpviz("run", "demo", "--prompt", PROMPT, "--ablate", "L2M", *options).json
    said = answer["generation"]
    assert list(said) == ["clean", "edited", "seconds"]
    for side in ("clean", "edited"):
        assert list(said[side]) == ["tokens", "token_ids", "text", "ended"]
        assert len(said[side]["token_ids"]) == len(said[side]["tokens"]) == 6
        assert said[side]["text"] == "".join(said[side]["tokens"])
        assert said[side]["tokens"][0] == answer[side]["top"][0]["token"]
        assert said[side]["ended"] is False
    alone = interpviz("run", "demo", "--prompt", PROMPT, *options).json["generation"]
    assert alone | {"seconds": 0} == {"clean": said["clean"], "edited": None, "seconds": 0}
    assert "goes on: ' Mary" in interpviz("run", "demo", "--prompt", PROMPT, "--generate", 6).out


def test_frozen_attention_is_another_experiment(interpviz: Command) -> None:
    options = ("--ablate", "L1H4", *FOLLOWED)
    loose = interpviz("run", "demo", "--prompt", PROMPT, *options).json
    frozen = interpviz("run", "demo", "--prompt", PROMPT, *options, "--freeze-attention").json
    assert frozen["clean"] == loose["clean"]
    assert frozen["edited"]["logit_diff"] != pytest.approx(loose["edited"]["logit_diff"], abs=1e-4)


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
    assert "log-probability of the target: " in ended.out
    resampled = interpviz("run", "demo", "--prompt", PROMPT, "--ablate", "L1H4:resample", *FOLLOWED[:-1]).out
    assert "logit difference: +" in resampled
    assert "whose standard deviation is" in resampled
    assert "drawn from 2,048 tokens of reference.txt" in resampled


def test_heads_lists_every_head_with_three_scores(interpviz: Command) -> None:
    answer = interpviz("heads", "demo", "--json").json
    assert list(answer) == ["heads", "seconds"]
    assert [head["site"] for head in answer["heads"]] == [f"L{k}H{h}" for k in range(4) for h in range(6)]
    for head in answer["heads"]:
        assert list(head) == ["site", "induction", "previous_token", "duplicate_token"]
        assert all(0 <= head[name] <= 1 and math.isfinite(head[name]) for name in list(head)[1:])
    assert "previous token" in interpviz("heads", "demo").out
