from __future__ import annotations

from pathlib import Path

import pytest

from interpviz.cli.record import spread
from tests.cli.conftest import Command
from tests.data import sae_files
from tests.engine.plain_sae import random_sae

KEYS = [
    "source", "tokens", "l0", "fvu", "explained_variance_legacy", "norm_ratio", "bias", "cosine", "ce_clean",
    "ce_spliced", "ce_zero", "kl_spliced", "kl_zero", "dead", "dense_1", "dense_10", "problems",
    "explained_variance", "ce_recovered", "kl_score",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random_sae(tmp_path / "sae", "blocks.1.hook_resid_post", 192)
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(f"{name} was in the garden, and so was Mary. " * 12, "utf-8")
    return tmp_path


def test_evaluate_prints_one_json_object_with_the_promised_keys(interpviz: Command, folder: Path) -> None:
    texts = ("--text", folder / "a.txt", folder / "b.txt")
    ended = interpviz("evaluate", folder / "sae", "--model", "demo", *texts, "--tokens", 100, "--json")
    assert (ended.status, ended.out.count("\n")) == (0, 1)
    assert list(ended.json) == KEYS
    assert (ended.json["source"], ended.json["tokens"]) == ("a.txt, b.txt", 98)  # a position 0 in each of 2 contexts
    assert ended.json["ce_zero"] > ended.json["ce_clean"] > 0
    assert ended.json["problems"][0].startswith("It reconstructs worse than the mean activation")


def test_without_json_every_measure_stands_beside_its_name_and_what_is_wrong_below(
    interpviz: Command, folder: Path
) -> None:
    said = interpviz("evaluate", folder / "sae", "--model", "demo", "--text", folder / "a.txt").out
    assert said.startswith("sae on a.txt, ")
    for name in ("(L0)", "(FVU)", "cross-entropy recovered", "KL score", "never active", "over 10% of tokens"):
        assert name in said
    assert "worse than the mean activation" in said


def test_a_dictionary_of_another_model_is_a_mistake_in_one_sentence(interpviz: Command, folder: Path) -> None:
    sae_files.random_sae(folder / "small")
    ended = interpviz("evaluate", folder / "small", "--model", "demo", "--text", folder / "a.txt")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == (
        "small reads 6 numbers, but blocks.0.hook_resid_post of demo has 192. Open a dictionary of this model.\n"
    )


def test_a_text_that_is_not_there_is_a_mistake(interpviz: Command, folder: Path) -> None:
    ended = interpviz("evaluate", folder / "sae", "--model", "demo", "--text", folder / "gone.txt")
    assert ended.status == 2
    assert "gone.txt cannot be read" in ended.err


def test_several_texts_may_follow_one_option() -> None:
    assert spread(["evaluate", "d", "--text", "a", "b", "--json"]) == [
        *("evaluate", "d", "--text", "a", "--text", "b", "--json")
    ]
