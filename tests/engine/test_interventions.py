"""What an edit writes where, and the proof that it was made."""

from __future__ import annotations

import pytest
import torch

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.engine.interventions import Edits, RowEdit
from interpviz.engine.parts import per_head
from interpviz.engine.places import positions_of
from interpviz.engine.reference import MeanActivation
from tests.engine.pairs import Pair
from tests.engine.supplying import NoSupply


@pytest.mark.parametrize(
    ("text", "positions"), [("L0H0", [0, 1, 2, 3]), ("L0H0@-1", [3]), ("L0H0@1-2", [1, 2]), ("L0H0@0", [0])]
)
def test_positions_count_tokens_from_the_start_or_the_end(text: str, positions: list[int]) -> None:
    assert positions_of(Intervention.parse(text), length=4).tolist() == positions


def test_heads_that_come_flat_are_cut_in_the_memory_of_the_activation(llama: Pair) -> None:
    flat = torch.ones(1, 2, 24)
    per_head(flat, llama.facts)[:, 1, 2] = 0.0
    assert flat[0, 0].sum() == 24
    assert flat[0, 1].tolist() == [1.0] * 8 + [0.0] * 4 + [1.0] * 12


@pytest.mark.parametrize("shape", [(1, 2, 25), (1, 6, 2, 4), (2, 24)])
def test_a_shape_that_cannot_be_that_of_the_heads_is_refused(llama: Pair, shape: tuple[int, ...]) -> None:
    with pytest.raises(InterpvizError, match="cannot be told apart"):
        per_head(torch.ones(shape), llama.facts)


def test_the_mean_of_position_0_is_its_own() -> None:
    mean = MeanActivation(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
    assert mean.at(torch.tensor([2, 0])).tolist() == [[[3.0, 4.0]], [[1.0, 2.0]]]


def test_an_edit_of_one_row_leaves_the_others_and_the_given_activation_alone(llama: Pair) -> None:
    edits = _edits(llama, RowEdit(Intervention.parse("L0H1@1"), row=1))
    given = torch.ones(2, 3, 6, 4)
    (edited,) = (edit(given) for edit in edits.hooks.values())
    assert edited is not None
    assert (float(given.sum()), float(edited.sum())) == (144.0, 140.0)
    assert edited[1, 1, 1].tolist() == [0.0] * 4


def test_an_edit_whose_activation_never_comes_by_is_a_sentence(llama: Pair) -> None:
    edits = _edits(llama, RowEdit(Intervention.parse("L1M")))
    with pytest.raises(InterpvizError, match=r"does not use blocks\.1\.hook_mlp_out"):
        edits.prove()


def test_an_activation_without_a_place_for_each_token_is_refused(llama: Pair) -> None:
    (hook,) = _edits(llama, RowEdit(Intervention.parse("L1M"))).hooks.values()
    with pytest.raises(InterpvizError, match="has no place for each token"):
        hook(torch.ones(1, 5, 24))


def _edits(pair: Pair, *edits: RowEdit) -> Edits:
    return Edits(pair.model, edits, 3, NoSupply())


def test_an_edit_of_all_rows_stands_in_one_order_with_those_of_single_rows(llama: Pair) -> None:
    rows = [RowEdit(Intervention.parse("L0H1:scale:3"), row) for row in range(3)]
    edits = Edits(llama.model, [RowEdit(Intervention.parse("L0H1@0")), *rows], 3, NoSupply(), rows=3)
    edited = edits.hooks["blocks.0.attn.hook_z"](torch.ones(1, 3, 6, 4))
    assert edited is not None
    assert torch.equal(edited[0], edited[1])
    assert torch.equal(edited[1], edited[2])
