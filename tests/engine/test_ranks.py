"""Several processes that train together: they agree with one, and none outlives the others or reaches far."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from interpviz.core.errors import InterpvizError
from interpviz.engine.ranks import ALONE, RankLost, together
from tests.engine.training.ranked import meet, trained

HERE = "tests.engine.training.ranked"


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """The other ranks find the tests where this process does."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_one_alone_is_itself_and_changes_nothing():
    with together(1, f"{HERE}:vanished", {}) as ranks:
        assert ranks is ALONE
        batch = torch.arange(6.0)
        assert torch.equal(ranks.slice(batch), batch)
        assert torch.equal(ranks.sum(batch), batch)
        assert torch.equal(ranks.gather(batch), batch)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["topk", "batchtopk", "jumprelu"])
def test_two_ranks_train_what_one_does(kind):
    alone, one = trained(ALONE, kind)
    with together(2, f"{HERE}:trained", {"kind": kind}) as ranks:
        both, two = trained(ranks, kind)
    assert both == pytest.approx(alone, rel=1e-5)
    for name, weight in one.state_dict().items():
        torch.testing.assert_close(two.state_dict()[name], weight, rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.slow
def test_the_sentence_of_another_rank_is_said():
    with (
        pytest.raises(InterpvizError, match="The cache is gone. Look for it."),
        together(2, f"{HERE}:refused", {}) as ranks,
    ):
        meet(ranks)


@pytest.mark.slow
def test_a_rank_that_ends_without_a_word_is_missed():
    with pytest.raises(RankLost, match="Do the same again to go on"), together(2, f"{HERE}:vanished", {}) as ranks:
        meet(ranks)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says in a file whose children there are")
def test_the_others_end_with_the_block_and_leave_this_process_as_it_was():
    threads, variables, before = torch.get_num_threads(), dict(os.environ), children()
    with together(2, f"{HERE}:waiting", {}) as ranks:
        meet(ranks)
        assert len(children() - before) == 1
    assert children() <= before
    assert (torch.get_num_threads(), dict(os.environ)) == (threads, variables)
    assert not torch.distributed.is_initialized()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says in a file what listens")
def test_nothing_listens_but_on_the_loopback_interface():
    before = listening()
    with together(2, f"{HERE}:waiting", {}) as ranks:
        meet(ranks)
        added = listening() - before
    assert added
    assert {address for address, _ in added} <= {"0100007F", "00000000000000000000000001000000"}


def children() -> set[str]:
    """The processes that this one has started, and that are not yet done with."""
    return {child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()}


def listening() -> set[tuple[str, str]]:
    """Address and port, in hexadecimal, of every TCP socket of this machine that listens."""
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {(line[1].rpartition(":")[0], line[1].rpartition(":")[2]) for line in lines if line[3] == "0A"}
