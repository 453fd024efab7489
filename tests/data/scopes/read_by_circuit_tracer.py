"""Reads folders of Gemma Scope by circuit-tracer itself, in an environment of its own.

`python read_by_circuit_tracer.py` prints how many, and by how much its features and outputs differ at most from those
stored beside them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from circuit_tracer.transcoder.single_layer_transcoder import (  # type: ignore[import-not-found]
    load_gemma_scope_2_transcoder,
    load_gemma_scope_transcoder,
)
from safetensors.torch import load_file

HERE = Path(__file__).parent
READERS = {
    HERE / "gemma-scope-2b-pt-transcoders" / "layer_3" / "width_16k" / "average_l0_54" / "params.npz": (
        load_gemma_scope_transcoder
    ),
    HERE / "gemma-scope-2-270m-pt" / "transcoder_affine" / "params.safetensors": load_gemma_scope_2_transcoder,
}


@torch.no_grad()
def difference(weights: Path, reader: Any) -> float:
    """The largest difference of a number."""
    expected = load_file(weights.with_name("expected.safetensors"))
    coder = reader(str(weights), 3, device=torch.device("cpu"))
    features = coder.encode(expected["x"])
    written = coder.decode(features, expected["x"])
    return max(float((features - expected["features"]).abs().max()), float((written - expected["decoded"]).abs().max()))


if __name__ == "__main__":
    sys.stdout.write(f"{len(READERS)} {max(difference(*reader) for reader in READERS.items())}\n")
