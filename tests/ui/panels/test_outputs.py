from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QAbstractButton

from interpviz.core.sites import Site
from interpviz.ui.panels.outputs import OutputsPanel
from tests.ui.conftest import Show, pixel
from tests.ui.fakes import Acts, outputs

CLEAN, EDITED, EMPTY = (0x8B, 0x94, 0xA3), (0xB5, 0x40, 0x0D), (0xF5, 0xF6, 0xF8)


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> OutputsPanel:
    made = OutputsPanel(acts)
    on_screen(made, 400, 340)
    made.show(outputs())
    return made


@pytest.mark.parametrize(("row", "clean", "edited"), [(0, 0.5, 0.25), (1, 0.125, 0.5)])
def test_a_bar_is_as_long_as_its_probability(panel: OutputsPanel, row: int, clean: float, edited: float) -> None:
    for is_edited, share, colour in ((False, clean, CLEAN), (True, edited, EDITED)):
        bar = panel.bars.bar_box(row, is_edited)
        full = bar.width() / share
        assert pixel(panel.bars, bar.center()) == colour
        assert pixel(panel.bars, QPointF(bar.left() + share * full - 3, bar.center().y())) == colour
        assert pixel(panel.bars, QPointF(bar.left() + share * full + 3, bar.center().y())) != colour


def test_the_full_bar_is_a_probability_of_one(panel: OutputsPanel) -> None:
    bar = panel.bars.bar_box(0, False)
    end = bar.left() + bar.width() / 0.5
    assert pixel(panel.bars, QPointF(end - 4, bar.center().y())) == EMPTY
    assert pixel(panel.bars, QPointF(end + 4, bar.center().y())) == (255, 255, 255)


def test_all_numbers_can_be_read_as_text(panel: OutputsPanel) -> None:
    assert panel.accessibleDescription().split("; ") == [
        "logit difference clean +3.2500 edited +1.0000",
        "KL 0.5312 nats",
        "edits L1H2:zero, L0M:mean@1",
        "' Mary' (target) clean p 0.50000 logit 14.2500 edited p 0.25000 logit 12.5000",
        "' John' (distractor) clean p 0.12500 logit 11.0000 edited p 0.50000 logit 11.5000",
        "'\n' clean p 0.06250 logit 9.0000 edited p 0.03125 logit 8.0000",
    ]


def test_the_difference_before_and_after_stands_in_large(panel: OutputsPanel) -> None:
    assert (panel.clean.text(), panel.edited.text(), panel.kl.text()) == ("+3.250", "+1.000", "KL 0.531 nats")


def test_without_edits_there_is_only_the_clean_run(panel: OutputsPanel) -> None:
    panel.show(outputs(edits=(), edited_difference=None, kl=None))
    assert panel.edited.isHidden()
    assert panel.kl.isHidden()
    bar = panel.bars.bar_box(0, False)
    assert pixel(panel.bars, bar.center() + QPointF(0, 2)) == CLEAN
    assert "KL" not in panel.accessibleDescription()


def chips(panel: OutputsPanel) -> dict[str, QAbstractButton]:
    return {one.text(): one for one in panel.findChildren(QAbstractButton) if not one.isHidden()}


def test_the_cross_of_a_chip_puts_that_edit_back(panel: OutputsPanel, acts: Acts) -> None:
    chips(panel)["L0M:mean@1 ×"].click()
    assert acts.done == [("intervention.restore", (Site(0, "mlp_out"),))]


def test_clear_puts_everything_back(panel: OutputsPanel, acts: Acts) -> None:
    chips(panel)["Clear"].click()
    assert acts.done == [("intervention.clear",)]


def test_an_empty_panel_says_what_to_do(panel: OutputsPanel) -> None:
    panel.explain("Type a prompt to see what the model says next.")
    assert panel.sentence == "Type a prompt to see what the model says next."
    panel.show(outputs(problem="' Maryland' is two tokens. Choose one."))
    assert (panel.sentence, panel.problem) == ("", "' Maryland' is two tokens. Choose one.")
