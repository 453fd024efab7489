"""Where models lie that a person may have fetched; the tests themselves see an empty user."""

from __future__ import annotations

from pathlib import Path


def smollm2() -> Path | None:
    """The folder that `interpviz models get smollm2-135m-instruct` made for this machine's user, if it did."""
    folder = Path.home() / ".local/share/interpviz/models/smollm2-135m-instruct"
    return folder if (folder / "model.safetensors").exists() else None
