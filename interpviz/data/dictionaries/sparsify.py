"""Folders of sparsify (EleutherAI), read: `cfg.json` and `sae.safetensors` of a sparse coder, one or a run of several.

Source: eai-sparsify 1.3, `sparsify/sparse_coder.py` and `sparsify/config.py`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report, silent
from interpviz.data.dictionaries.dictionary import BadDictionary, Dictionary
from interpviz.data.dictionaries.reading import (
    Count,
    Hook,
    base_name,
    check_shapes,
    in_order,
    json_object,
    read_tensor,
    sentences,
)
from interpviz.data.hashes import files_sha256
from interpviz.data.weights import PlacedTensor, placed_tensors

CONFIG = "cfg.json"
WEIGHTS = "sae.safetensors"
NAME = "sparsify"
FILES: tuple[str, ...] = (CONFIG, WEIGHTS)

_LAYER = re.compile(r"(?:^|[^A-Za-z0-9])(?:layers|h|blocks)[._](\d{1,4})(?:\.([a-z_]{1,40}))?$")
_EMBEDDINGS = re.compile(r"(?:^|[^A-Za-z0-9])(?:embed_tokens|embed_in|wte)$")
_MODULES = {"": "hook_resid_post", "mlp": "hook_mlp_out", "self_attn": "hook_attn_out", "attn": "hook_attn_out"} | {
    "attention": "hook_attn_out"
}
_TRANSCODED = {"": ("hook_resid_pre", "hook_resid_post"), "mlp": ("mlp.hook_in", "hook_mlp_out")}


class _Config(BaseModel):
    """The fields that say how a sparse coder computes; `hook_name` and `hook_name_out` are there if we wrote it."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    d_in: Count
    k: Count
    activation: Literal["topk", "groupmax"] = "topk"
    num_latents: Annotated[int, Field(ge=0, lt=2**31)] = 0
    expansion_factor: Annotated[int, Field(ge=0, lt=2**31)] = 32
    skip_connection: bool = False
    transcode: bool = False
    hook_name: Hook | None = None
    hook_name_out: Hook | None = None

    @classmethod
    def read(cls, folder: Path) -> _Config:
        """The configuration of this folder; raises BadDictionary where it says what cannot be followed."""
        said = json_object(folder / CONFIG)
        try:
            config = cls(**{name: value for name, value in said.items() if name in cls.model_fields})
        except ValidationError as error:
            field = str(error.errors()[0]["loc"][0])
            shown = repr(said[field])[:80] if field in said else "missing"
            raise BadDictionary(
                folder, f"its {field} cannot be {shown}", f"Correct {CONFIG}, or save or fetch it again."
            ) from error
        features = config.features
        if not config.k <= features < 2**31:
            raise BadDictionary(folder, f"its k is {config.k:,}, of {features:,} features", f"Correct {CONFIG}.")
        if config.activation == "groupmax" and features % config.k:
            raise BadDictionary(
                folder, f"its {features:,} features make no {config.k:,} equal groups", f"Correct k in {CONFIG}."
            )
        return config

    @property
    def features(self) -> int:
        """How many latents it has."""
        return self.num_latents or self.d_in * self.expansion_factor

    @property
    def architecture(self) -> str:
        """What it is, in a word."""
        skip = "_skip" if self.skip_connection else ""
        return f"{self.activation}{skip}{'_transcoder' if self.transcode else ''}"


def matches(path: Path) -> bool:
    """Whether this is a folder of a sparse coder, or one of a run that holds several."""
    return _is_coder(path) or bool(_coders(path))


def parts(path: Path) -> tuple[str, ...]:
    """The folders of the sparse coders of a run, in the order of their layers; of a single one (path,)."""
    return (str(path),) if _is_coder(path) else tuple(str(path / name) for name in _coders(path))


def facts(path: Path, report: Report = silent) -> DictionaryFacts:
    """What the sparse coder of this folder is; of its weights, the header and the sha256 alone are read.

    Raises InterpvizError where the folder is none that can be read, and for that of a run.
    """
    _check_single(path)
    with sentences(path):
        config = _Config.read(path.resolve())
        _placed(path.resolve(), config)
        return _facts(path, config, report)


