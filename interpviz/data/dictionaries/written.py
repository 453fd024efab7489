"""What the files of a dictionary say in the layouts that are written: their configuration and their tensors.

Source: sae-lens 6.54, `saes/sae.py`; eai-sparsify 1.3, `sparsify/sparse_coder.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4
from interpviz.data.dictionaries.dictionary import Dictionary, Gate

SAELENS_VERSION = "6.54.12"  # without one, or below 6, SAELens would look for the flat layout


@dataclass(frozen=True, eq=False)
class Written:
    """A configuration, and the tensors of a file of weights."""

    config: dict[str, Any]
    tensors: dict[str, F4]


def as_saelens(dictionary: Dictionary, metadata: Mapping[str, Any]) -> Written:
    """The dictionary as SAELens writes it; raises InterpvizError where SAELens has no architecture like it."""
    architecture = _architecture(dictionary)
    b_in = dictionary.b_in
    if b_in is not None and (dictionary.facts.transcoder or not np.array_equal(b_in, dictionary.b_dec)):
        dictionary = _shifted(dictionary, -b_in.astype(np.float64), None)
    others = json.loads(dictionary.metadata)
    facts = dictionary.facts
    normalization = dictionary.normalize_activations
    if normalization == "none":
        normalization = others.get("normalize_activations", "none")
    config = {
        "d_in": facts.d_in,
        "d_sae": facts.features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": dictionary.b_in is not None,
        "reshape_activations": dictionary.reshape_activations,
        "architecture": architecture,
    }
    if dictionary.k is not None:
        config |= {"k": dictionary.k, "rescale_acts_by_decoder_norm": dictionary.rescale_by_decoder_norm}
    if facts.transcoder:
        config["d_out"] = facts.d_out
    said = {"sae_lens_version": SAELENS_VERSION} | others.get("metadata", {}) | dict(metadata)
    said |= {"hook_name": facts.hook, "hook_head_index": None}
    if facts.transcoder:
        said |= {"hook_name_out": facts.hook_out, "hook_head_index_out": None}
    whole = others | config | {"normalize_activations": normalization, "metadata": said}
    return Written(whole, _saelens_tensors(dictionary))


def as_sparsify(dictionary: Dictionary, metadata: Mapping[str, Any]) -> Written:
    """The dictionary as sparsify writes it, its hooks beside; raises InterpvizError for what sparsify has not."""
    facts = dictionary.facts
    if dictionary.activation not in ("topk", "groupmax") or dictionary.rescale_by_decoder_norm:
        raise _has_no(dictionary, "sparsify", f"{dictionary.activation} dictionaries", "Write it as SAELens does.")
    if facts.writes_ahead or facts.written[1] != facts.d_in:
        raise _has_no(dictionary, "sparsify", "transcoders of two widths", "Write it as SAELens does.")
    if dictionary.normalize_activations != "none":
        raise _has_no(dictionary, "sparsify", "normalised activations", "Write it as SAELens does.")
    wanted = None if facts.transcoder else dictionary.b_dec
    b_in = dictionary.b_in
    if not (b_in is wanted or (b_in is not None and wanted is not None and np.array_equal(b_in, wanted))):
        none = np.zeros(facts.d_in)
        dictionary = _shifted(
            dictionary, (none if wanted is None else wanted) - (none if b_in is None else b_in), wanted
        )
    tensors = {
        "W_dec": dictionary.W_dec,
        "b_dec": dictionary.b_dec,
        "encoder.bias": dictionary.b_enc,
        "encoder.weight": dictionary.W_enc.T,
    }
    if dictionary.W_skip is not None:
        tensors["W_skip"] = dictionary.W_skip
    config = {
        "activation": dictionary.activation,
        "expansion_factor": max(1, facts.features // facts.d_in),
        "normalize_decoder": False,
        "num_latents": facts.features,
        "k": dictionary.k,
        "multi_topk": False,
        "skip_connection": dictionary.W_skip is not None,
        "transcode": facts.transcoder,
        "d_in": facts.d_in,
        "hook_name": facts.hook,
    }
    return Written(dict(metadata) | config | ({"hook_name_out": facts.hook_out} if facts.transcoder else {}), tensors)


def _architecture(dictionary: Dictionary) -> str:
    """What SAELens calls it."""
    facts, activation = dictionary.facts, dictionary.activation
    if facts.writes_ahead:
        raise _has_no(dictionary, "SAELens", "cross-layer transcoders", "Keep the files that it was read from.")
    if activation == "groupmax" or (facts.transcoder and activation not in ("relu", "jumprelu")):
        kind = f"{activation} {'transcoders' if facts.transcoder else 'dictionaries'}"
        raise _has_no(dictionary, "SAELens", kind, "Write it as sparsify does.")
    if dictionary.rescale_by_decoder_norm and activation not in ("topk", "abstopk"):
        raise _has_no(
            dictionary, "SAELens", f"{activation} dictionaries in norms of the decoder", "Fold them in first."
        )
    if not facts.transcoder:
        if dictionary.W_skip is not None:
            raise _has_no(dictionary, "SAELens", "linear paths but of transcoders", "Write it as sparsify does.")
        return "standard" if activation == "relu" else activation
    kind = "transcoder" if dictionary.W_skip is None else "skip_transcoder"
    return kind if activation == "relu" else f"{activation}_{kind}"


def _has_no(dictionary: Dictionary, owner: str, what: str, remedy: str) -> InterpvizError:
    return InterpvizError(f"{dictionary.facts.name} cannot be written: {owner} has no {what}. {remedy}")


def _saelens_tensors(dictionary: Dictionary) -> dict[str, F4]:
    found: dict[str, F4 | None] = {
        "W_enc": dictionary.W_enc,
        "W_dec": dictionary.W_dec,
        "b_dec": dictionary.b_dec,
        "threshold": dictionary.threshold,
        "W_skip": dictionary.W_skip,
    }
    gate = dictionary.gate
    found |= vars(gate) if gate else {"b_enc": dictionary.b_enc}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def _shifted(dictionary: Dictionary, by: Any, b_in: F4 | None) -> Dictionary:
    """The same dictionary that subtracts `b_in`, its encoder's bias taking up the difference `by` (d_in,)."""
    shift = np.asarray(by, np.float64) @ dictionary.W_enc
    gate = dictionary.gate
    if gate is None:
        return replace(dictionary, b_enc=(dictionary.b_enc + shift).astype(np.float32), b_in=b_in)
    turned = Gate(
        (gate.b_gate + shift).astype(np.float32),
        (gate.b_mag + shift * np.exp(gate.r_mag)).astype(np.float32),
        gate.r_mag,
    )
    return replace(dictionary, gate=turned, b_in=b_in)
