from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication

from interpviz.core.logits import Measured
from interpviz.ui.panels.outputs import OutputsPanel
from tests.ui.conftest import Show, pixel
from tests.ui.fakes import outputs

CLEAN, EDITED, EMPTY = (0x8B, 0x94, 0xA3), (0xB5, 0x40, 0x0D), (0xF5, 0xF6, 0xF8)


@pytest.fixture
def panel(on_screen: Show) -> OutputsPanel:
    made = OutputsPanel()
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
    assert (panel.left.text(), panel.right.text()) == ("+3.250", "+1.000")
    assert panel.kl.text() == "KL(clean || edited) 0.531 nats"


def test_without_edits_there_is_only_the_clean_run(panel: OutputsPanel) -> None:
    panel.show(outputs(edits=(), right_difference=None, kl=None))
    assert panel.right.isHidden()
    assert panel.kl.isHidden()
    bar = panel.bars.bar_box(0, False)
    assert pixel(panel.bars, bar.center() + QPointF(0, 2)) == CLEAN
    assert "KL" not in panel.accessibleDescription()


def test_two_experiments_stand_under_their_names_as_plain_text(panel: OutputsPanel) -> None:
    panel.show(outputs(compared=True, left="<b>heads</b>", right="present edits"))
    assert not panel.key.isHidden()
    assert panel.key.accessibleDescription() == "<b>heads</b>, compared with present edits"
    assert panel.kl.text() == "KL(left || right) 0.531 nats"
    first, _, _, row, *_ = panel.accessibleDescription().split("; ")
    assert first == "logit difference <b>heads</b> +3.2500 present edits +1.0000"
    assert row.startswith("' Mary' (target) <b>heads</b> p 0.50000 logit 14.2500 present edits p 0.25000")


def test_a_column_is_headed_by_a_name_only_where_it_fits(panel: OutputsPanel) -> None:
    panel.show(outputs(compared=True, left="heads", right="all the name movers"))
    assert panel.bars.headings == ("heads", "right", "Δ logit")
    panel.show(outputs())
    assert panel.bars.headings == ("clean", "edited", "Δ logit")


@pytest.mark.parametrize("longest", ["a", "m" * 60])
def test_both_colours_of_the_key_are_seen_whatever_the_names(panel: OutputsPanel, longest: str) -> None:
    panel.show(outputs(compared=True, left=longest, right=longest))
    places = range(0, panel.key.width(), 4)
    seen = {pixel(panel.key, QPointF(x + 2, panel.key.height() / 2)) for x in places}
    assert {CLEAN, EDITED} <= seen


def test_the_spread_over_draws_stands_beside_the_number(panel: OutputsPanel) -> None:
    panel.show(outputs(right_difference=Measured(-1.23, 0.31, 8), kl=Measured(0.5312, 0.0208, 8)))
    assert (panel.right.text(), panel.right_spread.text()) == ("−1.230", "± 0.31 over 8 draws")
    assert panel.kl.text() == "KL(clean || edited) 0.531 ± 0.0208 nats"
    assert panel.left_spread.isHidden()
    told = panel.accessibleDescription()
    assert told.startswith("logit difference clean +3.2500 edited -1.2300 ± 0.31 over 8 draws; KL 0.5312 nats ± 0.0208")


def test_while_the_answer_is_on_its_way_what_stands_in_for_it_is_named(panel: OutputsPanel) -> None:
    panel.show(outputs(pending=True, shown="L1H2:scale:0.5", predicted="direct effect predicts −0.420 nats"))
    assert panel.pending.isVisible()
    assert panel.status.text() == "shown: L1H2:scale:0.5 · direct effect predicts −0.420 nats"
    assert panel.accessibleDescription() == "the edited answer is on its way; direct effect predicts −0.420 nats"
    panel.show(outputs())
    assert (panel.pending.isVisible(), panel.status.text()) == (False, "")


def test_the_bars_stay_where_they_are_while_an_answer_comes(panel: OutputsPanel) -> None:
    places = set()
    for picture in (outputs(), outputs(pending=True, shown="L1H2:zero"), outputs(slow=True, reference="mean from x")):
        panel.show(picture)
        QApplication.processEvents()
        places.add((panel.bars.mapTo(panel, panel.bars.rect().topLeft()).y(), panel.bars.height()))
    assert len(places) == 1


def test_the_slow_path_and_what_edits_drew_from_are_told(panel: OutputsPanel) -> None:
    assert panel.slow.isHidden()
    panel.show(outputs(slow=True, reference="resample from demo.acts"))
    assert panel.slow.isVisible()
    assert "The numbers are the same." in panel.slow.toolTip()
    assert panel.status.text() == "resample from demo.acts"
    assert "; resample from demo.acts; slow path; " in panel.accessibleDescription()


def test_an_empty_panel_says_what_to_do(panel: OutputsPanel) -> None:
    panel.explain("Type a prompt to see what the model says next.")
    assert panel.sentence == "Type a prompt to see what the model says next."
    panel.show(outputs(problem="' Maryland' is two tokens. Choose one."))
    assert (panel.sentence, panel.problem) == ("", "' Maryland' is two tokens. Choose one.")
