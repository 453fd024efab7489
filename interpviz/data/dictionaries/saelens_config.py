"""What the `cfg.json` of a SAELens folder says, in the layout of version 6 or in the flat one before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from interpviz.data.dictionaries.dictionary import Activation, BadDictionary, Normalization, Reshaping
from interpviz.data.dictionaries.reading import Count, Hook, json_object

Architecture = Literal[
    "standard",
    "jumprelu",
    "gated",
    "topk",
    "abstopk",
    "batchtopk",
    "matryoshka_batchtopk",
    "transcoder",
    "jumprelu_transcoder",
    "skip_transcoder",
    "jumprelu_skip_transcoder",
]

CONFIG = "cfg.json"
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
OUTSIDE: Literal["expected_average_only_in"] = "expected_average_only_in"
WRITTEN_ANEW = ("dtype", "device", "metadata")

_RENAMED = {"hook_point": "hook_name", "hook_point_head_index": "hook_head_index", "activation_fn_str": "activation_fn"}
_HOOKS = ("hook_name", "hook_head_index", "hook_name_out", "hook_head_index_out")
_READ = {
    "normalize_activations": "none, constant_norm_rescale or layer_norm, or fold it into the weights with SAELens",
    "reshape_activations": "none or hook_z",
    "activation_fn": "relu or topk",
}
_BY_SEARCH = ("temporal", "matching_pursuit")


class SaelensConfig(BaseModel):
    """The fields that say how a dictionary computes, and the hooks it was trained on; `others` is JSON of the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    architecture: Architecture
    d_in: Count
    d_sae: Count
    d_out: Count | None = None
    k: Count | None = None
    hook_name: Hook
    hook_name_out: Hook | None = None
    hook_head_index: None = None
    hook_head_index_out: None = None
    apply_b_dec_to_input: bool | None = None
    rescale_acts_by_decoder_norm: bool | None = None
    normalize_activations: Literal["none", "constant_norm_rescale", "layer_norm", "expected_average_only_in"] = "none"
    reshape_activations: Reshaping = "none"
    activation_fn: Literal["relu"] = "relu"
    others: str = "{}"

    @classmethod
    def read(cls, folder: Path) -> SaelensConfig:
        """The configuration of this folder; raises BadDictionary where it says what cannot be read."""
        found = json_object(folder / CONFIG)
        said = _said(found)
        _check_architecture(folder, said.get("architecture"))
        unused = _unused(said["architecture"])
        try:
            config = cls(**{name: said[name] for name in cls.model_fields if name in said and name not in unused})
        except ValidationError as error:
            raise _refusal(folder, str(error.errors()[0]["loc"][0]), said) from error
        config._check_needs(folder)
        return config

    @property
    def transcoder(self) -> bool:
        """Whether it writes elsewhere than it reads."""
        return self.architecture.endswith("transcoder")

    @property
    def skip(self) -> bool:
        """Whether what it reads is also written by a linear path."""
        return "skip" in self.architecture

    @property
    def raw_threshold(self) -> bool:
        """Whether it is a training checkpoint whose one threshold is for all features."""
        return self.architecture in ("batchtopk", "matryoshka_batchtopk")

    @property
    def activation(self) -> Activation:
        """The function that makes features of what the encoder says."""
        if self.architecture in ("gated", "topk", "abstopk"):
            return self.architecture
        return "jumprelu" if self.raw_threshold or self.architecture.startswith("jumprelu") else "relu"

    @property
    def centred(self) -> bool:
        """Whether the decoder's bias is subtracted before encoding."""
        return not self.transcoder if self.apply_b_dec_to_input is None else self.apply_b_dec_to_input

    @property
    def rescaled(self) -> bool:
        """Whether features count in norms of their decoder rows; a training checkpoint's do unless it says no."""
        if not (self.raw_threshold or self.activation in ("topk", "abstopk")):
            return False
        return self.raw_threshold if self.rescale_acts_by_decoder_norm is None else self.rescale_acts_by_decoder_norm

    @property
    def width_out(self) -> int:
        """How many numbers it writes."""
        return self.d_out or self.d_in if self.transcoder else self.d_in

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

    def _check_needs(self, folder: Path) -> None:
        """Raise BadDictionary where the architecture needs what the configuration does not say."""
        if self.activation in ("topk", "abstopk") and not 1 <= (self.k or 0) <= self.d_sae:
            raise BadDictionary(
                folder, f"its k is {_shown(self.k)}, of {self.d_sae:,} features", f"Correct k in {CONFIG}."
            )
        if not self.transcoder:
            return
        if self.hook_name_out is None:
            raise BadDictionary(
                folder, f"{CONFIG} does not say which hook it writes", "Put hook_name_out into its metadata."
            )
        if self.d_out is None:
            raise BadDictionary(folder, f"{CONFIG} does not say how many numbers it writes", "Put d_out into it.")
        if self.apply_b_dec_to_input:
            raise BadDictionary(
                folder,
                "a transcoder's decoder bias cannot be subtracted from what it reads",
                f"Set apply_b_dec_to_input to false in {CONFIG}.",
            )


