"""Which head the maps show for what is selected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interpviz.control.maps import shown_head
from interpviz.control.plan import pattern_request
from interpviz.core import commands
from interpviz.core.document import Selection
from interpviz.core.sites import Site
from tests.control.desks import DOCUMENT


@pytest.mark.parametrize(
    ("selected", "head"),
    [
        (("L1H2",), "L1H2"),
        (("L1M", "L0H1"), "L0H1"),
        (("L1Q2",), "L1H2"),
        (("L1H2[1<0]",), "L1H2"),
        (("L1K0",), "L1H0"),
        (("L1M",), "L1H0"),
        (("sae/3",), "L0H0"),
        ((), "L0H0"),
    ],
)
def test_the_head_that_the_selection_means_is_shown_in_its_layer(selected: tuple[str, ...], head: str) -> None:
    document = replace(DOCUMENT, selection=Selection(tuple(map(Site.parse, selected))))
    assert str(shown_head(document)) == head
    request = pattern_request(document)
    assert request is not None
    assert request.layer == Site.parse(head).layer


def test_selecting_a_head_in_the_grid_shows_it() -> None:
    assert shown_head(commands.select(DOCUMENT, [Site(1, "head", 2)])) == Site(1, "head", 2)
