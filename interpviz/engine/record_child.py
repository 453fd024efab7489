"""A worker of a recording: a process with a model of its own that turns tokens into shards.

Run as `python -m interpviz.engine.record_child`. It reads JSON lines: first {"model", "device", "job", "folder",
"dictionaries"}, answered with {"ready"}; then {"shard": number, "rows": n} followed by the n tokens and the n document
numbers as raw i4, and at last {"end"}. It says {"rows"} after every batch and {"line"} for every shard, or {"error"}.
It dies with its input.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, BinaryIO

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.report import silent
from interpviz.data.manifest import Job
from interpviz.engine import lens
from interpviz.engine.hands import failed_forward
from interpviz.engine.shard_maker import ShardMaker, ShardRows, read_dictionary
from interpviz.engine.speaking import speaking


def main() -> None:
    """Work off the one job of this process."""
    say = speaking()
    source = sys.stdin.buffer
    work = json.loads(source.readline())
    shards: Queue[ShardRows | None] = Queue()
    Thread(target=_listen, args=(source, shards), daemon=True).start()
    try:
        maker = opened(work)
        say({"ready": True})
        for line in maker.make(iter(shards.get, None), lambda rows: say({"rows": rows})):
            say({"line": line.model_dump()})
    except InterpvizError as mistake:
        say({"error": str(mistake)})
    except (RuntimeError, MemoryError) as problem:
        say({"error": str(failed_forward(problem))})


def opened(work: dict[str, Any]) -> ShardMaker:
    """The maker of a job's shards, with the model and the dictionaries that `work` names.

    Raises InterpvizError where they are not those of the job.
    """
    job = Job.model_validate_json(json.dumps(work["job"]))
    model = lens.load(work["model"], silent, device=work["device"])
    if model.facts.sha256 != job.model_sha256:
        raise InterpvizError(f"{job.model} is another model here. Put the same files on every machine.")
    saes = tuple(read_dictionary(model, folder) for folder in work["dictionaries"])
    if any(sae.facts.sha256 != codes.sha256 for sae, codes in zip(saes, job.dictionaries, strict=True)):
        raise InterpvizError("A dictionary is another one here. Put the same files on every machine.")
    return ShardMaker(model, job, saes, Path(work["folder"]), silent)


def _listen(source: BinaryIO, shards: Queue[ShardRows | None]) -> None:
    for line in source:
        message = json.loads(line)
        if "end" in message:
            shards.put(None)
            continue
        token, document = (np.frombuffer(source.read(4 * message["rows"]), "<i4") for _ in range(2))
        shards.put(ShardRows(message["shard"], token, document))
    os._exit(1)  # whoever wanted the shards is gone


if __name__ == "__main__":
    main()
