"""How each request about features that needs a model is answered, by the request's type."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from interpviz.core import feature_requests as requests
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_results import Fit, PromptFeatures, TriedText
from interpviz.core.features import IndexFacts
from interpviz.core.report import Report
from interpviz.core.results import F4, Target
from interpviz.core.sites import Site
from interpviz.engine import evaluate
from interpviz.engine.lens import Model
from interpviz.engine.prompt_features import prompt_features, quantiles, tried

if TYPE_CHECKING:
    from interpviz.engine.compute import Answer, Engine


def _fit(engine: Engine, request: requests.FitRequest, report: Report) -> Fit:
    loaded = engine.loaded(request.model, report)
    model, sae = loaded.model, loaded.sae(request.dictionary)
    if not request.texts:
        return evaluate.evaluate(model, sae, evaluate.bundled(model, loaded.reference_text), report)
    with evaluate.of_files(model, [Path(text) for text in request.texts], request.tokens, report) as passage:
        return evaluate.evaluate(model, sae, passage, report)


def _prompt_features(engine: Engine, request: requests.PromptFeaturesRequest, report: Report) -> PromptFeatures:
    loaded = engine.loaded(request.model, report)
    model, sae = loaded.model, loaded.sae(request.dictionary)
    clean = loaded.clean.of(request.prompt, report)
    found = prompt_features(model, clean, sae, _target(model, request), request.most, report)
    return replace(found, quantiles=_quantiles(engine, request.index, found)) if request.index else found


def _target(model: Model, request: requests.PromptFeaturesRequest) -> Target | None:
    """The target, if these texts are tokens; what is wrong with them, the answer to TargetRequest says."""
    with suppress(InterpvizError):
        return model.target(request.target, request.distractor)
    return None


def _quantiles(engine: Engine, facts: IndexFacts, found: PromptFeatures) -> F4 | None:
    """Where the values lie among those of an index; None where it cannot be read, as the answer to its table says."""
    with suppress(InterpvizError):
        return quantiles(engine.index(facts)["features/quantiles"].rows(found.features.astype(np.intp)), found.values)
    return None


def _tried(engine: Engine, request: requests.TryFeature, report: Report) -> TriedText:
    loaded = engine.loaded(request.model, report)
    sae = loaded.sae(request.dictionary)
    sae.facts.check(Site(-1, "feature", request.feature, dictionary=request.dictionary.name))
    return tried(loaded.model, request.prompt, sae, request.feature, report)


ANSWERS: dict[type, Answer] = {
    requests.FitRequest: _fit,
    requests.PromptFeaturesRequest: _prompt_features,
    requests.TryFeature: _tried,
}
