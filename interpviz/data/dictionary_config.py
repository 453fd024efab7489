"""What the `cfg.json` of a SAELens folder says, in the layout of version 6 or in the flat one before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interpviz.core.errors import InterpvizError

Architecture = Literal["standard", "jumprelu"]
Normalization = Literal["none", "constant_norm_rescale", "layer_norm"]
Reshaping = Literal["none", "hook_z"]

CONFIG = "cfg.json"
CONFIG_BYTES = 2**20
ARCHITECTURES: tuple[Architecture, ...] = ("standard", "jumprelu")
OUTSIDE: Literal["expected_average_only_in"] = "expected_average_only_in"

_RENAMED = {"hook_point": "hook_name", "hook_point_head_index": "hook_head_index", "activation_fn_str": "activation_fn"}
_READ = {
    "normalize_activations": "none, constant_norm_rescale or layer_norm, or fold it into the weights with SAELens",
    "reshape_activations": "none or hook_z",
    "activation_fn": "relu",
}


class BadDictionary(InterpvizError):
    """The folder is laid out as SAELens does, but cannot be read."""

    def __init__(self, folder: Path, what: str, remedy: str) -> None:
        super().__init__(f"{folder.name} cannot be read as a dictionary: {what}. {remedy}")


Count = Annotated[int, Field(ge=1, lt=2**31)]


class DictionaryConfig(BaseModel):
    """The fields that say how a dictionary computes, and the hook it was trained on; all others are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    architecture: Architecture
    d_in: Count
    d_sae: Count
    hook_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]
    hook_head_index: None = None
    apply_b_dec_to_input: bool = True
    normalize_activations: Literal["none", "constant_norm_rescale", "layer_norm", "expected_average_only_in"] = "none"
    reshape_activations: Reshaping = "none"
    activation_fn: Literal["relu"] = "relu"

    @classmethod
    def read(cls, folder: Path) -> DictionaryConfig:
        """The configuration of this folder; raises BadDictionary where it says what cannot be read."""
        said = _said(folder)
        architecture = said.get("architecture")
        if architecture not in ARCHITECTURES:
            raise BadDictionary(
                folder,
                f"{_shown(architecture)} is not among the architectures that are read so far",
                f"Choose a dictionary of architecture {' or '.join(ARCHITECTURES)}.",
            )
        try:
            return cls(**{name: value for name, value in said.items() if name in cls.model_fields})
        except ValidationError as error:
            raise _refusal(folder, str(error.errors()[0]["loc"][0]), said) from error

    @property
    def normalization(self) -> Normalization:
        """How activations are normalised when the dictionary is used."""
        return "none" if self.normalize_activations == OUTSIDE else self.normalize_activations

    def notes(self, name: str) -> tuple[str, ...]:
        """Sentences on what the folder leaves open."""
        note = (
            f"{name} was trained on activations times a factor that its folder does not hold ({OUTSIDE}). "
            "Its features are right only if SAELens has folded that factor into the weights."
        )
        return (note,) if self.normalize_activations == OUTSIDE else ()


def _said(folder: Path) -> dict[str, Any]:
    """The fields of cfg.json under their names of version 6, the two of its metadata that matter among them."""
    path = folder / CONFIG
    raw = path.read_bytes() if path.stat().st_size <= CONFIG_BYTES else b""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadDictionary(folder, f"{CONFIG} is no JSON object, or far too long", "Save or fetch it again.")
    if "metadata" not in found:
        return _from_flat(found)
    metadata = found["metadata"] if isinstance(found["metadata"], dict) else {}
    return found | {name: metadata.get(name) for name in ("hook_name", "hook_head_index")}


def _from_flat(found: dict[str, Any]) -> dict[str, Any]:
    """What versions before 6 wrote, read as SAELens reads it."""
    said = {_RENAMED.get(name, name): value for name, value in found.items()}
    said.setdefault("architecture", "standard")
    if said.get("activation_fn") == "topk":
        said["architecture"] = "topk"
    said.setdefault("reshape_activations", "hook_z" if "hook_z" in str(said.get("hook_name")) else "none")
    norm = said.get("normalize_activations")
    if norm is None or isinstance(norm, bool):
        said["normalize_activations"] = OUTSIDE if norm else "none"
    return said


def _refusal(folder: Path, field: str, said: dict[str, Any]) -> BadDictionary:
    """A sentence on the first field that is not as it must be."""
    if field == "hook_head_index":
        return BadDictionary(folder, "it reads a single head", "Choose one that reads a whole activation.")
    if field == "hook_name" and said.get(field) is None:
        return BadDictionary(folder, f"{CONFIG} does not say which hook it reads", "Put hook_name into its metadata.")
    value, read = _shown(said.get(field)), _READ.get(field)
    if read:
        return BadDictionary(folder, f"its {field} is {value}", f"Choose one whose {field} is {read}.")
    return BadDictionary(folder, f"its {field} cannot be {value}", f"Correct {CONFIG}, or save or fetch it again.")


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:80]
