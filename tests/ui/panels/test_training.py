from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QMenu

from interpviz.control.training import Course
from interpviz.core.feature_requests import Train
from interpviz.core.feature_results import TrainingPoint
from interpviz.ui.panels.training import TrainingPanel
from interpviz.ui.theme import DARK, LIGHT, Theme
from tests.ui.conftest import Show
from tests.ui.fakes import Acts

JOB = Train("/caches/walks.acts", "blocks.1.hook_resid_post", 256, "topk", "/books/new")
POINTS = tuple(TrainingPoint(step, 100, 10.0 / step, 32.0, 0.5 / step, 0.25, 5000.0) for step in (10, 20, 40))
COURSE = Course(JOB, POINTS)


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> TrainingPanel:
    made = TrainingPanel(acts)
    on_screen(made, 520, 400)
    return made


def shown(panel: TrainingPanel, course: Course = COURSE) -> None:
    panel.show(course)


def line(panel: TrainingPanel, name: str) -> list[list[float]]:
    x, y = panel.curves[name]._line.getData()
    return [list(x), list(y)]


def test_each_curve_is_drawn_over_the_steps(panel: TrainingPanel) -> None:
    shown(panel)
    assert line(panel, "loss") == [[10, 20, 40], [1.0, 0.5, 0.25]]
    assert line(panel, "l0")[1] == [32, 32, 32]
    assert np.allclose(line(panel, "fvu")[1], [0.05, 0.025, 0.0125])
    assert line(panel, "dead")[1] == [0.25, 0.25, 0.25]


def test_a_training_that_begins_is_told_once_and_again_when_it_goes_on(panel: TrainingPanel) -> None:
    begun: list[None] = []
    panel.begun.connect(lambda: begun.append(None))
    for running, many in ((True, 1), (True, 1), (False, 1), (True, 2)):
        shown(panel, replace(COURSE, running=running, points=POINTS[:many]))
        assert len(begun) == many


def test_a_point_that_comes_redraws_one_curve_and_the_end_all_of_them(panel: TrainingPanel) -> None:
    shown(panel)
    longer = replace(COURSE, points=(*POINTS, replace(POINTS[-1], step=60)))
    shown(panel, longer)
    assert [len(line(panel, name)[0]) for name in panel.curves].count(4) == 1
    shown(panel, replace(longer, running=False))
    assert [len(line(panel, name)[0]) for name in panel.curves] == [4, 4, 4, 4]


def test_the_last_point_is_said_in_words(panel: TrainingPanel) -> None:
    shown(panel)
    assert panel.name_label.text() == "new  ·  topk, 256 features, blocks.1.hook_resid_post"
    assert panel.status.text() == "step 40 of 100: loss 0.25, L0 32.0, FVU 0.013, 25.0% dead, 5,000 rows/s"


def test_a_training_is_stopped_or_stopped_and_kept(panel: TrainingPanel, acts: Acts) -> None:
    shown(panel)
    panel.stop.click()
    panel.keep.click()
    assert acts.done == [("training.stop", JOB), ("training.keep", JOB)]


def test_one_that_ended_says_what_came_of_it_and_cannot_be_stopped(panel: TrainingPanel) -> None:
    shown(panel, replace(COURSE, running=False, outcome="Written to /books/new."))
    assert panel.status.text().endswith("Written to /books/new.")
    assert not panel.stop.isEnabled()
    assert not panel.keep.isEnabled()


def test_plots_are_made_when_the_first_training_begins(panel: TrainingPanel) -> None:
    panel.explain("Nothing was trained yet.")
    assert panel.curves == {}
    shown(panel, Course(JOB))
    assert len(panel.curves) == 4
    assert panel.status.text() == "Reading the first rows …"


def test_nothing_lies_over_the_plots(panel: TrainingPanel) -> None:
    shown(panel)
    assert [menu for menu in panel.findChildren(QMenu) if menu.isVisible()] == []


def test_curves_follow_the_theme(panel: TrainingPanel, theme: Theme) -> None:
    shown(panel)
    pen = panel.curves["loss"]._line.opts["pen"]
    assert pen.color().name() == LIGHT.accent
    theme.choose("dark")
    assert panel.curves["loss"]._line.opts["pen"].color().name() == DARK.accent
    theme.choose("light")
