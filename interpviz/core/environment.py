"""What libraries read from the environment once, when they are first imported."""

from __future__ import annotations

import os

# HDF5_PLUGIN_PRELOAD "::" forbids filter plugins: a file could name a shared library to load. OpenBLAS spins on every
# core: with one thread a PCA of 8,192 x 192 takes a third of the CPU time (0.15 against 0.5 s).
_QUIET_AND_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "WANDB_MODE": "disabled",
    "HDF5_PLUGIN_PRELOAD": "::",
    "QT_API": "pyside6",
    "OPENBLAS_NUM_THREADS": "1",
}


def prepare() -> None:
    """Keep the model libraries offline and silent, and choose the Qt binding; what the user has set stands."""
    for name, value in _QUIET_AND_OFFLINE.items():
        os.environ.setdefault(name, value)
