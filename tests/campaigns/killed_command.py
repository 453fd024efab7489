"""The campaign of kills, three times on the real command: `interpviz record` of the demo model, and all it started."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.data.activations import Cache
from tests.campaigns import recovery
from tests.campaigns.tally import Lost, Tally
from tests.sources import ROOT

TOKENS, CONTEXT, SENTENCE = 6000, 64, "Mary gave John {} bottles of milk and left for home. "
LIMIT = 120.0  # seconds that a recording may take, on a busy machine
VICTIMS, TRIES = ("all", "command", "child"), 4


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said to the person."""

    status: int
    said: str


def campaign(folder: Path, seed: int = 0) -> Tally:
    """Kill the whole command, its first process alone, and one that it started, while it records."""
    draw, tally = random.Random(f"command {seed}"), Tally("kill -9 of interpviz record")
    (folder / "texts.txt").write_text("\n\n".join(SENTENCE.format(draw.randrange(1000)) * 5 for _ in range(200)))
    whole = folder / "whole.acts"
    process = _start(whole)
    _begun(process, whole)
    began = time.monotonic()
    ended = _ended(process)
    seconds = time.monotonic() - began
    assert ended.status == 0, ended.said
    for victim in VICTIMS:
        tally.cases += 1
        try:
            _case(folder / "case.acts", whole, victim, [draw.uniform(0, seconds) * 0.5**n for n in range(TRIES)])
            tally.recovered += 1
        except Lost as lost:
            tally.lose(lost.how, f"{victim} killed: {lost}")
        shutil.rmtree(folder / "case.acts", ignore_errors=True)
    return tally


def _case(place: Path, whole: Path, victim: str, moments: list[float]) -> None:
    """Kill so many seconds after the recording began, look, and give the same command again."""
    for seconds in moments:  # a recording may be faster than the measured one, and end before it is killed
        process = _start(place)
        if not _begun(process, place) and not _pause(process, seconds) and _kill(process, victim):
            break
        _ended(process)
        shutil.rmtree(place)
    else:
        raise Lost("stalls", "the command always ended before it was killed")
    ended = _ended(process)
    if victim == "child" and (ended.status not in (0, 2) or "Traceback" in ended.said):
        raise Lost("crashes", f"it ended with {ended.status}: {ended.said[-500:]}")
    _look(place, whole)
    again = _ended(_start(place))
    if again.status != 0:
        raise Lost("crashes", f"it cannot go on: {again.said[-500:]}")
    recovery.same(place, whole)


def _look(place: Path, whole: Path) -> None:
    """What is committed is what the undisturbed recording holds, or it is said that there is nothing yet."""
    try:
        cache, other = Cache.open(place), Cache.open(whole)
    except InterpvizError as sentence:
        if problem := recovery.sentence_problem(str(sentence)):
            raise Lost("crashes", problem) from sentence
        if list(place.glob("shard-*.h5")) and recovery.committed(place):
            raise Lost("differently", f"what was committed is refused: {sentence}") from sentence
        return
    every = np.arange(cache.facts.tokens)
    for site in cache.facts.sites:
        if not np.array_equal(cache.rows(site, every), other.rows(site, every)):
            raise Lost("differently", f"{site} is not what an undisturbed recording holds")


def _start(out: Path) -> subprocess.Popen[str]:
    command = ["record", "demo", "--text", str(out.parent / "texts.txt"), "--site", "L1R", "L2H"]
    command += ["--tokens", str(TOKENS), "--context", str(CONTEXT), "--out", str(out)]
    homes = {f"XDG_{name}_HOME": str(out.parent / name.lower()) for name in ("DATA", "CONFIG", "CACHE", "STATE")}
    return subprocess.Popen(
        [sys.executable, "-m", "interpviz", *command],
        cwd=ROOT,
        env={**os.environ, **homes},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _ended(process: subprocess.Popen[str]) -> Ended:
    try:
        said = process.communicate(timeout=LIMIT)[1]
    except subprocess.TimeoutExpired as late:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Lost("stalls", f"the command did not end within {LIMIT:g} s") from late
    return Ended(process.returncode, said)


def _begun(process: subprocess.Popen[str], out: Path) -> bool:
    """Wait until the model is loaded and the recording begins; whether it ended instead."""
    while not out.exists():
        if _pause(process, 0.005):
            return True
    return False


def _pause(process: subprocess.Popen[str], seconds: float) -> bool:
    """Wait so long, or until it ends; whether it ended."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[str], victim: str) -> bool:
    """Kill the group, its first process, or the last that this started; whether there was one."""
    if victim == "all":
        os.killpg(process.pid, signal.SIGKILL)
        return True
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    children = sorted(int(pid) for task in tasks for pid in task.read_text().split())
    if victim == "child" and not children:
        return False
    os.kill(process.pid if victim == "command" else children[-1], signal.SIGKILL)
    return True
