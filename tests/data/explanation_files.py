"""Explanations of other programs, laid out as their published sources write them: no program of theirs made these.

delphi (`delphi/__main__.py`): `orjson.dumps(explanation)` into `explanations/{module}_latent{i}.txt`, and the list of a
scorer's examples into `scores/{scorer}/{module}_latent{i}.txt`. OpenAI's neuron explainer (`explanations.py`): one
`NeuronSimulationResults` in `{layer}/{neuron}.jsonl`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DELPHI = {3: "Dogs, above all hounds.", 70: "The word “to” after a verb\nof giving"}
FUZZ = ((True, True), (True, False), (False, False), (False, None))  # activating, prediction: 0.5 and 1 of those said
DETECTION = ((True, True), (False, True), (False, False), (False, False), (False, False))  # 1 and 0.75


def make_delphi(run: Path, modules: tuple[str, ...] = ("layers.5.mlp",)) -> Path:
    """A run with explanations of two latents a module, one of them with the scores of two scorers."""
    (run / "explanations").mkdir(parents=True)
    for module in modules:
        for latent, text in DELPHI.items():
            (run / "explanations" / f"{module}_latent{latent}.txt").write_text(json.dumps(text))
        failed = run / "explanations" / f"{module}_latent9.txt"
        failed.write_text('"Explanation could not be parsed."')
        for scorer, examples in (("fuzz", FUZZ), ("detection", DETECTION)):
            (run / "scores" / scorer).mkdir(parents=True, exist_ok=True)
            said = [_example(*one) for one in examples]
            (run / "scores" / scorer / f"{module}_latent3.txt").write_text(json.dumps(said))
    return run / "explanations" / f"{modules[0]}_latent3.txt"


def make_delphi_score(run: Path) -> Path:
    """The same; the score file of one latent is given back."""
    return make_delphi(run).parents[1] / "scores" / "fuzz" / "layers.5.mlp_latent3.txt"


def _example(activating: bool, prediction: bool | None) -> dict[str, Any]:
    correct = None if prediction is None else prediction == activating
    return {
        "str_tokens": [" a", " beagle"],
        "activations": [0.0, 1.5],
        "distance": 1,
        "activating": activating,
        "prediction": prediction,
        "probability": None,
        "correct": correct,
    }


def simulated(neuron: int, *said: tuple[str, float], layer: int = 5) -> dict[str, Any]:
    """What the explainer says of a neuron: texts with their scores."""
    return {
        "dataclass_name": "NeuronSimulationResults",
        "neuron_id": {"dataclass_name": "NeuronId", "layer_index": layer, "neuron_index": neuron},
        "scored_explanations": [
            {
                "dataclass_name": "ScoredExplanation",
                "explanation": text,
                "scored_simulation": {
                    "dataclass_name": "ScoredSimulation",
                    "scored_sequence_simulations": [],
                    "ev_correlation_score": score,
                },
            }
            for text, score in said
        ],
    }


def make_openai(folder: Path) -> Path:
    """A layer of two neurons, one explained twice and one with a score that is no number."""
    (folder / "5").mkdir(parents=True)
    (folder / "5" / "11.jsonl").write_text(json.dumps(simulated(11, ("names", 0.25), ("names of women", 0.5))) + "\n")
    (folder / "5" / "2.jsonl").write_text(json.dumps(simulated(2, ("numbers", float("nan")))))
    return folder / "5" / "11.jsonl"
