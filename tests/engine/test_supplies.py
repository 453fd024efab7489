"""What edits draw from: the contrast by position, directions and dictionaries that fit, the cache before the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from interpviz.core.document import CacheFacts, Prompt, Sources
from interpviz.core.errors import InterpvizError, SiteMissing
from interpviz.core.interventions import Intervention
from interpviz.core.jobs import OpenCache, OpenDictionary
from interpviz.core.requests import RunRequest, SweepRequest
from interpviz.core.results import F4
from interpviz.data import probe
from interpviz.data.activations import Cache
from interpviz.data.manifest import Job
from interpviz.engine import reference
from interpviz.engine.reference import CacheReference
from tests.data.samples import write_one
from tests.engine.pairs import Pair
from tests.engine.plain_hooks import Plain
from tests.engine.plain_sae import FloatSAE, random_sae

TEXT, CONTRAST = "c e g c i k", "c e b c i d"
LENGTH = 7
Z, STREAM = "blocks.1.attn.hook_z", "blocks.1.hook_resid_post"
DOCUMENTS = (9, 3, 5)  # tokens of each: one is shorter than the prompt, and one is longer


@pytest.fixture(scope="module")
def plain(llama: Pair) -> Plain:
    return Plain(llama.model.bridge, [], llama.ids(CONTRAST), {})


@pytest.fixture(scope="module")
def rows() -> dict[str, F4]:
    """What was recorded: rows that the model would not give by itself, so that one sees where values come from."""
    draw, count = np.random.default_rng(0), sum(DOCUMENTS)
    shapes = {Z: (count, 6, 4), STREAM: (count, 24)}
    return {hook: draw.standard_normal(shape).astype(np.float16).astype(np.float32) for hook, shape in shapes.items()}


@pytest.fixture(scope="module")
def cache(llama: Pair, rows: dict[str, F4], tmp_path_factory: pytest.TempPathFactory) -> Iterator[CacheFacts]:
    folder = tmp_path_factory.mktemp("recorded") / "small.acts"
    documents = np.repeat(np.arange(3, dtype=np.int32), DOCUMENTS)
    write_one(folder, job_of(llama), documents, positions(), rows)
    yield llama.engine.compute(OpenCache(str(folder)))
    probe.end()


@pytest.fixture
def sae(llama: Pair, tmp_path: Path) -> tuple[Any, FloatSAE]:
    """The facts of a dictionary of the stream, and what it is."""
    numbers = random_sae(tmp_path / "sae", STREAM, 24)
    (facts,) = llama.engine.compute(OpenDictionary(str(tmp_path / "sae")))
    return facts, numbers


def positions() -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.concatenate([np.arange(length, dtype=np.int32) for length in DOCUMENTS])


def run(pair: Pair, edit: str, text: str = TEXT, **sources: Any) -> Any:
    edits = frozenset({Intervention.parse(edit)})
    return pair.engine.compute(RunRequest(pair.facts, Prompt(text), edits, sources=Sources(**sources)))


def with_rows(pair: Pair, hook: str, put: Tensor, part: Any = slice(None)) -> F4:
    """Logits at the last position where `put` (pos, ...) takes the place of an activation, or of a part of it."""

    def change(value: Tensor, hook: Any) -> Tensor:
        new = value.clone()
        new[0, :, part] = put[:, part]
        return new

    with torch.no_grad():
        logits: Tensor = pair.model.bridge.run_with_hooks(torch.tensor([pair.ids(TEXT)]), fwd_hooks=[(hook, change)])
    return logits[0, -1].numpy()


# The contrast prompt.


@pytest.mark.parametrize("hook", [Z, STREAM, "hook_embed", "blocks.2.attn.hook_k", "blocks.0.mlp.hook_post"])
def test_the_contrast_gives_its_activation_position_by_position(llama: Pair, plain: Plain, hook: str) -> None:
    supplies = llama.engine.loaded(llama.facts).supplies(Sources(contrast=Prompt(CONTRAST)), Prompt(TEXT), None)
    given = supplies.contrast(hook)
    assert given.shape[0] == LENGTH
    torch.testing.assert_close(given, plain.seen(llama.ids(CONTRAST), hook), atol=1e-4, rtol=1e-4)
    assert supplies.used is None  # it is no reference


@pytest.mark.parametrize("edit", ["L1H2:patch", "L1R:patch@2", "L0M:patch@-1", "L1H4[5<2]:patch"])
@pytest.mark.parametrize(
    ("contrast", "sentence"),
    [
        (None, r"^There is no contrast prompt to patch from\. Give one of as many tokens as the prompt\.$"),
        ("c e b", r"^The contrast prompt has 4 tokens and the prompt 7, so patch cannot align them\."),
        ("a b c d e f g h", r"^The contrast prompt has 9 tokens and the prompt 7, so patch cannot align them\."),
    ],
)
def test_a_contrast_that_is_not_there_or_of_another_length_is_a_sentence(
    llama: Pair, edit: str, contrast: str | None, sentence: str
) -> None:
    with pytest.raises(InterpvizError, match=sentence):
        run(llama, edit, contrast=contrast and Prompt(contrast))


def test_a_sweep_that_patches_refuses_such_a_contrast_too(llama: Pair) -> None:
    asked = SweepRequest(llama.facts, Prompt(TEXT), "d", "f", 1, "patch", sources=Sources(contrast=Prompt("a b")))
    with pytest.raises(InterpvizError, match=r"has 3 tokens and the prompt 7"):
        llama.engine.compute(asked)


# Directions and dictionaries.


@pytest.mark.parametrize(
    ("site", "width"), [("L1R", 24), ("L0R-", 24), ("E", 24), ("L1M", 24), ("L1H2", 4), ("L1H", 4), ("L1K1", 4)]
)
def test_a_direction_of_another_width_is_refused_with_both_widths(
    llama: Pair, site: str, width: int, tmp_path: Path
) -> None:
    for wrong in (width - 1, width + 1, 1):
        file = tmp_path / f"{wrong}.npy"
        np.save(file, np.ones(wrong, np.float32))
        with pytest.raises(InterpvizError) as refused:
            run(llama, f"{site}:add:2:{file}")
        said = f"{file} has {wrong} numbers, but {site} is {width} wide. Give a direction of that width."
        assert str(refused.value) == said
    np.save(tmp_path / "right.npy", np.ones(width, np.float32))
    assert run(llama, f"{site}:add:2:{tmp_path / 'right.npy'}").logits.shape == (32,)


def test_a_feature_s_row_is_a_direction_of_its_dictionary_s_width(llama: Pair, sae: tuple[Any, FloatSAE]) -> None:
    facts, numbers = sae
    ours = run(llama, "L0R:add:2.5:sae/3", dictionaries=(facts,)).logits
    plain = Plain(llama.model.bridge, [], [], {"sae/3": numbers.decoder[3].float()})
    expected = plain.logits(llama.ids(TEXT), [Intervention.parse("L0R:add:2.5:sae/3")])[-1]
    assert ours == pytest.approx(expected.numpy(), abs=2e-4)
    with pytest.raises(InterpvizError, match=r"^sae/3 has 24 numbers, but L1H2 is 4 wide\."):
        run(llama, "L1H2:add:2.5:sae/3", dictionaries=(facts,))


@pytest.mark.parametrize("edit", ["sae/3", "sae/3:mean", "sae/3:patch", "L1R:add:2:sae/3"])
def test_a_dictionary_that_the_run_was_not_given_is_a_sentence(llama: Pair, edit: str) -> None:
    with pytest.raises(InterpvizError, match=r"^No dictionary sae is open\. Give its folder\.$"):
        run(llama, edit, contrast=Prompt(CONTRAST))


@pytest.mark.parametrize("edit", ["sae/16", "L1R:add:2:sae/16"])
def test_a_feature_that_the_dictionary_has_not_is_a_sentence(llama: Pair, sae: tuple[Any, FloatSAE], edit: str) -> None:
    with pytest.raises(SiteMissing, match=r"features 0 to 15"):
        run(llama, edit, dictionaries=(sae[0],))


@pytest.mark.parametrize(
    ("hook", "width", "sentence"),
    [
        (STREAM, 20, rf"^odd reads 20 numbers, but {STREAM} of \S+ has 24\. Open a dictionary of this model\.$"),
        (Z, 4, rf"^odd reads 4 numbers, but {Z} of \S+ has 24\."),
        ("blocks.9.hook_resid_post", 24, r"^odd reads blocks\.9\.hook_resid_post, which \S+ has not\."),
        ("blocks.0.hook_nothing", 24, r"^odd reads blocks\.0\.hook_nothing, which \S+ has not\. Open a dictionary"),
    ],
)
def test_a_dictionary_of_another_model_is_a_sentence(
    llama: Pair, hook: str, width: int, sentence: str, tmp_path: Path
) -> None:
    random_sae(tmp_path / "odd", hook, width)
    (facts,) = llama.engine.compute(OpenDictionary(str(tmp_path / "odd")))
    for _ in range(2):  # it is not remembered as one that fits
        with pytest.raises(InterpvizError, match=sentence):
            run(llama, "odd/3:add:2", dictionaries=(facts,))


def test_a_dictionary_that_changed_on_disk_is_a_sentence(
    llama: Pair, sae: tuple[Any, FloatSAE], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama.engine.loaded(llama.facts), "_dictionaries", {})  # what is open stays open
    random_sae(tmp_path / "sae", STREAM, 24, bias=1.0)
    with pytest.raises(InterpvizError, match=r"^sae has changed on disk since it was opened\. Open it again\.$"):
        run(llama, "sae/3:add:2", dictionaries=(sae[0],))


def test_a_dictionary_is_called_as_the_one_who_asks_calls_it(llama: Pair, sae: tuple[Any, FloatSAE]) -> None:
    loaded, other = llama.engine.loaded(llama.facts), replace(sae[0], name="other")
    assert [loaded.sae(facts).facts.name for facts in (sae[0], other)] == ["sae", "other"]


# The reference.


@pytest.mark.parametrize(
    ("change", "hook", "source"),
    [
        ({}, Z, "small"),
        ({}, STREAM, "small"),
        ({}, "blocks.0.attn.hook_z", "letters.txt"),  # not recorded
        ({"model_sha256": "b" * 64}, Z, "letters.txt"),
        ({"numerics": "folded"}, Z, "letters.txt"),
        (None, Z, "letters.txt"),
    ],
)
def test_the_reference_is_the_cache_if_it_fits_and_has_the_hook_else_the_text(
    llama: Pair, cache: CacheFacts, letters: Path, change: dict[str, Any] | None, hook: str, source: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    loaded = llama.engine.loaded(llama.facts)
    monkeypatch.setattr(loaded, "_text", None)  # what another test has read
    recorded = llama.engine.cache(cache)
    given = None if change is None else Cache(replace(cache, **change), recorded.job, recorded._shards)
    for draw in ("mean", "sample"):
        supplies = loaded.supplies(Sources(), Prompt(TEXT), given)
        supplies.mean(hook) if draw == "mean" else supplies.sample(hook, 0)
        assert supplies.used is not None
        assert supplies.used.facts.source == source


def test_resample_draws_documents_of_the_cache_and_begins_again_where_one_ends(
    llama: Pair, cache: CacheFacts, rows: dict[str, F4]
) -> None:
    for edit, hook, part in (("L1H2:resample", Z, 2), ("L1R:resample", STREAM, slice(None))):
        result = run(llama, edit, reference=cache, seed=3)
        assert result.draws is not None
        assert len(result.draws) == 8
        for draw, logits in enumerate(result.draws):
            document = np.random.default_rng(3).permutation(3)[draw % 3]
            begin, length = sum(DOCUMENTS[:document]), DOCUMENTS[document]
            places = [at if at < length else 1 + (at - 1) % (length - 1) for at in range(LENGTH)]
            put = torch.from_numpy(rows[hook][begin:][places])
            assert logits == pytest.approx(with_rows(llama, hook, put, part), abs=2e-4)
        assert (result.reference.source, result.reference.tokens) == ("small", sum(DOCUMENTS))
        assert result.reference.sha256 == cache.sha256
        assert result.logits == pytest.approx(result.draws.mean(0), abs=1e-5)


def test_mean_over_the_cache_keeps_position_0_apart(llama: Pair, cache: CacheFacts, rows: dict[str, F4]) -> None:
    first = positions() == 0
    for edit, hook, part in (("L1H2:mean", Z, 2), ("L1H:mean", Z, slice(None)), ("L1R:mean", STREAM, slice(None))):
        means = [rows[hook][chosen].mean(0) for chosen in (first, ~first)]
        put = torch.from_numpy(np.stack([means[min(at, 1)] for at in range(LENGTH)]))
        ours = run(llama, edit, reference=cache).logits
        assert ours == pytest.approx(with_rows(llama, hook, put, part), abs=2e-4)


@pytest.mark.parametrize("block", [4, 5, 4096])
def test_the_mean_of_a_feature_over_the_cache_is_that_of_its_encoded_rows(
    llama: Pair, cache: CacheFacts, rows: dict[str, F4], sae: tuple[Any, FloatSAE], block: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(reference, "_BLOCK", block)
    monkeypatch.setattr(llama.engine.loaded(llama.facts), "_caches", {})
    codes = torch.stack([sae[1].encode(torch.from_numpy(row)) for row in rows[STREAM]])
    first = torch.from_numpy(positions() == 0)
    means = [codes[chosen].mean(0) for chosen in (first, ~first)]
    found = CacheReference(llama.engine.cache(cache)).feature_mean(STREAM, sae[1].encode)
    torch.testing.assert_close((found.first, found.rest), (means[0], means[1]))

    stream = Plain(llama.model.bridge, [], [], {}).seen(llama.ids(TEXT), STREAM)
    had = torch.stack([sae[1].encode(x) for x in stream])[:, 3]
    wanted = torch.stack([means[min(at, 1)][3] for at in range(LENGTH)])
    put = stream + ((wanted - had)[:, None] * sae[1].decoder[3]).float()
    result = run(llama, "sae/3:mean", reference=cache, dictionaries=(sae[0],))
    assert result.logits == pytest.approx(with_rows(llama, STREAM, put), abs=2e-4)
    assert result.reference.source == "small"


def test_the_mean_of_a_feature_is_over_the_first_rows_of_a_large_cache(
    llama: Pair, cache: CacheFacts, rows: dict[str, F4], sae: tuple[Any, FloatSAE], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "_ENCODED_ROWS", 11)
    found = CacheReference(llama.engine.cache(cache)).feature_mean(STREAM, lambda x: x[:, 0])
    kept = rows[STREAM][:11, 0]
    assert float(found.first) == pytest.approx(kept[[0, 9]].mean())
    assert float(found.rest) == pytest.approx(np.delete(kept, [0, 9]).mean())


def job_of(pair: Pair) -> Job:
    return Job(
        model=pair.facts.name,
        model_sha256=pair.facts.sha256,
        tokenizer_sha256="b" * 64,
        numerics="huggingface",
        sites=(Z, STREAM),
        dtype="float16",
        context=9,
        tokens=sum(DOCUMENTS),
        texts=("c" * 64,),
        created="2026-01-01T00:00:00Z",
    )
