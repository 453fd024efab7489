"""The memo: bounded by bytes, oldest out first."""

from __future__ import annotations

import numpy as np

from interpviz.control.memo import Memo
from interpviz.core.jobs import OpenModel


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
