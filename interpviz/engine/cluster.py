"""The hands of a Ray cluster: actors that hold a model each. Shards are those of one machine, byte for byte.

Every machine sees the cache's folder under the same path, and has the model's files; the process that was started
commits. This is the one importer of ray.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.results import I4
from interpviz.data.manifest import ShardLine
from interpviz.data.shard_writer import RecordingFailed
from interpviz.engine.shard_maker import ShardRows, Told

PATIENCE = 0.1  # seconds between two looks at whether the work is still wanted
CONNECTING = 5.0  # seconds
TOKEN = Path("~/.ray/auth_token")
TRIES = 3  # of one shard, before it is the shard that kills the workers


@contextlib.contextmanager
def cluster_hands(
    named: str, work: dict[str, Any], workers: int | None, shards: int
) -> Iterator[list[Callable[[Event], RayHand]]]:
    """Hands on the cluster `ray=ADDRESS`, or with `ray` alone on one of this machine's that ends with the recording.

    As many as `workers` says, else as there are processors (or graphics cards, where the model runs on one). Raises
    InterpvizError where Ray is not installed or the cluster does not answer.
    """
    address = named.partition("=")[2]
    ray = _ray(alone=not address)
    with _folder_to_be_seen(Path(work["folder"])) as mark:
        try:
            _connect(ray, address, workers)
            resource = "CPU" if work["device"] == "cpu" else "GPU"
            count = max(1, min(workers or int(ray.cluster_resources().get(resource, 1)), shards))
            yield [lambda stopped: RayHand(ray, work, mark, stopped)] * count
        finally:
            ray.shutdown()


class RayHand:
    """One actor of the cluster, and another in its place where it is lost."""

    def __init__(self, ray: Any, work: dict[str, Any], mark: str, stopped: Event) -> None:
        self._ray, self._work, self._mark, self._stopped = ray, work, mark, stopped
        needs = {"num_gpus": 1} if work["device"] != "cpu" else {"num_cpus": 1}
        self._kind = ray.remote(**needs)(Worker)
        self._actor = self._hired()

    def make(self, shards: Iterator[ShardRows], told: Told) -> Iterator[ShardLine]:
        """Make these shards; one whose worker or machine is lost is made again by another."""
        for shard in shards:
            line = self._made(shard)
            told(line.tokens)
            yield line

    def end(self) -> None:
        """Let the actor go."""
        with contextlib.suppress(Exception):  # the cluster itself may be gone
            self._ray.kill(self._actor)

    def _made(self, shard: ShardRows) -> ShardLine:
        lost: Exception | None = None
        for _ in range(TRIES):
            try:
                answer = self._answer(self._actor.make.remote(*shard))
            except self._ray.exceptions.RayActorError as gone:
                lost, self._actor = gone, self._hired()
                continue
            if "error" in answer:
                raise InterpvizError(answer["error"])
            return ShardLine.model_validate(answer)
        raise RecordingFailed(
            f"Shard {shard.number} was lost {TRIES} times with its worker, perhaps for want of memory there. Run the "
            "same command again to go on."
        ) from lost

    def _answer(self, promised: Any) -> dict[str, Any]:
        while not self._ray.wait([promised], timeout=PATIENCE)[0]:
            if self._stopped.is_set():
                raise Cancelled
        answer: dict[str, Any] = self._ray.get(promised)
        return answer

    def _hired(self) -> Any:
        return self._kind.remote(self._work, self._mark)


class Worker:
    """The actor: opens the model once, then makes the shards that it is given."""

    def __init__(self, work: dict[str, Any], mark: str) -> None:
        self._work, self._mark = work, mark
        self._maker: Any = None

    def make(self, number: int, token: I4, document: I4) -> dict[str, Any]:
        """The manifest's line of the shard of these tokens, or {"error"} with a sentence."""
        from interpviz.engine.hands import failed_forward

        try:
            rows = ShardRows(number, np.array(token), np.array(document))
            line = next(self._opened().make([rows], lambda _: None))
        except InterpvizError as mistake:
            return {"error": str(mistake)}
        except (RuntimeError, MemoryError) as problem:
            return {"error": str(failed_forward(problem))}
        return dict(line.model_dump())

    def _opened(self) -> Any:
        if self._maker is None:
            from interpviz.core import environment

            environment.prepare()
            from interpviz.engine.record_child import opened

            folder = Path(self._work["folder"])
            if not (folder / self._mark).exists():
                raise InterpvizError(
                    f"A machine of the cluster does not see {folder}. Record into a folder that all of them share."
                )
            self._maker = opened(self._work)
        return self._maker


def _ray(alone: bool) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # it would report to its makers
    if alone:  # on Linux, too, listen on 127.0.0.1 only: the address that ray.init takes is made a public one
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        if os.environ.setdefault("RAY_AUTH_MODE", "token") == "token":  # another user of this machine must not get in
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    elif TOKEN.expanduser().is_file():  # `ray start` asks for it, but ray.init does not look there by itself
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise InterpvizError("Ray is not installed. Run `pip install ray` where interpviz is installed.") from None
    return ray


def _connect(ray: Any, address: str, workers: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    try:
        if address:
            _look(address)
        where = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
        with uninterrupted():
            ray.init(**where, **quiet)
    except (OSError, RuntimeError, ValueError) as problem:
        raise InterpvizError(
            f"The Ray cluster{f' at {address}' if address else ''} does not answer. Start it with `ray start`, or look "
            "at its address."
        ) from problem


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait: Ray that is interrupted while it starts leaves processes behind, or ends this one by SIGSEGV."""
    if threading.current_thread() is not threading.main_thread():  # which Ctrl-C never interrupts
        yield
        return
    meant: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: meant.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if meant:
        raise KeyboardInterrupt


def _look(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host, int(port)), CONNECTING).close()


@contextlib.contextmanager
def _folder_to_be_seen(folder: Path) -> Iterator[str]:
    """The name of a file in the folder by which another machine knows that it sees the same one."""
    mark = folder / f".seen-{secrets.token_hex(8)}.tmp"
    mark.touch()
    try:
        yield mark.name
    finally:
        mark.unlink(missing_ok=True)
