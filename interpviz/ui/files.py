"""Asking for a file, and taking those that are dropped."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QFileDialog, QWidget

MODELS = "Models (config.json *.safetensors *.gguf)"
CACHES = "Activation caches (manifest.jsonl *.h5 *.hdf5)"
DICTIONARIES = "Dictionaries (cfg.json config.yaml hyperparams.json *.safetensors *.npz *.pt)"
SESSIONS = "Sessions (*.json)"
INDICES = "Indices of features (*.features.h5)"
EXPLANATIONS = "Explanations (*.json *.jsonl *.txt *.gz)"
WRITTEN = "Activation caches (*.acts)"
TEXTS = "Texts (*.txt *.md *.jsonl *.ndjson *.parquet *.gz *.xz *.zst)"
TRAINED = "Dictionaries (*)"
FOREIGN = "Activations (*.h5 *.hdf5 *.safetensors *.arrow dataset_info.json)"
ANYTHING = "All files (*)"

_INNER = (
    "config.json", "manifest.jsonl", "cfg.json", "dataset_info.json", "state.json", "config.yaml", "hyperparams.json",
    "params.npz", "ae.pt",
)  # fmt: skip


def ask(parent: QWidget, title: str, *kinds: str) -> list[str]:
    """The files that the user picks; empty where they change their mind."""
    paths, _ = QFileDialog.getOpenFileNames(parent, title, "", ";;".join((*kinds, ANYTHING)))
    return paths


def ask_where(parent: QWidget, title: str, kind: str, suffix: str, at: str = "") -> str:
    """Where to save, with the suffix that files of this kind have; empty where the user changes their mind.

    `at` is offered first. The dialog itself adds the suffix, so that it asks before a file of that name is replaced.
    """
    dialog = QFileDialog(parent, title, os.path.dirname(at), kind)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suffix)
    dialog.selectFile(os.path.basename(at))
    chosen = dialog.selectedFiles() if dialog.exec() else []
    dialog.deleteLater()
    return chosen[0] if chosen else ""


def whole(path: str) -> str:
    """The folder that an inner file of a model, cache, dictionary or data set stands for, else the path itself."""
    file = Path(path)
    return str(file.parent) if file.name in _INNER or file.suffix in (".safetensors", ".arrow") else path


def dropped(mime: QMimeData) -> list[str]:
    """The local paths among what is dragged."""
    return [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
