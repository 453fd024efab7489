"""Transcoders of circuit-tracer, read: a folder of one for each layer, or of one that writes across layers.

A set has `config.yaml` and `layer_0.safetensors` and so on; a cross-layer transcoder `W_enc_0.safetensors` and
`W_dec_0.safetensors` and so on. Each layer is a dictionary of its own, named by its file.
Source: circuit-tracer 0.5, `transcoder/` and `utils/hf_utils.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from interpviz.core.errors import InterpvizError, shown
from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report
from interpviz.core.sites import ANY_HOOK
from interpviz.data.dictionaries.dictionary import BadDictionary, Dictionary
from interpviz.data.dictionaries.fitting import check_fit
from interpviz.data.dictionaries.reading import base_name, read_tensor, sentences
from interpviz.data.hashes import files_sha256
from interpviz.data.weights import PlacedTensor, placed_tensors

CONFIG = "config.yaml"
CONFIG_BYTES = 2**16
NAME = "circuit-tracer"
FILES: tuple[str, ...] = (CONFIG,)
THRESHOLD = "activation_function.threshold"
DEPTH = 32

_PART = re.compile(r"(layer|W_enc)_(\d{1,4})\.safetensors")


@dataclass(frozen=True)
class _Part:
    """One layer of a set, and where its tensors lie, by the names that those of a set of one each have."""

    folder: Path
    layer: int
    across: int  # the layers that it writes to, 0 where it is one of a set
    placed: Mapping[str, tuple[Path, PlacedTensor]]

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(path for path, _ in self.placed.values()))

    def shape(self, name: str) -> tuple[int, ...]:
        return self.placed[name][1].shape


def matches(path: Path) -> bool:
    """Whether a set lies there, or one of its layers."""
    if os.path.isfile(path):
        return bool(_PART.fullmatch(path.name)) and os.path.isfile(path.parent / CONFIG)
    try:
        return os.path.isfile(path / CONFIG) and any(map(_PART.fullmatch, os.listdir(path)))
    except OSError:
        return False


def parts(path: Path) -> tuple[str, ...]:
    """The file of each layer, in order; of a layer alone, itself. Raises InterpvizError where a layer is missing."""
    with sentences(path):
        return (str(path),) if path.is_file() else tuple(map(str, _layers(path)))


def facts(path: Path, report: Report) -> DictionaryFacts:
    """What the transcoder of this layer is. Raises InterpvizError where it is none that can be read."""
    with sentences(path):
        return _facts(path, _part(path), report)


def load(path: Path, report: Report) -> Dictionary:
    """The transcoder of this layer, its weights as float32. Raises InterpvizError as `facts`, and for any NaN."""
    with sentences(path):
        part = _part(path)
        found = _facts(path, part, report)
        weights = {name: read_tensor(file, name, placed) for name, (file, placed) in part.placed.items()}
    threshold = weights.get(THRESHOLD)
    if threshold is not None and (threshold < 0).any():
        raise BadDictionary(part.folder, "a threshold is negative", "Choose a set whose features are never negative.")
    return Dictionary(
        facts=found,
        W_enc=np.ascontiguousarray(weights["W_enc"].T),
        W_dec=weights["W_dec"],
        b_enc=weights["b_enc"],
        b_dec=weights["b_dec"],
        activation="relu" if threshold is None else "jumprelu",
        threshold=None if threshold is None else threshold.reshape(-1),
        W_skip=weights.get("W_skip"),
    )


def _facts(path: Path, part: _Part, report: Report) -> DictionaryFacts:
    said = _config(part.folder)
    features, d_in = part.shape("W_enc")
    kind = ["jumprelu_" * (THRESHOLD in part.placed), "skip_" * ("W_skip" in part.placed), "transcoder"]
    return DictionaryFacts(
        name=base_name(path),
        source=str(path),
        sha256=files_sha256((part.folder / CONFIG, *part.files), report),
        architecture=("cross_layer_" if part.across else "") + "".join(kind),
        hook=_hook(part, said, "feature_input_hook"),
        d_in=d_in,
        features=features,
        hook_out=_hook(part, said, "feature_output_hook"),
        d_out=part.shape("W_dec")[-1],
        writes_ahead=bool(part.across),
        layout=NAME,
    )


def _hook(part: _Part, said: dict[str, str], key: str) -> str:
    named = said.get(key, "")
    if named == "mlp.hook_out" and "gemma" not in said.get("model_name", "").lower():
        named = "hook_mlp_out"  # the same activation, but in models that norm what an MLP writes
    hook = f"blocks.{part.layer}.{named}"
    if not ANY_HOOK.fullmatch(hook):
        raise BadDictionary(
            part.folder, f"{CONFIG} does not say its {key}", f"Write one there, such as {key}: hook_mlp_out."
        )
    return hook


def _config(folder: Path) -> dict[str, str]:
    """The plain texts of the file: nothing in it is constructed, and what is nested is left alone."""
    file = folder / CONFIG
    raw = file.read_bytes() if file.stat().st_size <= CONFIG_BYTES else b""
    try:
        nodes = _top(raw)
    except (yaml.YAMLError, ValueError) as error:
        raise BadDictionary(folder, f"{CONFIG} is no YAML, or far too deep", "Save or fetch it again.") from error
    if not nodes:
        raise BadDictionary(folder, f"{CONFIG} says nothing, or is far too long", "Save or fetch it again.")
    return {key: value for key, value in zip(nodes[::2], nodes[1::2], strict=True) if key and value}


def _top(raw: bytes) -> list[str | None]:
    """The keys and values in turn of the mapping that a YAML text is, None for what is no plain text."""
    nodes: list[str | None] = []
    depth = 0
    for event in yaml.parse(raw, Loader=yaml.SafeLoader):
        if depth == 0 and isinstance(event, yaml.NodeEvent) and not isinstance(event, yaml.MappingStartEvent):
            return []
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:  # the parser's time grows with the square of it
            raise yaml.YAMLError
        if depth == 1 and isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            plain = isinstance(event, yaml.ScalarEvent) and event.tag is None
            nodes += [event.value if plain else None] * (not isinstance(event, yaml.CollectionStartEvent))
    return nodes


def _layers(folder: Path) -> tuple[Path, ...]:
    """The files of the layers, in order; raises BadDictionary where one is missing."""
    found = [match for match in map(_PART.fullmatch, os.listdir(folder)) if match]
    kind = max(match[1] for match in found)  # a set has one of them, and "layer" comes after "W_enc"
    numbers = {int(match[2]) for match in found if match[1] == kind}
    files = tuple(folder / f"{kind}_{number}.safetensors" for number in range(max(numbers, default=0) + 1))
    for file in files:
        if not file.is_file():
            raise BadDictionary(folder, f"it lacks {file.name}", "Save or fetch the set again, whole.")
    return files


def _part(path: Path) -> _Part:
    """The tensors of this layer, known to be those of a transcoder; raises BadDictionary otherwise."""
    if not path.is_file():
        raise InterpvizError(
            f"{path.name} is a set of transcoders. Choose one of its layers, such as {_layers(path)[0]}."
        )
    match = _PART.fullmatch(path.name)
    assert match is not None
    layer = int(match[2])
    part = _across(path, layer) if match[1] == "W_enc" else _alone(path, layer)
    axes = {"W_enc": "Fd", "W_dec": "Flo" if part.across else "Fo", "b_enc": "F", "b_dec": "o"}
    found = {name: part.shape(name) for name in part.placed}
    lengths = check_fit(path, found, axes | {THRESHOLD: "F", "W_skip": "od"}, (THRESHOLD, "W_skip"))
    if part.across and lengths["l"] != part.across:
        raise BadDictionary(
            part.folder,
            f"layer {layer} writes to {lengths['l']} layers, and there are {part.across} from it on",
            "Save or fetch the set again, whole.",
        )
    return part


def _alone(path: Path, layer: int) -> _Part:
    return _Part(path.parent, layer, 0, {name: (path, tensor) for name, tensor in placed_tensors(path).items()})


def _across(path: Path, layer: int) -> _Part:
    """A layer of a cross-layer transcoder, which names its tensors by their layers."""
    decoder = path.with_name(f"W_dec_{layer}.safetensors")
    if not decoder.is_file():
        raise BadDictionary(path.parent, f"it lacks {decoder.name}", "Save or fetch the set again, whole.")
    placed = {}
    for file in (path, decoder):
        for name, tensor in placed_tensors(file).items():
            plain = name.removesuffix(f"_{layer}")
            if plain == name:
                raise BadDictionary(
                    path.parent, f"{file.name} holds {shown(name)}", "Name its tensors as circuit-tracer does."
                )
            placed[THRESHOLD if plain == "threshold" else plain] = file, tensor
    return _Part(path.parent, layer, len(_layers(path.parent)) - layer, placed)
