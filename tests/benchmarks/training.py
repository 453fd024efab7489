"""A training step: loss, gradients and update of a topk dictionary, beside dense products and beside other trainers.

The others run in the environments of their own that `make interop` makes; where one is missing, its rows are left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from interpviz.core.features import DictionaryKind
from interpviz.engine.training.coders import Coder, Design, coder
from tests.benchmarks.rounds import Row, times_faster
from tests.engine.training import dense
from tests.interop import ENVIRONMENTS, ROOT

ROWS, K, AIM = 2048, 32, 2.5
SIZES = ((192, 256), (192, 1024), (192, 4096), (256, 4096), (576, 4096), (576, 16_384))
CLOSE = 1e-4  # of the largest number of a gradient
# sparsify has no dense gradient either.
AIMS = {"sae-lens": AIM, "eai-sparsify": 1.5}
# One step for each line of input, and how long it took; the first leaves its gradients in a file.
PEER = """
import json, sys, time
import torch
from safetensors.torch import load_file, save_file
peer, start, gradients, k, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
start = load_file(start)
x, width, d = start["x"], *start["encoder"].shape

def sae_lens():
    from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.saes.sae import TrainStepInput
    sae = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=d, d_sae=width, k=int(k), rescale_acts_by_decoder_norm=False))
    names = {"encoder": sae.W_enc, "decoder": sae.W_dec, "encoder_bias": sae.b_enc, "decoder_bias": sae.b_dec}
    given = TrainStepInput(x, {}, None, 0, False)
    return names, lambda: sae.training_forward_pass(given).loss, torch.optim.Adam(sae.parameters(), lr=1e-4), None

def sparsify():
    from sparsify import SparseCoder, SparseCoderConfig
    sae = SparseCoder(d, SparseCoderConfig(num_latents=width, k=int(k)))
    names = {
        "encoder": sae.encoder.weight, "decoder": sae.W_dec, "encoder_bias": sae.encoder.bias, "decoder_bias": sae.b_dec
    }
    optimizer = torch.optim.Adam(sae.parameters(), lr=1e-4)
    scale = (x - x.mean(0)).pow(2).sum() / len(x)  # its loss is a share of this
    return names, lambda: sae(x).fvu * scale, optimizer, sae

answers = sys.stdout
sys.stdout = sys.stderr
names, loss, optimizer, sae = {"sae-lens": sae_lens, "eai-sparsify": sparsify}[peer]()
turned = {name: peer == "sae-lens" and name == "encoder" for name in names}
with torch.no_grad():
    for name, tensor in names.items():
        tensor.copy_(start[name].T if turned[name] else start[name])

def step():
    if sae is not None:
        sae.set_decoder_norm_to_unit_norm()
    optimizer.zero_grad()
    loss().backward()

step()
save_file({n: (t.grad.T if turned[n] else t.grad).contiguous() for n, t in names.items()}, gradients)
print(json.dumps({"ready": True}), file=answers, flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    step()
    if sae is not None:
        sae.remove_gradient_parallel_to_decoder_directions()
    optimizer.step()
    print(json.dumps({"seconds": time.perf_counter() - began}), file=answers, flush=True)
"""


def rows() -> Iterator[Row]:
    """SPEED's row `training step`: every size of topk, the other kinds at one, and the peers."""
    for d, width in SIZES:
        yield _against_dense("topk", d, width)
    for kind in ("batchtopk", "matryoshka"):
        yield _against_dense(kind, 192, 4096)
    for peer in AIMS:
        python = _python(peer)
        if not python.exists():
            print(f"training: run make interop to compare with {peer}", file=sys.stderr)
            continue
        for d, width in SIZES[-3:]:
            yield _against(peer, python, d, width)


def _against_dense(kind: DictionaryKind, d: int, width: int) -> Row:
    ours, theirs, x = *(coder(Design(kind, d, d, width, K)) for _ in range(2)), _rows(d)
    dead = torch.zeros(width, dtype=torch.bool)
    dense_loss = lambda: dense.loss(theirs, x, x, 1.0, dead)  # noqa: E731
    sound = _close(_gradients(ours, _loss(ours, x)()), _gradients(theirs, dense_loss()))
    return times_faster(
        f"training step of {kind}, {d} to {width:,}", "dense products through autograd", AIM if width > 256 else 1.0,
        _steps(ours, _loss(ours, x)), _steps(theirs, dense_loss), sound=sound,
    )  # fmt: skip


def _against(peer: str, python: Path, d: int, width: int) -> Row:
    ours, x = coder(Design("topk", d, d, width, K)), _rows(d)
    with _peer(peer, python, ours, x) as (theirs, gradients):
        sound = _close(_gradients(ours, _loss(ours, x)()), gradients)
        return times_faster(
            f"training step of topk, {d} to {width:,}", f"{peer}, in a process of its own", AIMS[peer],
            _steps(ours, _loss(ours, x)), theirs, sound=sound,
        )  # fmt: skip


@contextmanager
def _peer(peer: str, python: Path, ours: Coder, x: Tensor) -> Iterator[tuple[Callable[[], float], dict[str, Tensor]]]:
    """The peer's step, from our weights on our rows, and the gradients that it starts with."""
    with tempfile.TemporaryDirectory() as name:
        start, gradients = Path(name) / "start.safetensors", Path(name) / "gradients.safetensors"
        save_file({"x": x} | {name: tensor.detach().clone() for name, tensor in ours.state_dict().items()}, start)
        asked = [str(python), "-c", PEER, peer, str(start), str(gradients), str(K), str(torch.get_num_threads())]
        process = subprocess.Popen(
            asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
        )
        assert process.stdin is not None
        assert process.stdout is not None
        asking, said = process.stdin, process.stdout

        def seconds() -> float:
            asking.write("\n")
            asking.flush()
            return float(json.loads(said.readline())["seconds"])

        try:
            json.loads(said.readline())
            yield seconds, load_file(gradients)
        finally:
            process.kill()
            process.communicate()


def _python(peer: str) -> Path:
    environments = Path(os.environ.get(ENVIRONMENTS) or ROOT / "build" / "interop")
    return environments / peer / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _rows(d: int) -> Tensor:
    """Rows that share directions, of a norm about the square root of their width."""
    return dense.rows(Design("topk", d, d, 1), ROWS)[0]


def _loss(trained: Coder, x: Tensor) -> Callable[[], Tensor]:
    dead = torch.zeros(trained.design.width, dtype=torch.bool)
    return lambda: trained.step(x, x, 1.0, dead).loss


def _steps(trained: Coder, loss: Callable[[], Tensor]) -> Callable[[], float]:
    """How long one step takes: loss, gradients, update, and the decoder's rows kept at norm one."""
    optimizer = torch.optim.Adam(trained.parameters(), lr=1e-4, fused=True)

    def seconds() -> float:
        began = time.perf_counter()
        optimizer.zero_grad()
        loss().backward()
        trained.after_backward()
        optimizer.step()
        trained.after_update()
        return time.perf_counter() - began

    return seconds


def _gradients(trained: Coder, loss: Tensor) -> dict[str, Tensor]:
    return dense.gradients(trained, loss)


def _close(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return all(
        np.abs(ours[name] - theirs[name]).max() <= CLOSE * theirs[name].abs().max()
        for name in theirs.keys() | ours.keys()
    )
