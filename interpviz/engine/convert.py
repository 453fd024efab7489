"""A GGUF file made into a Hugging Face folder, once: it then opens in 2 s instead of 28."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.data.gguf_header import check_header


def convert_gguf(gguf: Path, folder: Path, report: Report = silent) -> None:
    """Write the model of `gguf` into `folder`: config, tokenizer, and float32 weights as safetensors.

    The folder appears whole or not at all: it is written beside its place and renamed. Raises InterpvizError where
    the file is not a language model in GGUF, where the folder exists, and where the disk is full.
    """
    check_header(gguf)
    if folder.exists():
        raise InterpvizError(f"There is something at {folder} already. Delete it first.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(gguf, part, report)
        part.chmod(0o755)
        part.rename(folder)
    except OSError as problem:
        raise InterpvizError(
            f"{folder} cannot be written ({problem.strerror or problem}). Make room, then retry."
        ) from problem
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(gguf: Path, part: Path, report: Report) -> None:
    place = {"gguf_file": gguf.name, "trust_remote_code": False, "local_files_only": True}
    report(0.0, f"reading {gguf.name}")
    try:
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **place)
        report(0.4)
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **place)
    except (ValueError, KeyError, TypeError, NotImplementedError) as problem:
        raise InterpvizError(f"{gguf.name} holds no language model that can be read here ({problem}).") from problem
    # The weights are plain float32 now; transformers would refuse to save what it still calls quantized.
    model.hf_quantizer = None
    del model.config.quantization_config
    report(0.8, f"writing {part.parent.name}")
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    report(1.0)
