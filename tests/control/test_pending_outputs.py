"""What the outputs panel is told while the answer to the present edits is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from interpviz.control import runs
from interpviz.control.outputs import OutputsController, OutputsPicture
from interpviz.control.tiers import lone_cut
from interpviz.core import commands, experiments
from interpviz.core.document import Document, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.logits import Measured
from interpviz.core.requests import PatchingEstimateRequest, Request
from interpviz.core.sites import Site
from tests.control.desks import DOCUMENT, Bench, Engine, View
from tests.control.test_outputs import ANSWERS, CUT, HEAD, MLP, kept


class Held:
    """A bench whose selected head's effects are known, and whose runs of some documents are held back."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self.view = bench, View()
        bench.desk.attach("outputs", OutputsController(bench.desk, self.view))

    @property
    def picture(self) -> OutputsPicture:
        shown: OutputsPicture = self.view.pictures[-1]
        return shown

    def settle(self) -> None:
        self._bench.pump.until(lambda: self._bench.desk.settled)

    def go(self, document: Document) -> None:
        """Show this document and wait until all that it needs is answered."""
        self._bench.store.replace(document)
        self.settle()

    def hold(self, document: Document) -> Request:
        """Show this document, whose right run is begun and not answered."""
        request = runs.experiment_run(document, runs.sides(document)[1])
        assert request is not None
        begun, _ = self._bench.engine.hold(request)
        self._bench.store.replace(document)
        assert begun.wait(20)
        self._bench.pump.drain()
        return request

    def let_go(self, request: Request) -> None:
        self._bench.engine.held[request].set()
        self.settle()


@pytest.fixture
def held() -> Iterator[Held]:
    with Bench(Engine(dict(ANSWERS)), commands.select(DOCUMENT, [HEAD])) as bench:
        made = Held(bench)
        bench.desk.refresh()
        made.settle()
        yield made


def scaled(factor: float) -> Document:
    return experiments.add_intervention(DOCUMENT, Intervention(HEAD, "scale", factor))


def test_attribution_estimates_a_lone_cut_until_it_is_measured(held: Held):
    request = held.hold(CUT)
    assert (held.picture.pending, held.picture.predicted) == (True, "attribution estimates −0.500 nats")
    held.let_go(request)
    assert (held.picture.pending, held.picture.predicted) == (False, "")


def test_the_direct_effect_predicts_a_lone_cut_until_more_is_known():
    unknown = {PatchingEstimateRequest: InterpvizError("This model has no gradient.")}
    with Bench(Engine(ANSWERS | unknown), commands.select(DOCUMENT, [HEAD])) as bench:
        held = Held(bench)
        bench.desk.refresh()
        held.settle()
        held.hold(CUT)
        assert held.picture.predicted == "direct effect predicts −0.250 nats"


def test_only_a_lone_cut_of_a_whole_component_is_predicted():
    others = [
        DOCUMENT,
        experiments.add_intervention(CUT, Intervention(MLP)),
        experiments.add_intervention(DOCUMENT, Intervention(HEAD, "mean")),
        experiments.add_intervention(DOCUMENT, Intervention(HEAD, positions=(1,))),
        experiments.add_intervention(DOCUMENT, Intervention(Site(0, "neuron", 3))),
        experiments.freeze_attention(CUT, True),
        experiments.compare_experiments(CUT, "", "clean"),
    ]
    assert lone_cut(CUT) == HEAD
    assert [lone_cut(document) for document in others] == [None] * len(others)


def test_a_drag_shows_each_answer_as_it_comes_and_says_what_it_is_of(held: Held):
    held.go(scaled(0.5))
    request = held.hold(scaled(0.25))
    assert (held.picture.pending, held.picture.shown) == (True, "L1H2:scale:0.5")
    assert held.picture.right_difference == Measured(0.0)  # of the factor 0.5
    held.let_go(request)
    assert (held.picture.pending, held.picture.shown, held.picture.edits) == (False, "", ("L1H2:scale:0.25",))


def test_the_answer_of_another_prompt_never_stands_in(held: Held):
    held.go(scaled(0.5))
    count = len(held.view.pictures)
    held.hold(replace(scaled(0.5), prompt=Prompt("b a")))
    assert held.view.sentences[-1] == "Running toy …"
    assert len(held.view.pictures) == count


def test_what_is_compared_keeps_its_old_names_until_the_new_answers_are_there(held: Held):
    held.go(scaled(0.5))
    request = held.hold(experiments.compare_experiments(kept(), "heads", "mlps"))
    assert (held.picture.pending, held.picture.left, held.picture.right) == (True, "clean", "edited")
    held.let_go(request)
    assert (held.picture.pending, held.picture.left, held.picture.right) == (False, "heads", "mlps")
