"""What a model makes up for by itself when a part of it is cut at the last position: requests and their answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from interpviz.core.document import ModelFacts, Prompt, Sources
from interpviz.core.interventions import Mode
from interpviz.core.jobs import Lane
from interpviz.core.results import F4, Road
from interpviz.core.sites import Site


@dataclass(frozen=True)
class SelfRepairRequest:
    """How much others make up for a head or MLP that is cut by `mode`: zero, mean or patch. Answer: SelfRepair."""

    model: ModelFacts
    prompt: Prompt
    target: str
    distractor: str
    site: Site
    mode: Mode = "zero"
    sources: Sources = field(default_factory=Sources)
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True)
class HydraRequest:
    """What each layer's output writes for the metric, beside what cutting it by `mode` does: zero, mean or patch.

    Answer: Hydra; partials, layer by layer.
    """

    model: ModelFacts
    prompt: Prompt
    target: str
    distractor: str = ""
    mode: Mode = "zero"
    sources: Sources = field(default_factory=Sources)
    lane: ClassVar[Lane] = "model"


@dataclass(frozen=True, eq=False)
class SelfRepair:
    """What others make up for when a head or MLP is cut at the last position; in nats of the metric.

    `baseline` is the clean metric and `actual` what it loses. `direct` is what it would lose if only the part's own
    write changed and the final norm kept its scale. `norm` is what that scale, as it changes, gives back.

    The sign is that of `value`, positive where others make up for the part. GPT-2's head 9.9 on indirect objects:
    baseline 3.55, direct 2.98, so that 0.57 should be left; in fact 2.99 is. actual 0.56, value 2.42, fraction 81%.
    """

    site: Site
    baseline: float
    actual: float
    direct: float
    norm: float
    road: Road
    seconds: float

    @property
    def value(self) -> float:
        """The change of the metric less the change that the direct effect predicts: direct - actual."""
        return self.direct - self.actual

    @property
    def components(self) -> float:
        """The rest of `value`: what other parts give back by what they then write."""
        return self.value - self.norm

    @property
    def fraction(self) -> float:
        """`value` as a share of the direct effect; NaN for a part without one."""
        return self.value / self.direct if self.direct else math.nan


@dataclass(frozen=True, eq=False)
class Impact:
    """What each layer's output does to the metric, (layer,) in nats, positive = it raises the metric.

    `unembedded` reads it off as it is written; `ablated` is what the metric loses when it is cut. NaN: still to come.
    """

    unembedded: F4
    ablated: F4


@dataclass(frozen=True, eq=False)
class Hydra:
    """Both impacts of every attention and every MLP output; `mlp` is None in a model without MLPs.

    Both compare the clean run, whose metric is `baseline`, with one where `mode` replaces the output at the last
    position. Where `unembedded` is the larger, later layers make up for what is cut.
    """

    attention: Impact
    mlp: Impact | None
    mode: Mode
    baseline: float
