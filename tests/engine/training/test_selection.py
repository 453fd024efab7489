"""Which features are active: the quick ways find what the plain ones find."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpviz.engine.ranks import ALONE
from interpviz.engine.training import selection
from interpviz.engine.training.selection import above, strongest, strongest_of_batch, strongest_of_row


@given(
    rows=st.integers(1, 4), n=st.sampled_from([1, 7, 64, 96, 256, 1024]), k=st.integers(1, 70), seed=st.integers(0, 9)
)
@settings(deadline=None)
def test_the_strongest_are_those_of_topk(rows, n, k, seed):
    values = torch.randn(rows, n, generator=torch.Generator().manual_seed(seed)).round(decimals=1)  # with ties
    found, places = strongest(values, min(k, n))
    assert torch.equal(found.sort(descending=True).values, values.topk(min(k, n)).values)
    assert torch.equal(values.gather(1, places), found)
    assert all(len(set(row.tolist())) == min(k, n) for row in places)


def seen(rows=10, d=6, width=64):
    chance = torch.Generator().manual_seed(0)
    return tuple(torch.randn(shape, generator=chance) for shape in ((rows, d), (width, d), (width,)))


def entries(found):
    pattern, values = found
    return {(int(r), int(f)): float(v) for r, f, v in zip(pattern.row, pattern.feature, values, strict=True)}


def expected(kept, hidden):
    return {(int(r), int(f)): pytest.approx(float(hidden[r, f]), rel=1e-5) for r, f in kept.nonzero()}


@pytest.mark.parametrize("chunk", [1, 200, 1 << 20])
def test_rows_and_thresholds_find_the_same_in_chunks(chunk, monkeypatch):
    monkeypatch.setattr(selection, "CHUNK", chunk)
    x, encoder, bias = seen()
    hidden = x @ encoder.T + bias
    best = torch.zeros_like(hidden).scatter(1, hidden.topk(5).indices, 1.0) > 0
    assert entries(strongest_of_row(x, encoder, bias, 5)) == expected(best, hidden)
    assert entries(above(x, encoder, bias)) == expected(hidden > 0, hidden)
    threshold = bias.abs() - 0.5
    assert entries(above(x, encoder, bias, threshold)) == expected(hidden > threshold.clamp_min(0), hidden)


def test_a_batch_shares_its_features_out_among_rows():
    x, encoder, bias = seen()
    x[0] *= 10
    hidden = x @ encoder.T + bias
    found = strongest_of_batch(x, encoder, bias, 5, ALONE)
    assert entries(found) == expected(hidden >= hidden.flatten().topk(50).values.min(), hidden)
    assert found[0].row.bincount()[0] > 5
    places = found[0].row * 64 + found[0].feature
    assert torch.equal(places, places.sort().values)


def test_features_that_are_not_above_zero_are_left_out():
    x, encoder, bias = seen()
    for found in (strongest_of_row(x, encoder, bias - 100, 5), strongest_of_batch(x, encoder, bias - 100, 5, ALONE)):
        assert entries(found) == {}
