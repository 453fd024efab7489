"""SAELens folders, read: `cfg.json` and `sae_weights.safetensors` of every architecture that encodes in one step.

Source: sae-lens 6.54, `saes/*.py` and `loading/pretrained_sae_loaders.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report, silent
from interpviz.core.results import F4
from interpviz.data.dictionaries.dictionary import BadDictionary, Dictionary, Gate
from interpviz.data.dictionaries.reading import base_name, check_shapes, read_tensor, sentences
from interpviz.data.dictionaries.saelens_config import CONFIG as CONFIG
from interpviz.data.dictionaries.saelens_config import SaelensConfig
from interpviz.data.hashes import files_sha256
from interpviz.data.weights import PlacedTensor, placed_tensors

WEIGHTS = "sae_weights.safetensors"
NAME = "SAELens"
FILES: tuple[str, ...] = (CONFIG, WEIGHTS)
FACTOR = "scaling_factor"
TOPK_THRESHOLD = "topk_threshold"
SMALLEST_NORM = 1e-8  # SAELens's own, where it folds norms into the encoder


def matches(path: Path) -> bool:
    """Whether this is a folder with both parts."""
    return all(os.path.isfile(path / name) for name in FILES)  # unlike Path's, it never raises


def parts(path: Path) -> tuple[str, ...]:
    """The folder itself: it holds one dictionary."""
    return (str(path),)


def facts(path: Path, report: Report = silent) -> DictionaryFacts:
    """What the dictionary of this folder is; of its weights, the header and the sha256 alone are read.

    Raises InterpvizError where the folder is none that can be read.
    """
    _check_whole(path)
    with sentences(path):
        config = SaelensConfig.read(path.resolve())
        _placed(path.resolve(), config)
        return _facts(path, config, report)


def load(path: Path, report: Report = silent) -> Dictionary:
    """The dictionary of this folder, its weights as float32. Raises InterpvizError as `facts`, and for any NaN."""
    _check_whole(path)
    folder = path.resolve()
    with sentences(path):
        config = SaelensConfig.read(folder)
        placed = _placed(folder, config)
        found = _facts(path, config, report)
        weights = {name: read_tensor(folder / WEIGHTS, name, tensor) for name, tensor in placed.items()}
    if not np.allclose(weights.pop(FACTOR, np.ones(1)), 1):
        raise BadDictionary(folder, f"its {FACTOR} is not 1", "Fold it into the weights with SAELens first.")
    if config.raw_threshold:
        weights = _as_jumprelu(weights, config.rescaled)
    gated = config.activation == "gated"
    return Dictionary(
        facts=found,
        W_enc=weights["W_enc"],
        W_dec=weights["W_dec"],
        b_enc=np.zeros(config.d_sae, np.float32) if gated else weights["b_enc"],
        b_dec=weights["b_dec"],
        activation=config.activation,
        threshold=weights.get("threshold"),
        k=config.k if config.activation in ("topk", "abstopk") else None,
        gate=Gate(weights["b_gate"], weights["b_mag"], weights["r_mag"]) if gated else None,
        b_in=weights["b_dec"] if config.centred else None,
        W_skip=weights.get("W_skip"),
        rescale_by_decoder_norm=config.rescaled and not config.raw_threshold,
        normalize_activations=config.normalization,
        reshape_activations=config.reshape_activations,
        notes=config.notes(found.name),
        metadata=config.others,
    )


def _check_whole(path: Path) -> None:
    for name in FILES:
        if not os.path.isfile(path / name):  # to open a pipe would wait for ever
            raise InterpvizError(
                f"{path.resolve().name} holds no {name}. A dictionary of SAELens has {CONFIG} and {WEIGHTS}: choose "
                "one that is whole."
            )


def _facts(path: Path, config: SaelensConfig, report: Report) -> DictionaryFacts:
    return DictionaryFacts(
        name=base_name(path),
        source=str(path),
        sha256=files_sha256((path / CONFIG, path / WEIGHTS), report),
        architecture=config.architecture,
        hook=config.hook_name,
        d_in=config.d_in,
        features=config.d_sae,
        hook_out=(config.hook_name_out or "") if config.transcoder else "",
        d_out=config.width_out if config.transcoder else 0,
        layout=NAME,
    )


def _placed(folder: Path, config: SaelensConfig) -> dict[str, PlacedTensor]:
    """Where the tensors lie in the file; raises BadDictionary unless they are those of the architecture."""
    found = placed_tensors(folder / WEIGHTS)
    check_shapes(
        folder / WEIGHTS,
        {name: tensor.shape for name, tensor in found.items() if name != FACTOR},
        shapes(config),
        CONFIG,
    )
    return found


def shapes(config: SaelensConfig) -> dict[str, tuple[int, ...]]:
    """The tensors that a dictionary of this configuration has, and no other."""
    d_in, features, d_out = config.d_in, config.d_sae, config.width_out
    found: dict[str, tuple[int, ...]] = {"W_enc": (d_in, features), "W_dec": (features, d_out), "b_dec": (d_out,)}
    if config.activation == "gated":
        return found | dict.fromkeys(("b_gate", "b_mag", "r_mag"), (features,))
    found["b_enc"] = (features,)
    if config.raw_threshold:
        found[TOPK_THRESHOLD] = ()
    elif config.activation == "jumprelu":
        found["threshold"] = (features,)
    if config.skip:
        found["W_skip"] = (d_out, d_in)
    return found


def _as_jumprelu(weights: dict[str, F4], rescaled: bool) -> dict[str, F4]:
    """A training checkpoint as SAELens would save it for use: its one threshold for every feature, norms folded in."""
    threshold = np.full_like(weights["b_enc"], weights[TOPK_THRESHOLD])
    folded = {name: one for name, one in weights.items() if name != TOPK_THRESHOLD} | {"threshold": threshold}
    if rescaled:
        norm = np.maximum(np.linalg.norm(weights["W_dec"], axis=-1), np.float32(SMALLEST_NORM))
        folded["W_dec"] = weights["W_dec"] / norm[:, None]
        folded["W_enc"] = weights["W_enc"] * norm
        folded["b_enc"] = weights["b_enc"] * norm
    return folded
