"""Tells whether files were opened or read, by whatever process and library: Linux says so (inotify)."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

_READ, _OPENED = 0x1, 0x20


class Watch:
    """`touched()` says whether any of these files was opened or read since the watch began."""

    def __init__(self, paths: Iterable[Path]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._number = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for path in paths:
            if libc.inotify_add_watch(self._number, os.fsencode(path), _READ | _OPENED) < 0:
                raise OSError(ctypes.get_errno(), f"{path} cannot be watched")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._number)

    def touched(self) -> bool:
        """Whether one of the files was touched since this was last asked."""
        try:
            return bool(os.read(self._number, 65536))
        except OSError as nothing:
            if nothing.errno != errno.EAGAIN:
                raise
            return False
