from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpviz.render.camera import Camera
from interpviz.render.layout import layout, node_radius
from tests.render.pictures import circuit, graph

EMBED, HEAD, MLP, LOGITS = range(4)


def test_two_tokens_and_one_layer_stand_where_they_belong():
    found = layout(
        graph([(EMBED, 0, 0, -1), (EMBED, 0, 1, -1), (HEAD, 0, 1, 0), (MLP, 0, 1, -1), (LOGITS, 0, 1, -1)], [])
    )
    assert found.xy[:, 0] == pytest.approx([0.25, 0.75, 0.75, 0.75, 0.75])
    assert found.xy[:, 1] == pytest.approx([0, 0, 0.5, 0.75, 1])
    assert found.columns == pytest.approx([0, 0.5, 1])
    assert found.rows == pytest.approx([0, 0.5, 1])


def test_heads_of_a_cell_stand_side_by_side_in_the_order_of_what_they_read():
    nodes = [(EMBED, 0, 0, -1), (EMBED, 0, 1, -1), (EMBED, 0, 2, -1), (HEAD, 0, 2, 0), (HEAD, 0, 2, 1), (HEAD, 0, 2, 2)]
    found = layout(graph(nodes, [(0, 5, 1.0), (1, 3, -1.0), (2, 4, 1.0)]))
    assert found.xy[5, 0] < found.xy[3, 0] < found.xy[4, 0]
    assert found.xy[3:, 1] == pytest.approx([0.5, 0.5, 0.5])


def test_without_edges_heads_stand_in_their_own_order():
    found = layout(graph([(HEAD, 0, 0, 2), (HEAD, 0, 0, 0), (HEAD, 0, 0, 1)], []))
    assert np.argsort(found.xy[:, 0]).tolist() == [1, 2, 0]


def test_a_token_with_more_heads_has_a_wider_column():
    found = layout(graph([(HEAD, 0, 0, 0), *((HEAD, 0, 1, head) for head in range(5))], []))
    first, second = np.diff(found.columns)
    assert second == pytest.approx(3 * first)


@given(st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_no_node_stands_on_another_and_each_stands_in_its_column(seed):
    scene = circuit(seed)
    found = layout(scene)
    apart = np.abs(found.xy[:, None] - found.xy[None])
    close = (apart[..., 0] < found.place[0] * 0.999) & (apart[..., 1] < found.place[1] * 0.999)
    assert not close[~np.eye(len(close), dtype=bool)].any()
    assert (found.xy[:, 0] > found.columns[scene.pos]).all()
    assert (found.xy[:, 0] < found.columns[scene.pos + 1]).all()


def test_a_layout_is_the_same_every_time():
    assert np.array_equal(layout(circuit()).xy, layout(circuit()).xy)


def test_sweeps_shorten_what_the_edges_run_across():
    scene = circuit(1)
    bare = layout(graph([*zip(scene.kind, scene.layer, scene.pos, scene.index, strict=True)], []))
    swept = layout(scene)

    def run(xy):
        return (np.abs(scene.weight) * np.abs(np.diff(xy[scene.edges, 0], axis=1)[:, 0])).sum()

    assert run(swept.xy) < run(bare.xy)


def test_nodes_have_room_for_their_radius():
    found = layout(circuit())
    assert node_radius(found, Camera(), (900, 600)) * 2 < min(found.place[0] * 900, found.place[1] * 600)
    assert node_radius(found, Camera(), (10, 10)) == 2.0
