from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from interpviz.control.patching import PatchingPicture
from interpviz.core.results import FeatureMap
from interpviz.render.colormaps import levels, table
from interpviz.ui.panels.heat import HeatMap
from interpviz.ui.panels.patching import PatchingPanel
from tests.ui.conftest import Show, hover, pixel
from tests.ui.fakes import Acts

TOKENS, OTHERS = ("<s>", " John", "\n", " to"), ("<s>", " Mary", "\n", " to")
VALUES = np.array([[0, 1, 0, 0], [0, 0.5, 0, 0.25], [0, 0, -0.5, 1]], np.float32)


def patching(values: Any = VALUES, **changes: Any) -> PatchingPicture:
    """Three layers, four tokens of which the second differs; the metrics are 3 and -1 nats."""
    columns = tuple(a if a == b else f"{a}/{b}" for a, b in zip(TOKENS, OTHERS, strict=True))
    shown = {
        "stream": "resid", "back": False, "mlps": True,
        "grid": FeatureMap(values, (0.0, 1.0), ("L0", "L1", "L2"), columns), "tokens": TOKENS,
        "contrast_tokens": OTHERS, "differing": frozenset({1}), "prompt": 3.0, "contrast": -1.0,
        "done": float(np.isfinite(values).mean()), "problem": "",
    }  # fmt: skip
    return PatchingPicture(**{**shown, **changes})


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> PatchingPanel:
    made = PatchingPanel(acts)
    on_screen(made, 560, 380)
    made.show(patching())
    return made


def half_filled() -> np.ndarray:
    values = VALUES.copy()
    values[0], values[1, :2] = np.nan, np.nan
    return values


@pytest.mark.parametrize("cell", [(row, column) for row in range(3) for column in range(4)])
def test_a_cell_has_the_colour_of_its_share_between_nothing_and_all(
    panel: PatchingPanel, cell: tuple[int, int]
) -> None:
    expected = table("viridis")[levels(VALUES[[cell[0]], cell[1]], (0, 1))[0], :3]
    assert pixel(panel.map, panel.map.cell_box(*cell)) == tuple(expected.tolist())


def test_layers_rise_from_the_bottom(panel: PatchingPanel) -> None:
    boxes = panel.map.cell_box
    assert boxes(0, 0).top() >= boxes(1, 0).bottom() - 1e-6
    assert [panel.map.cell_at(boxes(row, 3).center()) for row in range(3)] == [(0, 3), (1, 3), (2, 3)]


def test_the_cell_under_the_mouse_is_told_with_both_tokens_and_in_nats(panel: PatchingPanel) -> None:
    hover(panel.map, panel.map.cell_box(1, 1))
    assert panel.pointed.text() == "L1 at 1 '·John' / '·Mary': 0.500 back, +1.00 nats"
    hover(panel.map, panel.map.cell_box(2, 2))
    assert panel.pointed.text() == "L2 at 2 '⏎': −0.500 back, −3.00 nats"


def test_in_the_other_direction_the_share_is_what_is_left(panel: PatchingPanel) -> None:
    panel.show(patching(back=True))
    hover(panel.map, panel.map.cell_box(1, 3))
    assert panel.pointed.text() == "L1 at 3 '·to': 0.250 left, 0.00 nats"
    assert panel.purpose.text().startswith("The contrast's activation")
    assert panel.way.button("into prompt").isChecked()


def test_arrow_keys_go_up_with_the_layers(panel: PatchingPanel) -> None:
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right):
        QTest.keyClick(panel.map, key)
    assert panel.pointed.text().startswith("L1 at 1 '·John' / '·Mary'")


def test_both_metrics_stand_beneath(panel: PatchingPanel) -> None:
    assert panel.baselines.text() == "prompt +3.00, contrast −1.00 nats"


def test_while_it_fills_the_share_is_told_and_what_is_missing_is_grey(panel: PatchingPanel) -> None:
    panel.show(patching(half_filled()))
    assert panel.map.accessibleName() == "Residual stream entering the layer · 50 % there"
    assert pixel(panel.map, panel.map.cell_box(0, 2)) == (0xE4, 0xE7, 0xEC)
    hover(panel.map, panel.map.cell_box(0, 2))
    assert panel.pointed.text() == "L0 at 2 '⏎': not yet known"


