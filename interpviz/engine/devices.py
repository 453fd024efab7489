"""Which device a model runs on: the one that was chosen, else the one that was seen to be faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import torch

from interpviz.core.errors import InterpvizError

Device = Literal["auto", "cpu", "cuda"]

_ROWS, _WIDTH, _ROUNDS = 64, 1024, 5


def chosen(device: Device, seconds: Callable[[str], float] | None = None) -> str:
    """The torch device for this choice. "auto" tries each that there is, and a CPU is chosen where it is faster:

    a click is one small run, and a slow card loses it to the way there and back. `seconds` measures a device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InterpvizError("No CUDA card is to be found. Set the device to auto or cpu.")
    if device != "auto":
        return device
    if not torch.cuda.is_available():
        return "cpu"
    return min(("cuda", "cpu"), key=seconds or _seconds)


def _seconds(device: str) -> float:
    """What a layer's worth of work takes there and back, at its fastest of a few rounds."""
    weight = torch.ones(_WIDTH, _WIDTH, device=device)
    return min(_round(weight) for _ in range(_ROUNDS))


def _round(weight: torch.Tensor) -> float:
    begun = time.perf_counter()
    x = torch.ones(_ROWS, _WIDTH).to(weight.device)
    for _ in range(8):
        x = torch.relu(x @ weight) / _WIDTH
    x.cpu()
    return time.perf_counter() - begun
