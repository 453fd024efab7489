"""Makes sets of circuit-tracer by its own classes, in an environment of its own: python make.py OUTFOLDER.

circuit-tracer 0.5, torch 2.13. Each folder holds what it saves, and `expected.safetensors`: of each layer i the inputs
x_i, and the features and reconstructions that its own loader gives. Of a cross-layer transcoder these are decoded_i,
what the features of layer i write to the layers from i on, with the bias of layer i in the first.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from circuit_tracer.transcoder.activation_functions import JumpReLU  # type: ignore[import-not-found]
from circuit_tracer.transcoder.cross_layer_transcoder import (  # type: ignore[import-not-found]
    CrossLayerTranscoder,
    load_clt,
)
from circuit_tracer.transcoder.single_layer_transcoder import (  # type: ignore[import-not-found]
    SingleLayerTranscoder,
    TranscoderSet,
    load_transcoder_set,
)
from safetensors.torch import save_file

D, F, LAYERS = 6, 12, 3
CPU = torch.device("cpu")
HOOKS = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "mlp.hook_out"}


@torch.no_grad()
def fill(module: torch.nn.Module) -> None:
    """Random weights, and thresholds that some features pass."""
    for name, tensor in module.named_parameters():
        tensor.copy_(torch.full_like(tensor, 0.7) if name.endswith("threshold") else torch.randn_like(tensor))


def describe(folder: Path, kind: str) -> None:
    """Write config.yaml as the published sets have it."""
    lines = [f"model_kind: {kind!r}", "model_name: toy", "scan: toy-scan  # where its examples lie"]
    lines += [f"{key}: {hook}" for key, hook in HOOKS.items()]
    (folder / "config.yaml").write_text("\n".join(lines) + "\n", "utf-8")


@torch.no_grad()
def make_set(folder: Path, jumps: bool, skips: bool) -> None:
    """One transcoder a layer."""
    torch.manual_seed(len(folder.name))
    coders = {
        layer: SingleLayerTranscoder(
            D,
            F,
            JumpReLU(torch.zeros(F), 0.1) if jumps else torch.nn.functional.relu,
            layer,
            skips,
            device=CPU,
            dtype=torch.float32,
        )
        for layer in range(LAYERS)
    }
    made = TranscoderSet(coders, **HOOKS, scan="toy-scan")
    fill(made)
    made.to_safetensors(str(folder))
    describe(folder, "transcoder_set")
    paths = {layer: str(folder / f"layer_{layer}.safetensors") for layer in range(LAYERS)}
    loaded = load_transcoder_set(paths, "toy-scan", *HOOKS.values(), device=CPU, lazy_encoder=False, lazy_decoder=False)
    expected: dict[str, torch.Tensor] = {}
    for layer, coder in enumerate(loaded):
        x = torch.randn(5, D)
        features = coder.encode(x)
        expected |= {f"x_{layer}": x, f"features_{layer}": features, f"decoded_{layer}": coder.decode(features, x)}
    save_file(expected, folder / "expected.safetensors")


@torch.no_grad()
def make_clt(folder: Path, activation: str) -> None:
    """One transcoder that reads each layer and writes to all from it on."""
    torch.manual_seed(len(folder.name))
    made = CrossLayerTranscoder(LAYERS, F, D, activation, lazy_decoder=False, **HOOKS, device=CPU, dtype=torch.float32)
    fill(made)
    made.to_safetensors(str(folder))
    describe(folder, "cross_layer_transcoder")
    loaded = load_clt(str(folder), device=CPU, dtype=torch.float32, lazy_decoder=False)
    x = torch.randn(LAYERS, 5, D)
    features = loaded.encode(x)
    expected = {}
    for layer in range(LAYERS):
        alone = torch.zeros_like(features)
        alone[layer] = features[layer]
        written = loaded.decode(alone) - loaded.b_dec[:, None]
        written[layer] += loaded.b_dec[layer]
        expected[f"x_{layer}"], expected[f"features_{layer}"] = x[layer].clone(), features[layer].clone()
        expected[f"decoded_{layer}"] = written[layer:].transpose(0, 1).contiguous()
    save_file(expected, folder / "expected.safetensors")


def main(out: Path) -> None:
    """Every kind of set that circuit-tracer saves."""
    make_set(out / "relu", jumps=False, skips=False)
    make_set(out / "jumprelu", jumps=True, skips=False)
    make_set(out / "skip", jumps=False, skips=True)
    make_clt(out / "clt-relu", "relu")
    make_clt(out / "clt-jumprelu", "jump_relu")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
