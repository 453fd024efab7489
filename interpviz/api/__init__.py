"""interpviz from Python: the names and defaults of the command line. Each call blocks and returns numpy.

from interpviz import api

model = api.load("demo")
run = model.run("When Mary and John went to the store, John gave a drink to", ablate=["L1H4"], target=" Mary")
print(run.clean.logit_diff, run.edited.logit_diff, run.kl)
"""

from __future__ import annotations

from interpviz.api.answers import Answer, Generation, Run, Sweep, Token
from interpviz.api.files import Cache, check, fetch, import_, kind_of, load, look_into, models, open, record
from interpviz.api.indices import FeatureIndex, features, open_index
from interpviz.api.model import Model
from interpviz.api.noting import explanations, export, notes, with_explanations, write_notes
from interpviz.api.training import train
from interpviz.core import environment
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_results import Explanations, Fit, Notes
from interpviz.core.repairs import Hydra, SelfRepair
from interpviz.core.results import Effects, HeadScores, PathEffects

__all__ = [
    "Answer",
    "Cache",
    "Effects",
    "Explanations",
    "FeatureIndex",
    "Fit",
    "Generation",
    "HeadScores",
    "Hydra",
    "InterpvizError",
    "Model",
    "Notes",
    "PathEffects",
    "Run",
    "SelfRepair",
    "Sweep",
    "Token",
    "check",
    "explanations",
    "export",
    "features",
    "fetch",
    "import_",
    "kind_of",
    "load",
    "look_into",
    "models",
    "notes",
    "open",
    "open_index",
    "record",
    "train",
    "with_explanations",
    "write_notes",
]

environment.prepare()
