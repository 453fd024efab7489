"""A finished training as a dictionary that reads and writes activations as they are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

import interpviz
from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.data import dictionaries
from interpviz.data.dictionaries import Activation, Dictionary, Gate
from interpviz.engine.training.checkpoints import OtherTraining
from interpviz.engine.training.coders import layout
from interpviz.engine.training.learner import Learner
from interpviz.engine.training.plan import Plan
from interpviz.engine.training.rows import Frame

Arrays = dict[str, NDArray[np.float32]]


def save(learner: Learner, out: Path) -> None:
    """Write the dictionary as SAELens does; a topk transcoder as sparsify does, since SAELens has none.

    Raises InterpvizError where the folder is taken or the disk full.
    """
    plan, weights = learner.plan, learner.coder.weights()
    folded = fold(weights.arrays, learner.read, learner.written)
    gate = Gate(folded["b_gate"], folded["b_mag"], folded["r_mag"]) if "r_mag" in folded else None
    dictionary = Dictionary(
        facts=_facts(plan, out),
        W_enc=folded["W_enc"],
        W_dec=folded["W_dec"],
        b_enc=folded["b_enc"],
        b_dec=folded["b_dec"],
        activation=cast("Activation", weights.activation),
        threshold=folded.get("threshold"),
        k=weights.k,
        gate=gate,
        b_in=folded.get("b_in"),
        W_skip=folded.get("W_skip"),
        reshape_activations="hook_z" if plan.heads else "none",
    )
    dictionaries.save(dictionary, out, layout(learner.design), _metadata(plan, learner.steps_done))


def fold(arrays: Arrays, read: Frame, written: Frame) -> Arrays:
    """Weights that were learnt inside these frames, for activations outside of them; decoder rows keep their norms.

    Features become as much longer as what they write to.
    """
    a = {name: array.astype(np.float64) for name, array in arrays.items()}
    gain = written.spread / read.spread
    centre, aim = (frame.centre.double().cpu().numpy() for frame in (read, written))
    for name in ("b_enc", "b_dec", "threshold", "b_gate", "b_mag"):
        if name in a:
            a[name] *= written.spread
    a["W_enc"] *= gain
    a["b_dec"] += aim
    a["b_in"] = a["b_dec"] if "b_in" in a else centre
    if "W_skip" in a:
        a["W_skip"] *= gain
        a["b_dec"] = a["b_dec"] - a["W_skip"] @ centre
    return {name: array.astype(np.float32) for name, array in a.items()}


def finished(plan: Plan, out: Path) -> DictionaryFacts | None:
    """What the dictionary at `out` is, if this training has made it; None where nothing is there.

    Raises InterpvizError where something else is.
    """
    if not os.path.exists(out) or (out.is_dir() and not any(out.iterdir())):
        return None
    made = _made_by(out)
    if made is None:
        raise InterpvizError(f"There is something else at {out}. Choose another name after --out, or move it away.")
    found = dictionaries.facts(out)
    if made["arguments"] != plan.arguments:
        raise OtherTraining(out, made["arguments"], plan.arguments)
    if made.get("steps") != plan.steps and not plan.job.keep:
        raise InterpvizError(
            f"{out} holds what this training had learnt when it was stopped at step {made.get('steps')}. Choose "
            "another name after --out to train it whole."
        )
    return found


def _made_by(out: Path) -> dict[str, Any] | None:
    """What the configuration at `out` says of the training that made it; None of what no training has made."""
    try:
        said = json.loads((out / dictionaries.CONFIG).read_text("utf-8"))
        made = said.get("metadata", said)["interpviz"]
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        return None
    return made if isinstance(made, dict) and isinstance(made.get("arguments"), dict) else None


def _facts(plan: Plan, out: Path) -> DictionaryFacts:
    transcoder = bool(plan.job.to)
    return DictionaryFacts(
        name=out.name,
        source=str(out),
        sha256="",
        architecture=plan.job.kind,
        hook=plan.hook,
        d_in=plan.d_in,
        features=plan.job.width,
        hook_out=plan.hook_out if transcoder else "",
        d_out=plan.d_out if transcoder else 0,
    )


def _metadata(plan: Plan, steps: int) -> dict[str, Any]:
    """What SAELens says of where a dictionary comes from, and all that made this one, in a key of its own."""
    job, facts = plan.cache.job, plan.cache.facts
    return {
        "model_name": facts.model,
        "context_size": job.context,
        "seqpos_slice": [1, None],
        "dataset_path": facts.name,
        "interpviz": {
            "version": interpviz.__version__,
            "model_sha256": facts.model_sha256,
            "cache_sha256": facts.sha256,
            "rate": plan.rate,
            "steps": steps,
            "arguments": plan.arguments,
        },
    }
