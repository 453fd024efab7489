"""The memo: bounded by bytes, oldest out first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from interpviz.control.memo import Memo
from interpviz.control.plan import plan
from interpviz.core import commands
from interpviz.core.jobs import OpenModel
from tests.control.desks import DOCUMENT, Bench, Engine


def test_the_least_recently_used_answer_goes_first():
    memo = Memo(limit=2000)
    a, b, c = (OpenModel(name) for name in "abc")
    memo.put(a, np.zeros(100))
    memo.put(b, np.zeros(100))
    assert memo.get(a) is not None
    memo.put(c, np.zeros(100))
    assert (a in memo, b in memo, c in memo) == (True, False, True)
    assert memo.held == 1600


def test_an_answer_larger_than_the_limit_is_kept_alone():
    memo = Memo(limit=10)
    memo.put(OpenModel("a"), np.zeros(1))
    memo.put(OpenModel("b"), np.zeros(100))
    assert (OpenModel("a") in memo, OpenModel("b") in memo, memo.held) == (False, True, 800)


def test_an_answer_given_twice_is_counted_once():
    memo = Memo()
    memo.put(OpenModel("a"), np.zeros(4))
    memo.put(OpenModel("a"), np.zeros(2))
    assert memo.held == 16


def test_what_is_needed_stays_and_what_was_needed_may_go():
    memo = Memo(limit=1000)
    a, b, c = (OpenModel(name) for name in "abc")
    memo.needed = frozenset({a, b})
    for request in (a, b, c):
        memo.put(request, np.zeros(100))
    assert (a in memo, b in memo, c in memo) == (True, True, True)
    memo.needed = frozenset({a})
    memo.put(c, np.zeros(100))
    assert (a in memo, b in memo, c in memo, memo.held) == (True, False, True, 1600)


def test_a_window_with_little_memory_still_shows_all_that_its_document_asks_for():
    memo = Memo(limit=20)
    shown = replace(DOCUMENT, panels=frozenset({"outputs", "components", "maps"}))
    with Bench(Engine(), shown, memo) as bench:
        bench.desk.refresh()
        bench.pump.until(lambda: bench.desk.settled)
        asked = plan(shown)
        assert len(asked) > 6
        bench.store.apply(commands.set_prompt, "c")
        bench.pump.until(lambda: bench.desk.settled)
        assert sum(request in memo for request in asked) < len(asked)
        bench.store.undo()
        bench.pump.until(lambda: bench.desk.settled)
        assert all(request in memo for request in asked)
