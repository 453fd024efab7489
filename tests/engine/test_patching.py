"""Layer x position grids, beside the same patches made one at a time by plain hooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpviz.core.document import Prompt, Stream
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.requests import PatchingRequest
from interpviz.core.results import PatchingRow
from interpviz.engine import patching
from tests.engine.natives import attention_only
from tests.engine.pairs import Pair
from tests.engine.plain_hooks import Plain

TEXT, CONTRAST = "c e g c i", "c b g d i"


def row(pair: Pair, stream: Stream, layer: int, back: bool = False, **more: Any) -> PatchingRow:
    asked = {"prompt": Prompt(TEXT), "contrast": Prompt(CONTRAST)} | more
    request = PatchingRequest(pair.facts, asked["prompt"], asked["contrast"], "d", "f", stream, layer, back)
    found: PatchingRow = pair.engine.compute(request)
    return found


def metric(logits: torch.Tensor) -> float:
    return float(logits[-1, 4] - logits[-1, 6])


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("stream", ["resid", "attn", "mlp"])
@pytest.mark.parametrize("tokens", [1024, 12])
def test_each_cell_is_one_patched_run(
    random_pair: Pair, stream: Stream, back: bool, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patching, "_TOKENS", tokens)
    bridge, ids, other = random_pair.model.bridge, random_pair.ids(TEXT), random_pair.ids(CONTRAST)
    plain, name = Plain(bridge, [], other, {}), f"blocks.1.{patching.HOOKS[stream]}"
    ends = [metric(plain.logits(one, [])) for one in (ids, other)]
    given, base = (other, ids) if back else (ids, other)
    activation = plain.seen(given, name)
    expected = []
    for place in range(len(ids)):

        def patch(value: torch.Tensor, hook: object, place: int = place) -> torch.Tensor:
            new = value.clone()
            new[0, place] = activation[place]
            return new

        with torch.no_grad():
            patched = metric(bridge.run_with_hooks(torch.tensor([base]), fwd_hooks=[(name, patch)])[0])
        expected.append((patched - ends[1]) / (ends[0] - ends[1]))
    found = row(random_pair, stream, 1, back)
    assert found.values.tolist() == pytest.approx(expected, abs=1e-3)
    assert (found.prompt, found.contrast) == pytest.approx(tuple(ends), abs=1e-4)


def test_where_the_tokens_differ_the_embeddings_carry_the_whole_answer(llama: Pair) -> None:
    one = row(llama, "resid", 0, contrast=Prompt("c b g c i"))
    assert one.values.tolist() == pytest.approx([0, 0, 1, 0, 0, 0], abs=1e-4)
    assert row(llama, "resid", 0, True, contrast=Prompt("c b g c i")).values.tolist() == pytest.approx(
        [1, 1, 0, 1, 1, 1], abs=1e-4
    )


def test_a_row_is_handed_over_while_it_fills(llama: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patching, "_TOKENS", 12)
    seen: list[int] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if isinstance(partial, PatchingRow):
            seen.append(int(np.isfinite(partial.values).sum()))

    request = PatchingRequest(llama.facts, Prompt(TEXT), Prompt(CONTRAST), "d", "f", "resid", 1)
    llama.engine.compute(request, report)
    assert seen == [2, 4, 6]


def test_a_row_can_be_cancelled(llama: Pair) -> None:
    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if partial is not None:
            raise Cancelled

    with pytest.raises(Cancelled):
        llama.engine.compute(PatchingRequest(llama.facts, Prompt(TEXT), Prompt(CONTRAST), "d", "f", "mlp", 1), report)


@pytest.mark.parametrize(
    ("contrast", "complaint"),
    [("c b g", "The contrast prompt has 4 tokens and the prompt 6"), (TEXT, "answers prompt and contrast alike")],
)
def test_what_cannot_be_patched_is_a_sentence(llama: Pair, contrast: str, complaint: str) -> None:
    with pytest.raises(InterpvizError, match=complaint):
        row(llama, "resid", 0, contrast=Prompt(contrast))


def test_a_model_without_mlps_has_none_to_patch(tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match="gives no access to"):
        row(attention_only(tmp_path), "mlp", 0)


def test_the_slow_road_says_so_and_says_the_same(llama: Pair) -> None:
    fast = row(llama, "resid", 1)
    blocks, llama.model.blocks = llama.model.blocks, None
    try:
        slow = row(llama, "resid", 1)
    finally:
        llama.model.blocks = blocks
    assert (fast.road, slow.road) == ("fast", "slow")
    assert slow.values.tolist() == pytest.approx(fast.values.tolist(), abs=1e-4)
