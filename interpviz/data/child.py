"""A child process that is asked in JSON lines: what can hang or crash there costs the window nothing.

No pickle crosses the pipe and no thread outlives a question.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from interpviz.core.errors import InterpvizError

ANSWER_BYTES = 64 * 2**20

_ENVIRONMENT = {
    "HDF5_PLUGIN_PRELOAD": "::",  # no filter plugin is ever loaded, whatever HDF5_PLUGIN_PATH says
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # its buffers count against RLIMIT_AS
}
_alive: weakref.WeakSet[Child] = weakref.WeakSet()


class ChildFailed(InterpvizError):
    """The child died or took too long over a question."""


class Child:
    """One process running `python -m MODULE`, which answers each JSON line with a JSON line and ends with its input."""

    def __init__(self, module: str) -> None:
        # -P: a file named h5py.py in the folder where the user stands must not be imported.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ENVIRONMENT},
        )
        _alive.add(self)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def tell(self, message: Mapping[str, Any], payload: tuple[memoryview, ...] = ()) -> None:
        """Send a message, and raw bytes after it, without waiting for an answer; a full pipe makes the caller wait."""
        line = json.dumps(message).encode() + b"\n"
        try:
            self._input.write(line)
            for part in payload:
                self._input.write(part)
            self._input.flush()
        except (OSError, ValueError) as broken:  # ValueError: another thread ended it, and closed the pipe
            self.end()
            raise ChildFailed("made the process that it is handed to end") from broken

    def ask(self, message: Mapping[str, Any], limit: float) -> dict[str, Any]:
        """The answer to a message. Raises ChildFailed, and ends the process, after `limit` seconds or if it dies."""
        with self._within(limit):
            self.tell(message)
            return self.hear()

    def ask_for_bytes(self, message: Mapping[str, Any], size: int, limit: float) -> tuple[dict[str, Any], bytes]:
        """The answer to a message, and the `size` raw bytes that follow it unless it says "error". Raises as `ask`."""
        with self._within(limit):
            self.tell(message)
            answer = self.hear()
            raw = b"" if "error" in answer else self._output.read(size)
            if "error" not in answer and len(raw) != size:
                self.end()
                raise ChildFailed("made the reading process crash")
            return answer, raw

    def hear(self) -> dict[str, Any]:
        """The next line that the process says, waited for. Raises ChildFailed, and ends the process, if it dies."""
        try:
            line = self._output.readline(ANSWER_BYTES)
        except ValueError:  # another thread ended it, and closed the pipe
            line = b""
        if not line.endswith(b"\n"):
            self.end()
            raise ChildFailed("made the reading process crash")
        said: dict[str, Any] = json.loads(line)
        return said

    def hang_up(self) -> None:
        """End the process's input: it ends by itself, when it has tidied up."""
        with contextlib.suppress(OSError):
            self._input.close()

    def end(self) -> None:
        """Stop the process, if it still runs, and give back its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._input, self._output):
            with contextlib.suppress(OSError):  # what was still to be flushed has no reader
                pipe.close()
        _alive.discard(self)

    @contextlib.contextmanager
    def _within(self, limit: float) -> Iterator[None]:
        """End the process if what is done here takes over `limit` seconds, and say so."""
        late = threading.Event()
        watch = threading.Timer(limit, self._stop, [late])
        watch.start()
        try:
            yield
        except ChildFailed:
            if late.is_set():
                raise ChildFailed(f"took over {limit:g} seconds") from None
            raise
        finally:
            watch.cancel()
            watch.join()

    def _stop(self, late: threading.Event) -> None:
        late.set()
        self._process.kill()

    @property
    def _input(self) -> BinaryIO:
        assert self._process.stdin is not None
        return self._process.stdin  # type: ignore[return-value]

    @property
    def _output(self) -> BinaryIO:
        assert self._process.stdout is not None
        return self._process.stdout  # type: ignore[return-value]


@atexit.register
def end_all() -> None:
    """End every child that still runs; called when this process exits."""
    for child in tuple(_alive):
        child.end()
