"""Folders of dictionary_learning, read: `ae.pt` and `config.json` of a trainer, of each of its seven classes.

Source: dictionary-learning 0.1, `dictionary.py`, `trainers/` and `utils.py`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report
from interpviz.core.results import F4
from interpviz.core.sites import ANY_HOOK
from interpviz.data import unpickle
from interpviz.data.dictionaries import sparsify
from interpviz.data.dictionaries.dictionary import BadDictionary, Dictionary, Gate
from interpviz.data.dictionaries.reading import base_name, check_shapes, checked, in_order, json_object, sentences
from interpviz.data.hashes import files_sha256

CONFIG = "config.json"
WEIGHTS = "ae.pt"
NAME = "dictionary_learning"
FILES: tuple[str, ...] = (WEIGHTS,)

_LINEAR = {"encoder.weight": "Fd", "encoder.bias": "F", "decoder.weight": "dF"}
_SQUARE = {"W_enc": "dF", "W_dec": "Fd", "b_enc": "F", "b_dec": "d"}
_TENSORS: dict[str, dict[str, str]] = {
    "AutoEncoder": _LINEAR | {"bias": "d"},
    "AutoEncoderNew": _LINEAR | {"decoder.bias": "d"},
    "GatedAutoEncoder": {
        "encoder.weight": "Fd", "decoder.weight": "dF", "decoder_bias": "d",
        "r_mag": "F", "gate_bias": "F", "mag_bias": "F",
    },
    "JumpReluAutoEncoder": _SQUARE | {"threshold": "F"},
    "AutoEncoderTopK": _LINEAR | {"b_dec": "d"},
    "BatchTopKSAE": _LINEAR | {"b_dec": "d", "threshold": ""},
    "MatryoshkaBatchTopKSAE": _SQUARE | {"threshold": ""},
}  # fmt: skip
_LEFT_OUT = {"AutoEncoderTopK": {"k", "threshold"}, "BatchTopKSAE": {"k"}, "MatryoshkaBatchTopKSAE": {"k"}}
_ARCHITECTURES = {
    "AutoEncoder": "standard",
    "AutoEncoderNew": "standard",
    "GatedAutoEncoder": "gated",
    "JumpReluAutoEncoder": "jumprelu",
    "AutoEncoderTopK": "topk",
    "BatchTopKSAE": "batchtopk",
    "MatryoshkaBatchTopKSAE": "matryoshka_batchtopk",
}
_SUBMODULE = re.compile(r"(resid_pre|resid_post|mlp_out|attn_out|attention_out)(?:_layer)?_?(\d{1,9})")
_HOOKS = {"attention_out": "attn_out"}


@dataclass(frozen=True)
class _Config:
    kind: str
    d: int
    features: int
    k: int | None
    hook: str
    note: str


def matches(path: Path) -> bool:
    """Whether this is the folder of a trainer, or one of a run that holds several."""
    return _is_trained(path) or bool(_trainers(path))


def parts(path: Path) -> tuple[str, ...]:
    """The folders of the trainers of a run, in order; of a single one (path,)."""
    return (str(path),) if _is_trained(path) else tuple(str(path / name) for name in _trainers(path))


def facts(path: Path, report: Report) -> DictionaryFacts:
    """What the dictionary of this folder is. Raises InterpvizError where it is none that can be read."""
    _check_single(path)
    with sentences(path):
        config = _config(path)
        _check(path, config, unpickle.shapes(path / WEIGHTS))
        return _facts(path, config, report)


def load(path: Path, report: Report) -> Dictionary:
    """The dictionary of this folder, its weights as float32. Raises InterpvizError as `facts`, and for any NaN."""
    _check_single(path)
    with sentences(path):
        config = _config(path)
        found = unpickle.read(path / WEIGHTS)
        _check(path, config, {name: values.shape for name, values in found.items()})
        weights = {name: checked(path / WEIGHTS, name, values) for name, values in found.items()}
        return _made(path, config, _facts(path, config, report), weights)


def _is_trained(path: Path) -> bool:
    return all(os.path.isfile(path / name) for name in (CONFIG, WEIGHTS))


def _trainers(path: Path) -> list[str]:
    """The names of the folders in this one that hold a trained dictionary."""
    try:
        return sorted((name for name in os.listdir(path) if name[0] != "." and _is_trained(path / name)), key=in_order)
    except OSError:
        return []


def _check_single(path: Path) -> None:
    if not _is_trained(path):
        raise InterpvizError(
            f"{path.resolve().name} holds several dictionaries. Choose one: {', '.join(_trainers(path)[:8])}."
        )


def _facts(path: Path, config: _Config, report: Report) -> DictionaryFacts:
    return DictionaryFacts(
        name=base_name(path),
        source=str(path),
        sha256=files_sha256((path / CONFIG, path / WEIGHTS), report),
        architecture=_ARCHITECTURES[config.kind],
        hook=config.hook,
        d_in=config.d,
        features=config.features,
        layout=NAME,
    )


def _config(path: Path) -> _Config:
    trainer = json_object(path / CONFIG).get("trainer")
    said: dict[str, Any] = trainer if isinstance(trainer, dict) else {}
    kind = said.get("dict_class")
    if not isinstance(kind, str) or kind not in _TENSORS:
        what = (
            f"{kind!r:.80} is no class of dictionary_learning that is read" if kind else f"its {CONFIG} names no class"
        )
        raise BadDictionary(path, what, f"Set dict_class in its trainer to {', '.join(_TENSORS)}.")
    hook, note = _hook(path, said)
    return _Config(
        kind=kind,
        d=_count(path, said, "activation_dim"),
        features=_count(path, said, "dict_size"),
        k=_count(path, said, "k") if kind == "AutoEncoderTopK" else None,
        hook=hook,
        note=note,
    )


def _count(path: Path, said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    if type(value) is not int or not 1 <= value < 2**31:
        raise BadDictionary(
            path, f"its {name} cannot be {value!r:.80}", f"Correct {CONFIG}, or save or fetch it again."
        )
    return value


def _hook(path: Path, said: dict[str, Any]) -> tuple[str, str]:
    """The activation that it reads, and a sentence where that is only what is usual."""
    name, layer = said.get("submodule_name"), said.get("layer")
    if isinstance(name, str) and ANY_HOOK.fullmatch(name):
        return name, ""
    if isinstance(name, str) and (found := _SUBMODULE.fullmatch(name)):
        return f"blocks.{int(found[2])}.hook_{_HOOKS.get(found[1], found[1])}", ""
    if isinstance(name, str) and (hooks := sparsify.hooks(name, transcode=False)):  # the path of a module
        return hooks[0], ""
    if name is not None or type(layer) is not int or not 0 <= layer < 10**9:
        named = f"{name!r:.80} is no submodule that is known" if name is not None else "it names no layer"
        raise BadDictionary(
            path,
            f"{named}, so it is open what it reads",
            f"Set submodule_name in the trainer of {CONFIG} to resid_post_layer_3, mlp_out_layer_3, attn_out_layer_3 "
            "or a hook name.",
        )
    note = (
        f"{CONFIG} of {path.name} says layer {layer} and not which activation of it: the residual stream after it is "
        f"taken. If it is another, set submodule_name in its trainer to a hook name."
    )
    return f"blocks.{layer}.hook_resid_post", note


def _check(path: Path, config: _Config, found: dict[str, tuple[int, ...]]) -> None:
    sizes = {"d": config.d, "F": config.features}
    wanted = {name: tuple(sizes[axis] for axis in axes) for name, axes in _TENSORS[config.kind].items()}
    spare = _LEFT_OUT.get(config.kind, set())
    groups = {"group_sizes"} if config.kind == "MatryoshkaBatchTopKSAE" else set()
    check_shapes(
        path / WEIGHTS, {name: shape for name, shape in found.items() if name not in spare | groups}, wanted, CONFIG
    )


def _made(path: Path, config: _Config, facts: DictionaryFacts, weights: dict[str, F4]) -> Dictionary:
    notes = (config.note,) if config.note else ()
    if config.kind == "AutoEncoder":
        return _of_unit_rows(facts, weights, notes)
    encoder, decoder = _matrices(weights)
    bias = weights.get("b_dec", weights.get("decoder.bias", weights.get("decoder_bias")))
    assert bias is not None
    made = Dictionary(
        facts=facts,
        W_enc=encoder,
        W_dec=decoder,
        b_enc=weights.get("b_enc", weights.get("encoder.bias", np.zeros(config.features, np.float32))),
        b_dec=bias,
        b_in=None if config.kind in ("AutoEncoderNew", "JumpReluAutoEncoder") else bias,
        notes=notes,
    )
    return _activated(path, config, made, weights)


def _matrices(weights: dict[str, F4]) -> tuple[F4, F4]:
    """W_enc (d, feature) and W_dec (feature, d): torch's linear layers hold both the other way round."""
    if "W_enc" in weights:
        return weights["W_enc"], weights["W_dec"]
    return np.ascontiguousarray(weights["encoder.weight"].T), np.ascontiguousarray(weights["decoder.weight"].T)


