"""Where memory runs out, work goes on in smaller pieces, and what is found is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from interpviz.core.document import Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.requests import PatchingRequest, Request, RunRequest, SweepRequest
from interpviz.engine.lens import Model
from interpviz.engine.memory import exhausted, in_batches
from tests.engine.pairs import Pair

CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory")
WINDOWS = RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes.")
CUBLAS = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
EVERY: tuple[Exception, ...] = (MemoryError(), CUDA, CPU, WINDOWS, CUBLAS)


class Room:
    """Work that needs as much room as it has things; `tried` are the batches that were asked of it."""

    def __init__(self, most: int, problem: Exception = CUDA) -> None:
        self._most, self._problem = most, problem
        self.tried: list[tuple[int, int]] = []

    def work(self, start: int, stop: int) -> list[int]:
        self.tried.append((start, stop))
        assert len(self.tried) < 1000, "it should have given up"
        if stop - start > self._most:
            raise self._problem
        return list(range(start, stop))


@pytest.mark.parametrize("problem", EVERY)
def test_a_batch_that_does_not_fit_is_halved_and_the_rest_goes_on_like_that(problem: Exception) -> None:
    room = Room(3, problem)
    assert list(in_batches(7, 5, room.work)) == [(0, 2, [0, 1]), (2, 4, [2, 3]), (4, 6, [4, 5]), (6, 7, [6])]
    assert room.tried == [(0, 5), (0, 2), (2, 4), (4, 6), (6, 7)]


@pytest.mark.parametrize("most", [1, 2, 3, 7, 16, 40])
@pytest.mark.parametrize("size", [1, 2, 5, 16, 100])
def test_everything_is_given_once_and_in_order_whatever_fits(most: int, size: int) -> None:
    found = list(in_batches(40, size, Room(most).work))
    assert [number for _, _, part in found for number in part] == list(range(40))
    assert [(part[0], part[-1] + 1) for _, _, part in found] == [(start, stop) for start, stop, _ in found]
    assert max(stop - start for start, stop, _ in found) <= min(size, most)


def test_memory_that_runs_out_half_way_is_halved_from_there() -> None:
    room = Room(8)

    def shrinking(start: int, stop: int) -> list[int]:
        room._most = 8 if start < 8 else 2
        return room.work(start, stop)

    assert [(start, stop) for start, stop, _ in in_batches(13, 8, shrinking)] == [(0, 8), (8, 10), (10, 12), (12, 13)]


def test_nothing_to_do_asks_for_nothing() -> None:
    room = Room(0)
    assert list(in_batches(0, 5, room.work)) == []
    assert room.tried == []


@pytest.mark.parametrize("total", [1, 6])
@pytest.mark.parametrize("problem", EVERY)
def test_where_not_even_one_fits_it_is_raised(total: int, problem: Exception) -> None:
    room = Room(0, problem)
    with pytest.raises(type(problem)) as raised:
        list(in_batches(total, 4, room.work))
    assert raised.value is problem
    assert room.tried[-1] == (0, 1)


@pytest.mark.parametrize("problem", [RuntimeError("shapes do not match"), ValueError("out of memory"), KeyError("a")])
def test_another_fault_is_raised_at_once(problem: Exception) -> None:
    room = Room(0, problem)
    with pytest.raises(type(problem)):
        list(in_batches(6, 4, room.work))
    assert room.tried == [(0, 4)]


@pytest.mark.parametrize("problem", EVERY)
def test_every_library_s_way_to_say_it_is_known(problem: Exception) -> None:
    assert exhausted(problem)
    assert not exhausted(RuntimeError("expected a tensor of 3 rows"))


class Rows:
    """Lets no run of a model have more than so many rows, and remembers how many each run had."""

    def __init__(self, most: int) -> None:
        self.most, self.seen = most, list[int]()
        self._forward: Callable[..., Tensor] = Model.forward

    def forward(self, model: Model, *given: Any, **named: Any) -> Tensor:
        found = self._forward(model, *given, **named)
        self.seen.append(len(found))
        if len(found) > self.most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return found


@pytest.fixture(params=["fast", "slow"])
def road(llama: Pair, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "slow":
        monkeypatch.setattr(llama.model, "blocks", None)


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize(("kind", "mode"), [("neuron", "zero"), ("head", "resample")])
def test_a_sweep_that_runs_out_of_memory_finds_the_same_effects(
    llama: Pair, kind: Any, mode: Any, letters: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = SweepRequest(llama.facts, Prompt("c e g c i"), "d", "f", 1, mode, kind)
    whole = llama.engine.compute(asked)
    rows = Rows(11)
    monkeypatch.setattr(Model, "forward", lambda model, *given, **named: rows.forward(model, *given, **named))
    halved = llama.engine.compute(asked)
    assert max(rows.seen) > 11, "some batch should have been too large"
    assert max(seen for seen in rows.seen if seen <= 11) > 4, "no batch should be smaller than it must"
    assert halved.sites == whole.sites
    assert halved.values == pytest.approx(whole.values, abs=1e-4)
    assert halved.spread == (None if whole.spread is None else pytest.approx(whole.spread, abs=1e-4))


@pytest.mark.usefixtures("road")
def test_a_row_of_the_patching_grid_that_runs_out_of_memory_is_the_same(
    llama: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = PatchingRequest(llama.facts, Prompt("c e g c i"), Prompt("c b g c i"), "d", "f", "resid", 1)
    whole = llama.engine.compute(asked)
    rows = Rows(2)
    monkeypatch.setattr(Model, "forward", lambda model, *given, **named: rows.forward(model, *given, **named))
    assert llama.engine.compute(asked).values == pytest.approx(whole.values, abs=1e-4)
    assert max(rows.seen) == 6


@pytest.mark.parametrize("kind", ["sweep", "patching"])
def test_where_a_single_row_does_not_fit_a_sentence_says_so_and_the_next_answer_is_right(
    llama: Pair, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt, contrast = Prompt("c e g c i"), Prompt("c b g c i")
    swept = SweepRequest(llama.facts, prompt, "d", "f", 1)
    patched = PatchingRequest(llama.facts, prompt, contrast, "d", "f", "resid", 1)
    asked: Request = swept if kind == "sweep" else patched
    for one in (prompt, contrast):
        llama.engine.compute(RunRequest(llama.facts, one))  # the clean runs are there, and fit
    whole, rows = llama.engine.compute(asked).values, Rows(0)
    with monkeypatch.context() as patch:
        patch.setattr(Model, "forward", lambda model, *given, **named: rows.forward(model, *given, **named))
        with pytest.raises(InterpvizError, match=r"^There is not enough memory for this\. Shorten the prompt"):
            llama.engine.compute(asked)
    assert rows.seen[-1] == 1
    assert llama.engine.compute(asked).values.tolist() == whole.tolist()
