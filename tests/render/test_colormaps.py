from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.render.colormaps import BAD, categories, colour, levels, ramp, signed, table


def lightness(rgba):
    """Relative luminance, WCAG 2."""
    linear = np.asarray(rgba)[..., :3] / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    light, dark = np.maximum(lightness(one), lightness(other)), np.minimum(lightness(one), lightness(other))
    return (light + 0.05) / (dark + 0.05)


def test_viridis_runs_from_its_purple_to_its_yellow():
    assert table("viridis")[0].tolist() == [68, 1, 84, 255]
    assert table("viridis")[254].tolist() == [253, 231, 37, 255]


@pytest.mark.parametrize("name", ["viridis", "cividis", "batlow"])
def test_sequential_colours_grow_lighter_all_the_way(name):
    steps = np.diff(lightness(table(name)[:255])[::8])
    assert (steps > 0).all()


@pytest.mark.parametrize("name", ["PRGn", "vik"])
def test_diverging_colours_are_lightest_in_the_middle(name):
    light = lightness(table(name)[:255])
    assert light[127] > 0.7
    assert light[[20, 234]].max() < 0.3


@pytest.mark.parametrize("name", ["viridis", "cividis", "batlow", "PRGn", "vik"])
def test_a_missing_value_has_a_colour_that_no_value_has(name):
    far = np.abs(table(name)[:255].astype(int) - table(name)[BAD]).max(axis=1)
    assert far.min() > 60


def test_tables_cannot_be_changed_by_who_uses_them():
    with pytest.raises(ValueError, match="read-only"):
        table("viridis")[0] = 0


@pytest.mark.parametrize(("dark", "ground"), [(False, "#ffffff"), (True, "#16181d")])
def test_every_category_is_seen_on_its_background(dark, ground):
    assert contrast(categories(dark=dark)[:12], colour(ground)).min() > 2.0


def test_categories_differ_and_come_round_again():
    colours = categories()
    assert len(np.unique(colours[:12], axis=0)) == 12
    assert np.array_equal(colours[:12], colours[12:24])
    assert np.array_equal(categories(5)[5], colours[0])


# Severe colour blindness of three kinds, on linear RGB. Source: Machado, Oliveira, Fernandes 2009.
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("kind", BLIND)
def test_the_first_six_categories_stay_apart_for_the_colour_blind(kind):
    seen = np.clip((categories()[:6, :3] / 255) ** 2.2 @ np.array(BLIND[kind]).T, 0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert apart[~np.eye(6, dtype=bool)].min() > 0.1


@pytest.mark.parametrize(("dark", "ground"), [(False, "#ffffff"), (True, "#16181d")])
def test_a_ramp_never_sinks_into_its_background(dark, ground):
    assert contrast(ramp("viridis", dark), colour(ground)).min() > 1.5


def test_levels_cut_the_limits_into_255_and_name_what_is_missing():
    values = [-9.0, 0.0, 1 / 255 + 1e-4, 0.5, 1.0, 9.0, np.nan, np.inf, -np.inf]
    assert levels(values, (0, 1)).tolist() == [0, 0, 1, 127, 254, 254, BAD, BAD, BAD]


def test_levels_of_limits_without_width_are_the_lowest():
    assert levels([1.0, 2.0], (1, 1)).tolist() == [0, 0]


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=40), st.floats(-100, 100), st.floats(0.01, 100))
def test_a_larger_value_never_has_a_lower_level(values, low, width):
    found = levels(sorted(values), (low, low + width))
    assert (np.diff(found.astype(int)) >= 0).all()


def test_signed_weights_are_green_or_purple_and_fainter_when_smaller():
    green, purple, small = signed([1.0, -1.0, 0.01], 1.0, dark=False)
    assert green[1] > max(green[0], green[2])
    assert purple[1] < min(purple[0], purple[2])
    assert small[3] < green[3] == purple[3]
