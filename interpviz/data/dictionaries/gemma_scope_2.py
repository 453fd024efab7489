"""Gemma Scope 2, read: `config.json` and `params.safetensors` of an autoencoder or of a transcoder of one layer.

Source: sae-lens 6.54, `loading/pretrained_sae_loaders.py`, and circuit-tracer 0.5, `single_layer_transcoder.py`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report
from interpviz.data.dictionaries.dictionary import BadDictionary, Dictionary
from interpviz.data.dictionaries.fitting import check_fit
from interpviz.data.dictionaries.reading import base_name, json_object, read_tensor, sentences
from interpviz.data.hashes import files_sha256
from interpviz.data.weights import PlacedTensor, placed_tensors

CONFIG = "config.json"
WEIGHTS = "params.safetensors"
NAME = "Gemma Scope 2"
FILES: tuple[str, ...] = (WEIGHTS,)
SKIP = "affine_skip_connection"

_AXES = {"w_enc": "dF", "w_dec": "Fo", "b_enc": "F", "b_dec": "o", "threshold": "F", SKIP: "do"}
_MODULE = re.compile(r"(?:[a-z_]+\.){0,4}layers\.(\d{1,4})\.([a-z_.]{1,80})")
_HOOKS = {
    "output": "hook_resid_post",
    "self_attn.o_proj.input": "attn.hook_z",
    "pre_feedforward_layernorm.output": "mlp.hook_in",
    "post_feedforward_layernorm.output": "hook_mlp_out",
}


def matches(path: Path) -> bool:
    """Whether a folder of Gemma Scope 2 lies there."""
    return os.path.isfile(path / CONFIG) and os.path.isfile(path / WEIGHTS)


def parts(path: Path) -> tuple[str, ...]:
    """The folder itself: it holds one dictionary."""
    return (str(path),)


def facts(path: Path, report: Report) -> DictionaryFacts:
    """What the dictionary of this folder is. Raises InterpvizError where it is none that can be read."""
    with sentences(path):
        return _facts(path, placed_tensors(path / WEIGHTS), report)


def load(path: Path, report: Report) -> Dictionary:
    """The dictionary of this folder, its weights as float32. Raises InterpvizError as `facts`, and for any NaN."""
    with sentences(path):
        placed = placed_tensors(path / WEIGHTS)
        found = _facts(path, placed, report)
        weights = {name: read_tensor(path / WEIGHTS, name, tensor) for name, tensor in placed.items()}
    return Dictionary(
        facts=found,
        W_enc=weights["w_enc"],
        W_dec=weights["w_dec"],
        b_enc=weights["b_enc"],
        b_dec=weights["b_dec"],
        activation="jumprelu",
        threshold=weights["threshold"],
        W_skip=np.ascontiguousarray(weights[SKIP].T) if SKIP in weights else None,
        reshape_activations="hook_z" if found.hook.endswith("hook_z") else "none",
    )


def _facts(path: Path, placed: dict[str, PlacedTensor], report: Report) -> DictionaryFacts:
    said = json_object(path / CONFIG)
    if said.get("architecture") != "jump_relu":
        what = f"its architecture is {said.get('architecture')!r:.80}"
        raise BadDictionary(path, what, "Choose one of architecture jump_relu, as Gemma Scope 2 has.")
    lengths = check_fit(path / WEIGHTS, {name: tensor.shape for name, tensor in placed.items()}, _AXES, (SKIP,))
    hook_out = _hook(path, said, "hf_hook_point_out") if said.get("hf_hook_point_out") else ""
    hook = _hook(path, said, "hf_hook_point_in")
    hook_out = "" if hook_out == hook else hook_out
    if not hook_out and (SKIP in placed or lengths["d"] != lengths["o"]):
        raise BadDictionary(
            path, f"it is a transcoder, and {CONFIG} does not say where it writes", "Put hf_hook_point_out into it."
        )
    return DictionaryFacts(
        name=base_name(path),
        source=str(path),
        sha256=files_sha256((path / CONFIG, path / WEIGHTS), report),
        architecture=("jumprelu" + "_skip" * (SKIP in placed) + "_transcoder") if hook_out else "jumprelu",
        hook=hook,
        d_in=lengths["d"],
        features=lengths["F"],
        hook_out=hook_out,
        d_out=lengths["o"] if hook_out else 0,
        layout=NAME,
    )


def _hook(path: Path, said: dict[str, Any], key: str) -> str:
    """What TransformerLens calls the activation that a module of transformers reads or writes."""
    module = said.get(key)
    found = _MODULE.fullmatch(module) if isinstance(module, str) else None
    if not found or found[2] not in _HOOKS:
        raise BadDictionary(
            path,
            f"its {key} is {module!r:.80}, which is not known",
            f"Correct {CONFIG}: what follows model.layers.3. can be {', '.join(_HOOKS)}.",
        )
    return f"blocks.{int(found[1])}.{_HOOKS[found[2]]}"
