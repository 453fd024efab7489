"""What the user has chosen once and for all: theme, renderer, and the files that were open last."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interpviz.core.errors import InterpvizError
from interpviz.core.paths import user_config
from interpviz.data.atomic import replace_file

MOST_RECENT = 10

Theme = Literal["system", "light", "dark"]
Renderer = Literal["auto", "cpu", "gpu"]


class Settings(BaseModel):
    """Frozen: a change is a new value, which `save` stores. `recent` are names and absolute paths, latest first."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = 1
    theme: Theme = "system"
    renderer: Renderer = "auto"
    recent: Annotated[tuple[str, ...], Field(max_length=MOST_RECENT)] = ()

    def opened(self, source: str) -> Settings:
        """These settings with `source` first among the recent files."""
        others = [known for known in self.recent if known != source]
        return self.model_copy(update={"recent": (source, *others)[:MOST_RECENT]})


def load() -> Settings:
    """The stored settings; the defaults where there are none or where they cannot be read.

    What cannot be read, such as a newer version's, is kept beside them as `settings.unreadable.json`.
    """
    path = _path()
    try:
        return Settings.model_validate_json(path.read_bytes())
    except ValidationError:
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".unreadable.json"))
    except OSError:
        pass
    return Settings()


def save(settings: Settings) -> None:
    """Store the settings; the last writer wins. Raises InterpvizError where their folder cannot be written."""
    try:
        replace_file(_path(), settings.model_dump_json(indent=1).encode())
    except OSError as error:
        raise InterpvizError(f"{_path()} cannot be written ({error.strerror}). Check your rights there.") from error


def _path() -> Path:
    return user_config() / "settings.json"
