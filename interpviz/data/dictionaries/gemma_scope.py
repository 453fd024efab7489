"""Gemma Scope, read: the `params.npz` of a folder whose path says what it reads.

Source: the files' own names, and sae-lens 6.54, `loading/pretrained_sae_loaders.py`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report
from interpviz.data import npz
from interpviz.data.dictionaries.dictionary import BadDictionary, Dictionary, Reshaping
from interpviz.data.dictionaries.fitting import check_fit
from interpviz.data.dictionaries.reading import base_name, checked, sentences
from interpviz.data.hashes import files_sha256

WEIGHTS = "params.npz"
NAME = "Gemma Scope"
FILES: tuple[str, ...] = (WEIGHTS,)
FACTOR = "scaling_factor"

_AXES = {"W_enc": "dF", "W_dec": "Fo", "b_enc": "F", "b_dec": "o", "threshold": "F", FACTOR: "F"}
_LAYER = re.compile(r"layer_(\d{1,4})")
_KIND = re.compile(r"gemma-scope-.*-(res|mlp|att|transcoders)$")


def matches(path: Path) -> bool:
    """Whether a folder of Gemma Scope lies there."""
    return os.path.isfile(path / WEIGHTS)


def parts(path: Path) -> tuple[str, ...]:
    """The folder itself: it holds one dictionary."""
    return (str(path),)


def facts(path: Path, report: Report) -> DictionaryFacts:
    """What the dictionary of this folder is. Raises InterpvizError where it is none that can be read."""
    with sentences(path):
        found = {_plain(name): shape for name, shape in npz.shapes(path / WEIGHTS).items()}
        return _facts(path, found, report)


def load(path: Path, report: Report) -> Dictionary:
    """The dictionary of this folder, its weights as float32. Raises InterpvizError as `facts`, and for any NaN."""
    with sentences(path):
        found = {_plain(name): values for name, values in npz.read(path / WEIGHTS).items()}
        facts = _facts(path, {name: values.shape for name, values in found.items()}, report)
        weights = {name: checked(path / WEIGHTS, name, values) for name, values in found.items()}
    if not np.allclose(weights.pop(FACTOR, np.ones(1)), 1):
        raise BadDictionary(path, f"its {FACTOR} is not 1", "Choose one that was not finetuned.")
    kind = _kind(path)
    reshaped: Reshaping = "hook_z" if kind == "att" else "none"
    note = (
        f"No folder above {path.name} says of which kind it is: the residual stream is taken. If it is another, put "
        "it below a folder named as Gemma Scope names it, such as gemma-scope-2b-pt-mlp."
    )
    return Dictionary(
        facts=facts,
        W_enc=weights["W_enc"],
        W_dec=weights["W_dec"],
        b_enc=weights["b_enc"],
        b_dec=weights["b_dec"],
        activation="jumprelu",
        threshold=weights["threshold"],
        reshape_activations=reshaped,
        notes=() if kind else (note,),
    )


def _plain(name: str) -> str:
    return f"W_{name[2:]}" if name in ("w_enc", "w_dec") else name


def _kind(path: Path) -> str:
    """ "res", "mlp", "att" or "transcoders", as a folder above says; "" where none does."""
    kinds = [match[1] for folder in path.absolute().parts if (match := _KIND.search(folder))]
    return kinds[-1] if kinds else ""


def _facts(path: Path, found: dict[str, tuple[int, ...]], report: Report) -> DictionaryFacts:
    lengths = check_fit(path / WEIGHTS, found, _AXES, (FACTOR,))
    hook, hook_out = _hooks(path)
    if not hook_out and lengths["d"] != lengths["o"]:
        raise BadDictionary(
            path,
            f"it reads {lengths['d']} numbers and writes {lengths['o']}, and no folder above says that it may",
            "Put it below a folder named as Gemma Scope names it, such as gemma-scope-2b-pt-transcoders.",
        )
    return DictionaryFacts(
        name=base_name(path),
        source=str(path),
        sha256=files_sha256((path / WEIGHTS,), report),
        architecture="jumprelu_transcoder" if hook_out else "jumprelu",
        hook=hook,
        d_in=lengths["d"],
        features=lengths["F"],
        hook_out=hook_out,
        d_out=lengths["o"] if hook_out else 0,
        layout=NAME,
    )


def _hooks(path: Path) -> tuple[str, str]:
    """What it reads, and what it writes if that is another, as the folders above say."""
    layers = [match[1] for folder in path.absolute().parts if (match := _LAYER.fullmatch(folder))]
    if not layers:
        raise BadDictionary(
            path,
            f"{WEIGHTS} does not say which layer it reads, and no folder above it does",
            "Keep the names of Gemma Scope, such as gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71.",
        )
    block = f"blocks.{int(layers[-1])}"
    return {
        "mlp": (f"{block}.hook_mlp_out", ""),
        "att": (f"{block}.attn.hook_z", ""),
        "transcoders": (f"{block}.ln2.hook_normalized", f"{block}.hook_mlp_out"),
    }.get(_kind(path), (f"{block}.hook_resid_post", ""))
