from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from interpviz.control.paths import PathsPicture
from interpviz.core.results import PathEffects
from interpviz.ui.panels.paths import PathsPanel
from tests.ui.conftest import Show, pixel
from tests.ui.fakes import Acts

EMPTY = (0xF5, 0xF6, 0xF8)
TEXT = "L0H1 > L1H2 > logits, L0H1 > L1M > logits"


def picture(**changes: Any) -> PathsPicture:
    shown = {
        "paths": TEXT, "mode": "zero", "chains": (("L0H1", "L1H2", "logits"), ("L0H1", "L1M", "logits")),
        "effects": PathEffects(2.0, -0.5, 1.0, 3.25, "fast", 0.02), "pending": False, "sender": "",
        "metric": "logit difference", "hint": "", "problem": "",
    }  # fmt: skip
    return PathsPicture(**{**shown, **changes})


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> PathsPanel:
    made = PathsPanel(acts)
    on_screen(made, 520, 320)
    made.show(picture())
    return made


def kind(colour: tuple[int, int, int]) -> str:
    """What a colour of the bars says: purple lowers the metric, green raises it."""
    red, green, blue = colour
    return "raises" if green > max(red, blue) + 30 else "lowers" if min(red, blue) > green + 30 else "nothing"


@pytest.mark.parametrize(("place", "share", "says"), [(0, 1.0, "raises"), (1, -0.25, "lowers"), (2, 0.5, "raises")])
def test_bars_reach_from_zero_by_their_effect_on_one_scale(
    panel: PathsPanel, place: int, share: float, says: str
) -> None:
    track = panel.bars.track_box(place)
    zero, half, y = track.center().x(), track.width() / 2, track.center().y()
    assert kind(pixel(panel.bars, QPointF(zero + share * half / 2, y))) == says
    assert kind(pixel(panel.bars, QPointF(zero + share * (half - 8), y))) == says
    assert pixel(panel.bars, QPointF(zero - share * half / 2, y)) == EMPTY
    if abs(share) < 1:
        assert pixel(panel.bars, QPointF(zero + share * (half + 24), y)) == EMPTY


def test_effects_can_be_read_as_text_with_their_signs(panel: PathsPanel) -> None:
    assert panel.bars.accessibleDescription().split("; ") == [
        "total effect: everything follows +2.000 nats",
        "direct effect: straight to the logits, all else held −0.500 nats",
        "through the chosen paths only +1.000 nats",
    ]


def test_the_indirect_effect_and_the_clean_metric_stand_below(panel: PathsPanel) -> None:
    assert panel.status.text() == (
        "indirect effect, total − direct: +2.500 nats · clean logit difference +3.250 nats · 0.02 s"
    )


def test_an_effect_that_is_no_number_has_no_bar(panel: PathsPanel) -> None:
    panel.show(picture(effects=PathEffects(2.0, float("nan"), 1.0, 3.25, "fast", 0.02)))
    assert panel.bars.bar_box(1).width() == 0
    assert "not a number" in panel.bars.accessibleDescription()


def test_effects_on_their_way_have_no_numbers(panel: PathsPanel) -> None:
    panel.show(picture(effects=None, pending=True))
    assert (panel.bars.accessibleDescription(), panel.status.text()) == ("on their way", "following …")
    track = panel.bars.track_box(0)
    assert pixel(panel.bars, QPointF(track.right() - 20, track.center().y())) == EMPTY


def test_each_path_stands_as_chips_from_the_sender_to_the_logits(panel: PathsPanel) -> None:
    texts = [part.text() for part in panel.chains.parts if isinstance(part, QLabel)]
    assert " ".join(texts) == "L0H1 → L1H2 → logits \u2003 L0H1 → L1M → logits"


def test_enter_follows_what_is_typed(panel: PathsPanel, acts: Acts) -> None:
    panel.show(picture(mode="mean"))
    panel.field.selectAll()
    QTest.keyClicks(panel.field, "L0M > logits")
    assert acts.done == []
    QTest.keyClick(panel.field, Qt.Key.Key_Return)
    assert acts.done == [("paths.follow", "L0M > logits", "mean")]


def test_what_is_typed_and_was_refused_is_kept(panel: PathsPanel) -> None:
    panel.field.selectAll()
    QTest.keyClicks(panel.field, "L1H2 > L0H1 > logits")
    QTest.keyClick(panel.field, Qt.Key.Key_Return)
    panel.show(picture(pending=True))
    assert panel.field.text() == "L1H2 > L0H1 > logits"


def test_undo_brings_the_paths_back_into_the_field(panel: PathsPanel) -> None:
    panel.field.selectAll()
    QTest.keyClicks(panel.field, "L0M > logits ")
    panel.show(picture(paths="L0M > logits"))
    panel.show(picture())
    assert panel.field.text() == TEXT


def test_another_edit_of_the_sender_keeps_the_followed_paths(panel: PathsPanel, acts: Acts) -> None:
    panel.field.selectAll()
    QTest.keyClicks(panel.field, "L0M >")
    panel.mode.button("patch").click()
    assert acts.done == [("paths.follow", TEXT, "patch")]


def test_the_selected_component_can_start_a_path(panel: PathsPanel, acts: Acts) -> None:
    assert panel.start.isHidden()
    panel.show(picture(sender="L1H5"))
    assert panel.start.text() == "From L1H5"
    panel.start.click()
    assert acts.done == [("paths.follow", "L1H5 > logits", "zero")]
    QTest.keyClicks(panel.field, "L2M > ")
    assert panel.field.text() == "L1H5 > L2M > logits"


def test_without_paths_there_is_a_sentence_and_no_bars(panel: PathsPanel) -> None:
    panel.show(picture(paths="", chains=(), effects=None, hint="No path is followed."))
    assert (panel.hint.text(), panel.hint.isHidden()) == ("No path is followed.", False)
    assert panel.bars.isHidden()
    assert panel.chains.parts == ()


def test_a_hundred_paths_do_not_fill_the_panel(panel: PathsPanel) -> None:
    panel.show(picture(chains=tuple(("L0H1", f"L1H{head}", "logits") for head in range(100))))
    assert len(panel.chains.parts) == 61


def test_the_slow_path_is_named(panel: PathsPanel) -> None:
    assert panel.slow.isHidden()
    panel.show(picture(effects=PathEffects(1.0, 1.0, 1.0, 0.0, "slow", 2.0)))
    assert not panel.slow.isHidden()


def test_a_problem_stands_above_the_field(panel: PathsPanel) -> None:
    panel.show(picture(effects=None, problem="patch needs a contrast prompt. Type one."))
    assert (panel.sentence, panel.problem) == ("", "patch needs a contrast prompt. Type one.")