def _check_architecture(folder: Path, architecture: object) -> None:
    if isinstance(architecture, str) and architecture in _BY_SEARCH:
        raise BadDictionary(
            folder,
            f"the features of a {architecture} dictionary are found by a search over the text, which is not done here",
            "Its decoder directions can be had: take rows of W_dec out of its weights, and add them as .npy files.",
        )
    if architecture not in ARCHITECTURES:
        raise BadDictionary(
            folder,
            f"{_shown(architecture)} is not among the architectures that are read",
            f"Choose a dictionary of architecture {_listed()}.",
        )


def _unused(architecture: str) -> set[str]:
    """The fields that mean nothing to an architecture, and may hold anything."""
    unused = set() if architecture in ("topk", "abstopk") else {"k"}  # of batchtopk a mean, which can be 2.5
    return unused if "transcoder" in architecture else unused | {"d_out", "hook_name_out", "hook_head_index_out"}


def _listed() -> str:
    return f"{', '.join(ARCHITECTURES[:-1])} or {ARCHITECTURES[-1]}"


def _said(found: dict[str, Any]) -> dict[str, Any]:
    """The fields of cfg.json under their names of version 6, those of its metadata that matter among them."""
    if "metadata" not in found:
        found = _from_flat(found)
    metadata = found["metadata"] if isinstance(found["metadata"], dict) else {}
    known = (*SaelensConfig.model_fields, *WRITTEN_ANEW)
    others: dict[str, Any] = {name: value for name, value in found.items() if name not in known}
    if found.get("normalize_activations") == OUTSIDE:
        others["normalize_activations"] = OUTSIDE  # which a Dictionary has no place for
    others["metadata"] = {name: value for name, value in metadata.items() if name not in _HOOKS}
    return found | {name: metadata.get(name) for name in _HOOKS} | {"others": json.dumps(others)}


def _from_flat(found: dict[str, Any]) -> dict[str, Any]:
    """What versions before 6 wrote, read as SAELens reads it; what says nothing of how it computes is metadata."""
    said = {_RENAMED.get(name, name): value for name, value in found.items()}
    said.setdefault("architecture", "standard")
    kwargs = said.pop("activation_fn_kwargs", None)
    if said.get("activation_fn") == "topk":
        said |= {
            "architecture": "topk",
            "activation_fn": "relu",
            "k": kwargs.get("k") if isinstance(kwargs, dict) else None,
        }
    said.setdefault("reshape_activations", "hook_z" if "hook_z" in str(said.get("hook_name")) else "none")
    norm = said.get("normalize_activations")
    if norm is None or isinstance(norm, bool):
        said["normalize_activations"] = OUTSIDE if norm else "none"
    said.pop("sae_lens_version", None)  # of the flat layout, which SAELens would take the new one for
    known = (*SaelensConfig.model_fields, *WRITTEN_ANEW)
    metadata = {name: value for name, value in said.items() if name in _HOOKS or name not in known}
    return {name: value for name, value in said.items() if name in known} | {"metadata": metadata}


def _refusal(folder: Path, field: str, said: dict[str, Any]) -> BadDictionary:
    """A sentence on the first field that is not as it must be."""
    if field.startswith("hook_head_index"):
        return BadDictionary(folder, "it reads or writes a single head", "Choose one of whole activations.")
    if field == "hook_name" and said.get(field) is None:
        return BadDictionary(folder, f"{CONFIG} does not say which hook it reads", "Put hook_name into its metadata.")
    value, read = _shown(said.get(field)), _READ.get(field)
    if read:
        return BadDictionary(folder, f"its {field} is {value}", f"Choose one whose {field} is {read}.")
    return BadDictionary(folder, f"its {field} cannot be {value}", f"Correct {CONFIG}, or save or fetch it again.")


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:80]