def _activated(path: Path, config: _Config, made: Dictionary, weights: dict[str, F4]) -> Dictionary:
    """The dictionary with what decides when its features are active."""
    if config.kind == "GatedAutoEncoder":
        gate = Gate(weights["gate_bias"], weights["mag_bias"], weights["r_mag"])
        return replace(made, activation="gated", gate=gate)
    if config.kind == "JumpReluAutoEncoder":
        return replace(made, activation="jumprelu", threshold=weights["threshold"])
    if config.kind == "AutoEncoderTopK":
        if "k" in weights and float(weights["k"]) != config.k:
            raise BadDictionary(path, f"{CONFIG} says k = {config.k}, and {WEIGHTS} another", f"Correct {CONFIG}.")
        return replace(made, activation="topk", k=config.k)
    return _thresholded(path, made, weights) if "threshold" in weights else made


def _thresholded(path: Path, made: Dictionary, weights: dict[str, F4]) -> Dictionary:
    """One threshold for all features, as dictionary_learning encodes what was trained by the top k of a batch."""
    threshold = weights["threshold"]
    if threshold < 0:
        note = (
            f"The threshold of {path.name} was never set ({float(threshold):g}), so every positive feature counts as "
            "active, far more than it was trained for. Train it on past threshold_start_step."
        )
        return replace(made, activation="relu", notes=(*made.notes, note))
    return replace(made, activation="jumprelu", threshold=np.full(made.facts.features, threshold, np.float32))


def _of_unit_rows(facts: DictionaryFacts, weights: dict[str, F4], notes: tuple[str, ...]) -> Dictionary:
    """An AutoEncoder as its own library loads it: what a feature writes has length 1, and its activation the rest."""
    encoder, decoder = _matrices(weights)
    norm = np.linalg.norm(decoder, axis=1)
    norm[norm == 0] = 1  # a dead feature; the library would make it NaN
    return Dictionary(
        facts=facts,
        W_enc=encoder * norm,
        W_dec=decoder / norm[:, None],
        b_enc=weights["encoder.bias"] * norm,
        b_dec=weights["bias"],
        b_in=weights["bias"],
        notes=notes,
    )
