"""SAELens folders, read: `cfg.json` and `sae_weights.safetensors` of a standard or jumprelu dictionary.

Source: sae-lens 6.54, `saes/sae.py` and `loading/pretrained_sae_loaders.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report, silent
from interpviz.core.results import F4
from interpviz.data.dictionary_config import CONFIG, BadDictionary, DictionaryConfig, Normalization, Reshaping
from interpviz.data.hashes import files_sha256
from interpviz.data.tensors import finite, read_float32
from interpviz.data.weights import PlacedTensor, placed_tensors

__all__ = ["CONFIG", "WEIGHTS", "BadDictionary", "Dictionary", "facts", "load"]

WEIGHTS = "sae_weights.safetensors"
FACTOR = "scaling_factor"
READ = f"Choose a SAELens folder, which holds {CONFIG} and {WEIGHTS}."


@dataclass(frozen=True, eq=False)
class Dictionary:
    """A dictionary and its weights, all finite. `notes` are sentences on what the folder leaves open.

    W_enc is (d_in, feature), W_dec (feature, d_in), b_enc (feature,), b_dec (d_in,); threshold is (feature,), None
    unless the architecture is jumprelu.
    """

    facts: DictionaryFacts
    W_enc: F4
    W_dec: F4
    b_enc: F4
    b_dec: F4
    threshold: F4 | None
    apply_b_dec_to_input: bool
    normalize_activations: Normalization
    reshape_activations: Reshaping
    notes: tuple[str, ...]


def facts(path: Path | str, report: Report = silent) -> DictionaryFacts:
    """What the dictionary of this folder is; of its weights, the header and the sha256 alone are read.

    Raises InterpvizError where the folder is none that can be read.
    """
    folder = _folder(path)
    with _sentences(folder):
        config = DictionaryConfig.read(folder)
        _placed(folder, config)
        return _facts(folder, path, config, report)


def load(path: Path | str, report: Report = silent) -> Dictionary:
    """The dictionary of this folder, its weights as float32. Raises InterpvizError as `facts`, and for any NaN."""
    folder = _folder(path)
    with _sentences(folder):
        config = DictionaryConfig.read(folder)
        placed = _placed(folder, config)
        found = _facts(folder, path, config, report)
        weights = {name: _read(folder, name, tensor) for name, tensor in placed.items()}
    if not np.allclose(weights.pop(FACTOR, np.ones(1)), 1):
        raise BadDictionary(folder, f"its {FACTOR} is not 1", "Fold it into the weights with SAELens first.")
    return Dictionary(
        facts=found,
        W_enc=weights["W_enc"],
        W_dec=weights["W_dec"],
        b_enc=weights["b_enc"],
        b_dec=weights["b_dec"],
        threshold=weights.get("threshold"),
        apply_b_dec_to_input=config.apply_b_dec_to_input,
        normalize_activations=config.normalization,
        reshape_activations=config.reshape_activations,
        notes=config.notes(found.name),
    )


def _folder(path: Path | str) -> Path:
    """The folder, whose base name is what its features are called by."""
    given = os.path.expanduser(path)
    if not os.path.isdir(given):  # unlike Path's, these two never raise
        raise InterpvizError(f"There is no folder {path}. {READ}")
    folder = Path(given).resolve()
    name = folder.name
    if not name or name != name.strip() or any(mark in name for mark in ":@") or not name.isprintable():
        raise InterpvizError(
            f"Features are called after their dictionary's folder, and '{name}/0' would not be understood. "
            "Give the folder a plain name, without : and @."
        )
    return folder


def _facts(folder: Path, path: Path | str, config: DictionaryConfig, report: Report) -> DictionaryFacts:
    return DictionaryFacts(
        name=folder.name,
        source=os.path.expanduser(str(path)),
        sha256=files_sha256((folder / CONFIG, folder / WEIGHTS), report),
        architecture=config.architecture,
        hook=config.hook_name,
        d_in=config.d_in,
        features=config.d_sae,
    )


def _placed(folder: Path, config: DictionaryConfig) -> dict[str, PlacedTensor]:
    """Where the tensors lie in the file; raises BadDictionary unless they are those of the architecture."""
    found = placed_tensors(folder / WEIGHTS)
    shapes = _shapes(config)
    missing = [name for name in shapes if name not in found]
    if missing:
        raise BadDictionary(folder, f"{WEIGHTS} lacks {missing[0]}", "Save or fetch it again, whole.")
    strange = sorted(found.keys() - shapes.keys() - {FACTOR})
    if strange:
        raise BadDictionary(
            folder,
            f"a {config.architecture} dictionary has no tensor {strange[0][:80]!r}",
            "Save it with SAELens under the architecture that it has.",
        )
    wrong = [name for name, shape in shapes.items() if found[name].shape != shape]
    if wrong:
        raise BadDictionary(
            folder,
            f"its {wrong[0]} is {_said(found[wrong[0]].shape)}, and {CONFIG} says {_said(shapes[wrong[0]])}",
            f"Put the {CONFIG} that belongs to these weights beside them.",
        )
    return found


def _shapes(config: DictionaryConfig) -> dict[str, tuple[int, ...]]:
    """The tensors that a dictionary of this kind has, and no other."""
    d_in, features = config.d_in, config.d_sae
    shapes: dict[str, tuple[int, ...]] = {
        "W_enc": (d_in, features),
        "W_dec": (features, d_in),
        "b_enc": (features,),
        "b_dec": (d_in,),
    }
    return shapes | {"threshold": (features,)} if config.architecture == "jumprelu" else shapes


def _said(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[:8])) or "a single number"


def _read(folder: Path, name: str, tensor: PlacedTensor) -> F4:
    values = read_float32(folder / WEIGHTS, tensor)
    if not finite(values):
        raise BadDictionary(folder, f"its {name} holds NaN or infinite numbers", "Train, save or fetch it again.")
    return values


@contextmanager
def _sentences(folder: Path) -> Iterator[None]:
    """Say what the system refuses in a sentence."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():  # to open a pipe would wait for ever
            raise InterpvizError(f"{folder.name} holds no {name}, and no other kind of dictionary is read yet. {READ}")
    try:
        yield
    except OSError as error:
        raise InterpvizError(f"{folder} cannot be read ({error.strerror}). Check the disk and your rights.") from error
    except MemoryError as error:
        raise InterpvizError(
            f"There is not enough memory for {folder.name}. Close other programs or models."
        ) from error
