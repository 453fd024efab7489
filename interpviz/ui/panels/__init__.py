"""One view a file: each shows a picture that its controller computed, and turns clicks into acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interpviz.render.camera import Camera
from interpviz.ui.camera_view import CameraView, Margins
from interpviz.ui.panel import Act, Panel
from interpviz.ui.panels import circuit, cloud
from interpviz.ui.panels.activations import ActivationsPanel
from interpviz.ui.panels.circuit import CircuitPanel
from interpviz.ui.panels.cloud import CloudPanel
from interpviz.ui.panels.components import ComponentsPanel
from interpviz.ui.panels.continuation import ContinuationPanel
from interpviz.ui.panels.feature_page import FeaturePagePanel
from interpviz.ui.panels.features import FeaturesPanel
from interpviz.ui.panels.fit import FitPanel
from interpviz.ui.panels.interventions import InterventionsPanel
from interpviz.ui.panels.maps import MapsPanel
from interpviz.ui.panels.outputs import OutputsPanel
from interpviz.ui.panels.patching import PatchingPanel
from interpviz.ui.panels.paths import PathsPanel
from interpviz.ui.panels.prompt import PromptPanel
from interpviz.ui.panels.training import TrainingPanel

MakeView = Callable[[Camera, Margins, bool], CameraView]


def make_panels(act: Act, view: MakeView) -> dict[str, Panel[Any]]:
    """A panel of each kind, by the names that documents use; `view` makes the views of cloud and circuit."""
    return {
        "prompt": PromptPanel(act),
        "components": ComponentsPanel(act),
        "outputs": OutputsPanel(),
        "maps": MapsPanel(),
        "cloud": CloudPanel(act, view(cloud.BOUNDS, cloud.MARGINS, True)),
        "circuit": CircuitPanel(act, view(circuit.BOUNDS, circuit.MARGINS, False)),
        "interventions": InterventionsPanel(act),
        "continuation": ContinuationPanel(act),
        "patching": PatchingPanel(act),
        "paths": PathsPanel(act),
        "fit": FitPanel(),
        "training": TrainingPanel(act),
        "features": FeaturesPanel(act),
        "feature": FeaturePagePanel(act),
        "activations": ActivationsPanel(act),
    }
