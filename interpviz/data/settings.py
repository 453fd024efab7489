"""What the user has chosen once and for all: theme, renderer, layout, memory, device, and the files opened last.

Read before the first paint, so with the standard library alone: pydantic would cost a fifth of a start.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from interpviz.core.errors import InterpvizError
from interpviz.core.paths import user_config
from interpviz.data.atomic import replace_file

VERSION = 1
MOST_RECENT = 10

Theme = Literal["system", "light", "dark"]
Renderer = Literal["auto", "cpu", "gl"]
Device = Literal["auto", "cpu", "cuda"]

_MEGABYTES = range(16, 65536 + 1)


@dataclass(frozen=True)
class Settings:
    """A change is a new value, which `save` stores. `recent` are names and absolute paths, latest first; `layout` is
    what the window says of where it and its docks are. Answers that were computed are remembered up to
    `memo_megabytes` of 2**20 bytes, 16 to 65,536; models run on `device`, for "auto" on the one seen to be faster.
    """

    theme: Theme = "system"
    renderer: Renderer = "auto"
    recent: tuple[str, ...] = ()
    layout: str = ""
    memo_megabytes: int = 512
    device: Device = "auto"

    def opened(self, source: str) -> Settings:
        """These settings with `source` first among the recent files."""
        others = [known for known in self.recent if known != source]
        return replace(self, recent=(source, *others)[:MOST_RECENT])


def load() -> Settings:
    """The stored settings; the defaults where there are none or where they cannot be read.

    What cannot be read, such as a newer version's, is kept beside them as `settings.unreadable.json`.
    """
    path = _path()
    try:
        return _settings(json.loads(path.read_bytes()))
    except (ValueError, RecursionError):
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".unreadable.json"))
    except OSError:
        pass
    return Settings()


def save(settings: Settings) -> None:
    """Store the settings; the last writer wins. Raises InterpvizError where their folder cannot be written."""
    content = json.dumps({"version": VERSION, **asdict(settings)}, indent=1)
    try:
        replace_file(_path(), content.encode())
    except OSError as error:
        raise InterpvizError(f"{_path()} cannot be written ({error.strerror}). Check your rights there.") from error


def _settings(found: Any) -> Settings:
    """The settings that this JSON holds; raises ValueError where it holds something else."""
    if not isinstance(found, dict) or found.get("version", VERSION) != VERSION:
        raise ValueError("not settings of this version")
    known = {name: found[name] for name in Settings.__dataclass_fields__ if name in found}
    recent = known.get("recent", [])
    if not isinstance(recent, list) or not all(isinstance(one, str) for one in recent):
        raise ValueError("recent files are names")
    chosen = replace(Settings(), **{**known, "recent": tuple(recent[:MOST_RECENT])})
    if not _sound(chosen):
        raise ValueError("a setting has no such value")
    return chosen


def _sound(chosen: Settings) -> bool:
    """Whether every setting has a value that it can have."""
    return (
        chosen.theme in get_args(Theme)
        and chosen.renderer in get_args(Renderer)
        and isinstance(chosen.layout, str)
        and type(chosen.memo_megabytes) is int
        and chosen.memo_megabytes in _MEGABYTES
        and chosen.device in get_args(Device)
    )


def _path() -> Path:
    return user_config() / "settings.json"
