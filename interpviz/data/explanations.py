"""Labels of features that other programs made: delphi's explanations and OpenAI's automated interpretability."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.feature_results import Explanations
from interpviz.core.report import Report, silent
from interpviz.data import delphi_explanations, openai_explanations
from interpviz.data.explained import Explained


def read(source: Path | str, report: Report = silent) -> Explanations:
    """The explanations at a path, by feature: of delphi a run, its folder `explanations` or one file of it; of OpenAI's
    neuron explainer a layer's folder, one above it, or one file.

    Where there are several modules or layers one is named by the last part of the path: `RUN/explanations/layers.5`.
    Of a feature explained twice the better one is kept. Raises InterpvizError, whatever the files hold.
    """
    path = Path(source)
    try:
        for layout in (delphi_explanations, openai_explanations):
            if (found := layout.explanations(path, report)) is not None:
                return _sorted(path, found)
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Check the disk and your rights.") from error
    if not path.exists():
        raise InterpvizError(f"There is no {path}. Choose a folder of explanations.")
    raise InterpvizError(
        f"{path.name} holds no explanations. Choose a run of delphi (with a folder `explanations`), or a folder of "
        "NUMBER.jsonl of OpenAI's neuron explainer."
    )


def _sorted(path: Path, found: list[Explained]) -> Explanations:
    best: dict[int, Explained] = {}
    for one in found:
        had = best.setdefault(one.feature, one)
        if one.score > had.score or (np.isnan(had.score) and not np.isnan(one.score)):
            best[one.feature] = one
    if not best:
        raise InterpvizError(f"{path.name} explains no feature: what it says is empty. Choose other explanations.")
    ordered = [best[feature] for feature in sorted(best)]
    return Explanations(
        str(path),
        np.array([one.feature for one in ordered], np.int32),
        tuple(one.text for one in ordered),
        np.array([one.score for one in ordered], np.float32),
    )