def load(path: Path, report: Report = silent) -> Dictionary:
    """The sparse coder of this folder, its weights as float32. Raises InterpvizError as `facts`, and for any NaN."""
    _check_single(path)
    folder = path.resolve()
    with sentences(path):
        config = _Config.read(folder)
        placed = _placed(folder, config)
        found = _facts(path, config, report)
        weights = {name: read_tensor(folder / WEIGHTS, name, tensor) for name, tensor in placed.items()}
    return Dictionary(
        facts=found,
        W_enc=weights["encoder.weight"].T.copy(),
        W_dec=weights["W_dec"],
        b_enc=weights["encoder.bias"],
        b_dec=weights["b_dec"],
        activation=config.activation,
        k=config.k,
        b_in=None if config.transcode else weights["b_dec"],
        W_skip=weights.get("W_skip"),
    )


def hooks(folder: str, transcode: bool) -> tuple[str, str] | None:
    """The activation that is read and the one that is written ("" for the same), by the folder's name; None: unknown.

    The name is the module's path, or ends in it, as that of a folder that was renamed may: the module's output is
    read, of a transcoder its input, and its output is written.
    """
    if _EMBEDDINGS.search(folder) and not transcode:
        return "hook_embed", ""
    found = _LAYER.search(folder)
    if found is None:
        return None
    block, module = f"blocks.{int(found[1])}", found[2] or ""
    if transcode:
        ends = _TRANSCODED.get(module)
        return ends and (f"{block}.{ends[0]}", f"{block}.{ends[1]}")
    return (f"{block}.{_MODULES[module]}", "") if module in _MODULES else None


def _is_coder(path: Path) -> bool:
    return all(os.path.isfile(path / name) for name in FILES)


def _coders(path: Path) -> list[str]:
    """The names of the folders in this one that hold a sparse coder."""
    try:
        return sorted((one.name for one in path.iterdir() if one.name[0] != "." and _is_coder(one)), key=in_order)
    except OSError:
        return []


def _check_single(path: Path) -> None:
    if not _is_coder(path):
        coders = _coders(path)
        raise InterpvizError(
            f"{path.resolve().name} holds several dictionaries. Choose one: {', '.join(coders[:8])}"
            f"{' …' if len(coders) > 8 else '.'}"
        )


def _facts(path: Path, config: _Config, report: Report) -> DictionaryFacts:
    hook, hook_out = _hooks(path.resolve(), config)
    return DictionaryFacts(
        name=base_name(path),
        source=str(path),
        sha256=files_sha256((path / CONFIG, path / WEIGHTS), report),
        architecture=config.architecture,
        hook=hook,
        d_in=config.d_in,
        features=config.features,
        hook_out=hook_out,
        d_out=config.d_in if hook_out else 0,
        layout=NAME,
    )


def _hooks(folder: Path, config: _Config) -> tuple[str, str]:
    if config.hook_name and bool(config.hook_name_out) == config.transcode:
        return config.hook_name, config.hook_name_out or ""
    found = hooks(folder.name, config.transcode)
    if found is None:
        kind = "layers.5.mlp" if config.transcode else "layers.5, layers.5.mlp or embed_tokens"
        raise BadDictionary(
            folder,
            f"its folder's name does not say which {'module it stands for' if config.transcode else 'output it reads'}",
            f"Name it as sparsify did, after the module, or let its name end so: {kind}.",
        )
    return found


def _placed(folder: Path, config: _Config) -> dict[str, PlacedTensor]:
    """Where the tensors lie in the file; raises BadDictionary unless they are those of the configuration."""
    found = placed_tensors(folder / WEIGHTS)
    d_in, features = config.d_in, config.features
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.weight": (features, d_in),
        "encoder.bias": (features,),
        "W_dec": (features, d_in),
        "b_dec": (d_in,),
    }
    if config.skip_connection:
        shapes["W_skip"] = (d_in, d_in)
    check_shapes(folder / WEIGHTS, {name: tensor.shape for name, tensor in found.items()}, shapes, CONFIG)
    return found
