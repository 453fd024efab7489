"""Where things lie: what is shipped, and the user's own folders."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from interpviz.core.errors import InterpvizError

PACKAGE = Path(__file__).resolve().parents[1]


def resource(name: str) -> Path:
    """A shipped file or folder: beside the package when it is installed, else in the source tree."""
    beside = PACKAGE / "resources" / name
    return beside if beside.exists() else PACKAGE.parent / "resources" / name


def user_data() -> Path:
    """The user's data folder (fetched models, notes), made with access for nobody else.

    Like the two below it raises InterpvizError where the folder cannot be made.
    """
    return _private(platformdirs.user_data_path("interpviz"))


def user_config() -> Path:
    """The user's settings folder, made with access for nobody else."""
    return _private(platformdirs.user_config_path("interpviz"))


def user_cache() -> Path:
    """The folder for what can be made again, with access for nobody else."""
    return _private(platformdirs.user_cache_path("interpviz"))


def _private(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InterpvizError(
            f"The folder {folder} cannot be made ({error.strerror}). Check your rights there."
        ) from error
    return folder