def test_the_cell_under_the_mouse_is_told_anew_when_it_is_there(panel: PatchingPanel) -> None:
    panel.show(patching(half_filled()))
    hover(panel.map, panel.map.cell_box(0, 1))
    panel.show(patching())
    assert panel.pointed.text() == "L0 at 1 '·John' / '·Mary': 1.000 back, +3.00 nats"


def test_a_shorter_prompt_leaves_no_pointer_beside_the_map(panel: PatchingPanel) -> None:
    hover(panel.map, panel.map.cell_box(2, 3))
    short = FeatureMap(VALUES[:, :2].copy(), (0.0, 1.0), ("L0", "L1", "L2"), ("<s>", " John/ Mary"))
    panel.show(patching(grid=short, tokens=TOKENS[:2], contrast_tokens=OTHERS[:2]))
    assert panel.pointed.text() == ""


def test_stream_and_direction_are_chosen_in_the_header(panel: PatchingPanel, acts: Acts) -> None:
    panel.stream.button("mlp").click()
    panel.way.button("into prompt").click()
    panel.way.button("into contrast").click()
    assert acts.done == [
        ("patching.show", "mlp", None),
        ("patching.show", None, True),
        ("patching.show", None, False),
    ]


def test_a_model_without_mlps_offers_none(panel: PatchingPanel) -> None:
    panel.show(patching(mlps=False))
    assert not panel.stream.button("mlp").isEnabled()
    assert panel.stream.button("attn").isEnabled()


def test_a_grid_that_is_on_its_way_and_one_that_failed_are_shown(panel: PatchingPanel) -> None:
    panel.show(patching(grid=None, tokens=(), contrast_tokens=(), prompt=None, contrast=None, done=0.0))
    assert panel.map.accessibleName() == "Residual stream entering the layer · 0 % there"
    assert panel.baselines.text() == ""
    panel.show(patching(half_filled(), problem="Stopped."))
    assert (panel.problem, panel.map.accessibleName()) == ("Stopped.", "Residual stream entering the layer")


def test_the_ends_of_the_bar_say_when_values_lie_beyond_them(on_screen: Show) -> None:
    view = HeatMap("Shares", lambda row, column, value: f"{value}", "share")
    on_screen(view, 300, 200)
    shown = FeatureMap(VALUES, (0.0, 1.0), ("L0", "L1", "L2"), TOKENS)
    within = bar(view, replace(shown, values=np.clip(VALUES, 0, 1)))
    assert bar(view, shown) != within
    assert bar(view, replace(shown, values=np.clip(VALUES, -0.004, 1))) == within  # less than a colour shows


def bar(view: HeatMap, shown: FeatureMap) -> bytes:
    """The pixels of the colour bar with its ends."""
    view.show_map(shown, "Shares")
    image = view.grab(view.rect().adjusted(0, view.height() - 20, 0, 0)).toImage()
    return bytes(image.constBits())


def test_the_label_of_a_marked_column_is_painted_where_plain_ones_are_left_out(on_screen: Show) -> None:
    view = HeatMap("Shares", lambda row, column, value: f"{value}", "share")
    on_screen(view, 300, 200)
    shown = FeatureMap(np.zeros((1, 200), np.float32), (0, 1), ("L0",), tuple(f"w{k}" for k in range(200)))
    view.show_map(shown, "Shares")
    plain = view.grab().toImage()
    view.show_map(shown, "Shares", {93})
    marked = view.grab().toImage()
    box = view.cell_box(0, 93)
    column = [(round(box.center().x()) + x, round(box.bottom()) + y) for x in range(-4, 5) for y in range(8, 24)]
    assert any(plain.pixelColor(x, y) != marked.pixelColor(x, y) for x, y in column)


def test_the_slow_road_is_told_beside_the_baselines(panel: PatchingPanel) -> None:
    assert "slow path" not in panel.baselines.text()
    panel.show(patching(slow=True))
    assert panel.baselines.text().endswith("· slow path")
