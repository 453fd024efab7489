from __future__ import annotations

import numpy as np
import pytest

from interpviz.core.results import NODE_KINDS, CacheTokens, CircuitGraph, PathEffects, Tokens, nbytes
from interpviz.core.sites import Site


def circuit(weights: list[float], total: float) -> CircuitGraph:
    """Embedding, head 1 of layer 0, the MLP of layer 0 and the logits, at position 2."""
    names = ("embed", "head", "mlp", "logits")
    kind = np.array([NODE_KINDS.index(name) for name in names], np.uint8)
    layer, pos, index = (np.array(values, np.int32) for values in ([0, 0, 0, 1], [2] * 4, [-1, 1, -1, -1]))
    edges = np.zeros((len(weights), 2), np.int32)
    weight = np.array(weights, np.float32)
    return CircuitGraph(kind, layer, pos, index, edges, weight, total, 10, "zero", ("a", "b", "c"))


def test_a_circuit_node_stands_for_its_component() -> None:
    graph = circuit([], 0.0)
    assert [graph.site(node) for node in range(4)] == [None, Site(0, "head", 1), Site(0, "mlp_out"), None]


@pytest.mark.parametrize(("threshold", "kept"), [(0.0, 0), (0.39, 0), (0.4, 1), (0.6, 1), (0.7, 2), (0.8, 3), (1.0, 3)])
def test_pruning_keeps_the_largest_edges_within_the_share(threshold: float, kept: int) -> None:
    assert circuit([4.0, -3.0, 1.0], total=10.0).kept(threshold) == kept


def test_a_token_knows_the_rows_of_its_context() -> None:
    position = np.array([0, 1, 2, 0, 1], np.int32)
    tokens = CacheTokens(np.arange(5, dtype=np.int32), np.array([0, 0, 0, 1, 1], np.int32), position, {})
    assert tokens.context(2) == range(3)
    assert tokens.context(3) == range(3, 4)
    assert tokens.context(4) == range(3, 5)


def test_the_indirect_effect_is_what_the_total_has_beyond_the_direct_one() -> None:
    effects = PathEffects(total=2.0, direct=-0.5, path=1.0, baseline=3.25, road="fast", seconds=0.0)
    assert effects.indirect == 2.5


def test_results_are_counted_in_the_bytes_of_their_arrays() -> None:
    ids = np.zeros(1000, np.int32)
    assert 4000 <= nbytes(Tokens(ids, ("a",) * 10)) < 6000
    assert nbytes(circuit([1.0] * 1000, 1.0)) >= 12_000
    assert nbytes(None) < 100
