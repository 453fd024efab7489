from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import MODES, Intervention
from interpviz.core.sites import Site
from tests.core.test_sites import SITES

START = st.integers(0, 5_000)
POSITIONS = (
    st.none()
    | st.integers(-5_000, 5_000).map(lambda at: (at,))
    | st.builds(lambda first, count: tuple(range(first, first + count)), START, st.integers(2, 20))
    | st.sets(st.integers(-9, 9), min_size=1).map(lambda places: tuple(sorted(places)))
)
VALUES = st.floats(allow_nan=False, allow_infinity=False, width=32)
MAYBE = st.builds(
    lambda *parts: parts,
    SITES,
    st.sampled_from(MODES),
    st.none() | VALUES,
    st.sampled_from(["", "refusal.npy", "sae/3", "a:b.npy"]),
    POSITIONS,
)


def meant(parts: tuple[Any, ...]) -> Intervention | None:
    """The edit of these parts, where they do not contradict each other."""
    try:
        return Intervention(*parts)
    except InterpvizError:
        return None


INTERVENTIONS = MAYBE.map(meant).filter(bool)


@pytest.mark.parametrize(
    ("text", "mode", "positions"),
    [
        ("L1H4", "zero", None),
        ("L1H4:zero", "zero", None),
        ("L1H4:mean", "mean", None),
        ("L1H4@3", "zero", (3,)),
        ("L1H4@-1", "zero", (-1,)),
        ("L1H4:mean@2-5", "mean", (2, 3, 4, 5)),
        ("L1H4@7-7", "zero", (7,)),
        ("L1H4@7,2-3,-1", "zero", (-1, 2, 3, 7)),
    ],
)
def test_an_ablation_says_site_mode_and_positions(text: str, mode: str, positions: tuple[int, ...] | None) -> None:
    edit = Intervention.parse(text)
    assert (edit.site, edit.mode, edit.positions) == (Site(1, "head", 4), mode, positions)


def test_a_residual_entering_a_layer_can_be_cut_at_positions() -> None:
    assert Intervention.parse("L0R-@2-3") == Intervention(Site(0, "resid_pre"), positions=(2, 3))


@given(INTERVENTIONS)
def test_every_intervention_is_printed_and_read_back(edit: Intervention) -> None:
    assert Intervention.parse(str(edit)) == edit


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is no intervention"),
        ("L1H4:", "'' in 'L1H4:' is no mode"),
        ("L1H4:half", "'half' in 'L1H4:half' is no mode"),
        ("L1H4@", "is no intervention"),
        ("L1H4@x", "is no intervention"),
        ("L1H4@5-2", "run backwards"),
        ("L1H4@-3-5", "run backwards"),
        ("L1H4@0-999999999", "over a million positions"),
        ("L1H4@" + "9" * 5000, "is no intervention"),
        ("L" + "9" * 5000 + "H0", "names no part of a model"),
        ("L1H4:scale:1e300", "more than a model's numbers hold"),
        ("L1R:add:1:" + "a" * 5000, "name is too long"),
        ("Q9:zero", "names no part of a model"),
        ("L1H4:zero@3@4", "is no intervention"),
        ("L1H4:scale", "scale needs a value"),
        ("L1H4:scale:", "'' in 'L1H4:scale:' is no number"),
        ("L1H4:zero:", "'' in 'L1H4:zero:' is no number"),
        ("L1H4:mean:@2", "'' in 'L1H4:mean:@2' is no number"),
        ("L1R:add::refusal.npy", "'' in 'L1R:add::refusal.npy' is no number"),
        ("L1R:add:4:", "is no intervention"),
        ("L1H4:scale:much", "'much' in 'L1H4:scale:much' is no number"),
        ("L1H4:scale:nan", "nan is no strength"),
        ("L1N3:clamp:inf", "inf is no strength"),
        ("L1H4:zero:2", "zero takes no value"),
        ("L1H4:clamp:2", "clamp sets a neuron, a feature or an attention edge, and L1H4 is none"),
        ("L1R:add:2", "add needs a direction"),
        ("L1N3:add:2:refusal.npy", "takes no direction"),
        ("L1H4:scale:2:refusal.npy", "takes no direction"),
        ("L1H4[7<3]:mean", "has no meaning for one attention edge"),
        ("L1H4[7<3]@2", "already says from where to where"),
    ],
)
def test_an_ablation_that_means_nothing_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InterpvizError, match=complaint):
        Intervention.parse(text)


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("L1H4:scale:0.5@2", Intervention(Site(1, "head", 4), "scale", 0.5, positions=(2,))),
        ("L1N37:clamp:-3", Intervention(Site(1, "neuron", 37), "clamp", -3.0)),
        ("sae/7:add:1e-05", Intervention(Site(-1, "feature", 7, dictionary="sae"), "add", 1e-5)),
        ("L1R:add:4:d/refusal.npy@-1", Intervention(Site(1, "resid_post"), "add", 4.0, "d/refusal.npy", (-1,))),
        ("L1R:add:4:sae/12", Intervention(Site(1, "resid_post"), "add", 4.0, "sae/12")),
        ("L1H4[7<3]:scale:2", Intervention(Site(1, "edge", 4, 7, 3), "scale", 2.0)),
        ("L2M:patch@1", Intervention(Site(2, "mlp_out"), "patch", positions=(1,))),
        ("L1Q4:resample", Intervention(Site(1, "query", 4), "resample")),
    ],
)
def test_an_edit_has_a_mode_with_its_value_and_direction(text: str, edit: Intervention) -> None:
    assert Intervention.parse(text) == edit
    assert str(edit) == text


@given(st.text(alphabet="L0123456789HAMRENQ-,:@[<]zeromeanscl. ", max_size=24))
def test_any_text_is_an_intervention_or_a_sentence(text: str) -> None:
    try:
        edit = Intervention.parse(text)
    except InterpvizError as sentence:
        assert str(sentence).endswith(".")
    else:
        assert Intervention.parse(str(edit)) == edit
