from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interpviz.core.logits import divergence, log_softmax, metric
from interpviz.core.results import RunResult, Target, Tokens

TOKENS = Tokens(np.zeros(1, np.int32), ("a",))
ROW = arrays(np.float32, 5, elements=st.floats(-50, 50, width=32))


def kl(clean: np.ndarray, edited: np.ndarray) -> float:
    left, right = (RunResult(TOKENS, logits, None, None, 0.0) for logits in (clean, edited))
    return divergence(left, right).value


def test_probabilities_follow_from_odds() -> None:
    logits = np.log(np.array([1, 3, 4], np.float32))
    assert np.exp(log_softmax(logits)) == pytest.approx([1 / 8, 3 / 8, 4 / 8], rel=1e-6)


def test_large_logits_do_not_overflow() -> None:
    assert np.exp(log_softmax(np.array([3e38, 3e38], np.float32))) == pytest.approx([0.5, 0.5])


def test_kl_of_two_coins_is_the_sum_worked_out_by_hand() -> None:
    clean, edited = np.log(np.array([[0.5, 0.5], [0.9, 0.1]], np.float32))
    assert kl(clean, edited) == pytest.approx(0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1), rel=1e-6)


@given(ROW, ROW, st.floats(-20, 20, width=32))
def test_kl_is_never_negative_and_blind_to_a_shift(clean: np.ndarray, edited: np.ndarray, shift: float) -> None:
    assert kl(clean, edited) >= 0
    assert kl(clean, clean + np.float32(shift)) == pytest.approx(0, abs=1e-5)


def test_kl_of_what_is_no_number_is_no_number() -> None:
    assert math.isnan(kl(np.array([1, 2], np.float32), np.array([np.nan, 2], np.float32)))


def test_the_metric_is_the_logit_difference_or_the_log_probability() -> None:
    logits = np.array([1.0, 3.0, -2.0], np.float32)
    assert metric(logits, Target(1, 2)) == 5
    assert metric(logits, Target(1, None)) == pytest.approx(3 - math.log(math.e + math.e**3 + math.e**-2), rel=1e-6)
