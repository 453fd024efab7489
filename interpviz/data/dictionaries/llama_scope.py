"""Llama Scope, read: `hyperparams.json` and `checkpoints/final.safetensors` of a jumprelu autoencoder or transcoder.

What it was trained on had a norm of sqrt(d) on average: here the weights are brought to activations as they are, and
what each feature writes to length 1. Features keep the scale that they were trained in, as sae-lens has them.
Source: OpenMOSS/Language-Model-SAEs of 2024, `lm_saes/sae.py`, and sae-lens 6.54, `loading/pretrained_sae_loaders.py`.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report
from interpviz.core.sites import ANY_HOOK
from interpviz.data.dictionaries.dictionary import BadDictionary, Dictionary
from interpviz.data.dictionaries.reading import base_name, check_shapes, json_object, read_tensor, sentences
from interpviz.data.hashes import files_sha256
from interpviz.data.weights import PlacedTensor, placed_tensors

CONFIG = "hyperparams.json"
WEIGHTS = Path("checkpoints", "final.safetensors")
NAME = "Llama Scope"
FILES: tuple[str, ...] = (CONFIG,)
AVERAGE = "dataset_average_activation_norm"


@dataclass(frozen=True)
class _Config:
    hook: str
    hook_out: str
    d: int
    features: int
    threshold: float
    factor: float
    factor_out: float
    centred: bool


def matches(path: Path) -> bool:
    """Whether a folder of Llama Scope lies there."""
    return os.path.isfile(path / CONFIG) and os.path.isfile(path / WEIGHTS)


def parts(path: Path) -> tuple[str, ...]:
    """The folder itself: it holds one dictionary."""
    return (str(path),)


def facts(path: Path, report: Report) -> DictionaryFacts:
    """What the dictionary of this folder is. Raises InterpvizError where it is none that can be read."""
    with sentences(path):
        config = _config(path)
        _placed(path, config)
        return _facts(path, config, report)


def load(path: Path, report: Report) -> Dictionary:
    """The dictionary of this folder, its weights as float32. Raises InterpvizError as `facts`, and for any NaN."""
    with sentences(path):
        config = _config(path)
        placed = _placed(path, config)
        found = _facts(path, config, report)
        weights = {name: read_tensor(path / WEIGHTS, name, tensor) for name, tensor in placed.items()}
    decoder = weights["decoder.weight"].T * np.float32(config.factor / config.factor_out)
    norm = np.linalg.norm(decoder, axis=1)
    norm[norm == 0] = 1
    bias = weights["decoder.bias"] / np.float32(config.factor_out)
    return Dictionary(
        facts=found,
        W_enc=np.ascontiguousarray(weights["encoder.weight"].T) * (norm * np.float32(config.factor)),
        W_dec=decoder / (norm[:, None] * np.float32(config.factor)),
        b_enc=weights["encoder.bias"] * norm,
        b_dec=bias,
        activation="jumprelu",
        threshold=np.full(config.features, config.threshold * config.factor, np.float32),
        b_in=bias if config.centred else None,
    )


def _facts(path: Path, config: _Config, report: Report) -> DictionaryFacts:
    return DictionaryFacts(
        name=base_name(path),
        source=str(path),
        sha256=files_sha256((path / CONFIG, path / WEIGHTS), report),
        architecture="jumprelu_transcoder" if config.hook_out else "jumprelu",
        hook=config.hook,
        d_in=config.d,
        features=config.features,
        hook_out=config.hook_out,
        d_out=config.d if config.hook_out else 0,
        layout=NAME,
    )


def _config(path: Path) -> _Config:
    said = json_object(path / CONFIG)
    kind = (said.get("act_fn", "jumprelu"), said.get("norm_activation", "dataset-wise"))
    if kind != ("jumprelu", "dataset-wise") or said.get("use_glu_encoder"):
        raise BadDictionary(
            path,
            f"its act_fn and norm_activation are {kind!r:.80}, or it has a GLU encoder",
            "Choose one that is jumprelu and dataset-wise, as Llama Scope is.",
        )
    d, features = (_number(path, said, name, whole=True) for name in ("d_model", "d_sae"))
    hook, hook_out = (_hook(path, said, key) for key in ("hook_point_in", "hook_point_out"))
    average = said.get(AVERAGE)
    norms = average if isinstance(average, dict) else {}
    factor, factor_out = (math.sqrt(d) / _number(path, norms, side) for side in ("in", "out"))
    return _Config(
        hook=hook,
        hook_out="" if hook == hook_out else hook_out,
        d=int(d),
        features=int(features),
        threshold=_number(path, said, "jump_relu_threshold"),
        factor=factor,
        factor_out=factor_out,
        centred=said.get("apply_decoder_bias_to_pre_encoder") is True,
    )


def _number(path: Path, said: dict[str, object], name: str, whole: bool = False) -> float:
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-9 < value < 2**31:
        value = None
    if value is None or (whole and value != int(value)):
        raise BadDictionary(path, f"its {name} is no number that can be", f"Correct {CONFIG}, or fetch it again.")
    return value


def _hook(path: Path, said: dict[str, object], key: str) -> str:
    hook = said.get(key, said.get("hook_point_in"))
    if not isinstance(hook, str) or not ANY_HOOK.fullmatch(hook):
        raise BadDictionary(
            path, f"its {key} is {hook!r:.80}, which is no hook", f"Correct {CONFIG}, or fetch it again."
        )
    return hook


def _placed(path: Path, config: _Config) -> dict[str, PlacedTensor]:
    d, features = config.d, config.features
    wanted = {
        "encoder.weight": (features, d), "encoder.bias": (features,), "decoder.weight": (d, features),
        "decoder.bias": (d,),
    }  # fmt: skip
    found = placed_tensors(path / WEIGHTS)
    check_shapes(path / WEIGHTS, {name: tensor.shape for name, tensor in found.items()}, wanted, CONFIG)
    return found
