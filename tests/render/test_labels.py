from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from interpviz.render.labels import along, apart


def test_all_labels_of_an_axis_are_drawn_where_they_fit():
    assert along(np.linspace(0, 80, 5), np.full(5, 15.0), (0, 100)).tolist() == [0, 1, 2, 3, 4]


def test_crowded_labels_are_drawn_in_even_steps():
    assert along(np.linspace(0, 55, 12), np.full(12, 15.0), (0, 100)).tolist() == [0, 5, 10]


def test_labels_keep_their_steps_while_the_axis_is_dragged():
    positions = np.linspace(0, 55, 12)
    assert along(positions - 7, np.full(12, 15.0), (0, 100)).tolist() == [5, 10]


@given(st.lists(st.floats(1, 60), min_size=1, max_size=40), st.floats(0.5, 30))
def test_labels_of_an_axis_never_touch(extents, pitch):
    positions, lengths = np.arange(len(extents)) * pitch, np.array(extents)
    chosen = along(positions, lengths, (-1e9, 1e9))
    gaps = np.diff(positions[chosen]) - (lengths[chosen][1:] + lengths[chosen][:-1]) / 2
    assert len(chosen)
    assert (gaps >= 4.0 - 1e-9).all()


def test_the_more_important_of_two_overlapping_labels_is_drawn():
    anchors = np.array([[10.0, 10.0], [20.0, 12.0], [60.0, 10.0], [95.0, 10.0]])
    assert apart(anchors, np.full((4, 2), (30.0, 10.0)), (100, 50)).tolist() == [0, 2]


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_labels_in_a_picture_never_cover_one_another(seed):
    rng = np.random.default_rng(seed)
    anchors, sizes = rng.uniform(0, 100, (40, 2)), rng.uniform(5, 30, (40, 2))
    kept = apart(anchors, sizes, (120, 120), gap=0.0)
    for one, other in zip(*np.triu_indices(len(kept), 1), strict=True):
        a, b = kept[one], kept[other]
        overlap = np.minimum(anchors[a] + sizes[a], anchors[b] + sizes[b]) - np.maximum(anchors[a], anchors[b])
        assert overlap.min() <= 1e-9
