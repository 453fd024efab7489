from __future__ import annotations

import pytest

from interpviz.core.errors import InterpvizError
from interpviz.core.path_patching import check_paths, parse_paths
from interpviz.core.sites import Site
from tests.core.test_document import TINY

SENDER, QUERY, MLP = Site(0, "head", 2), Site(1, "query", 0), Site(1, "mlp_out")


def test_paths_are_chains_of_sites_from_one_sender() -> None:
    assert parse_paths("L0H2 > L1Q0 > logits, L0H2>L1M>logits,") == ((SENDER, QUERY), (SENDER, MLP))
    assert parse_paths("L0M > logits") == ((Site(0, "mlp_out"),),)


def test_a_path_said_twice_is_one() -> None:
    assert parse_paths("L0H2 > logits, L0H2 > logits") == ((SENDER,),)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "There is no path"),
        (" , ", "There is no path"),
        ("L0H2 > L1M", "does not end at the logits"),
        ("logits", "does not end at the logits"),
        ("L0H2 > > logits", "names no part of a model"),
        ("L0R > logits", "L0R cannot send"),
        ("L0H2 > L1R > logits", "L1R cannot receive"),
        ("L0H2 > logits, L0H1 > logits", "start at L0H2 and at others"),
    ],
)
def test_a_text_that_means_no_path_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InterpvizError, match=complaint):
        parse_paths(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("L1H2 > L0M > logits", "L1H2 is not computed before L0M"),
        ("L0H2 > L0H1 > logits", "L0H2 is not computed before L0H1"),
        ("L0M > L0H1 > logits", "L0M is not computed before L0H1"),
        ("L0H2 > L2M > logits", "has no L2M"),
        ("L0H2 > L1K1 > logits", "key-value heads 0 to 0"),
    ],
)
def test_a_path_that_the_model_has_not_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InterpvizError, match=complaint):
        check_paths(parse_paths(text), TINY)


def test_a_head_may_go_on_to_the_mlp_of_its_layer() -> None:
    check_paths(parse_paths("L0H2 > L0M > L1V0 > logits"), TINY)
    assert parse_paths("L0H2 > L0M > L1V0 > logits") == ((SENDER, Site(0, "mlp_out"), Site(1, "value", 0)),)
