"""One of several processes that train together. Run as `python -m interpviz.engine.rank_child`.

It reads one JSON line {"place": {"rank", "count", "meeting"}, "entry": "module:function", "arguments"}, says {"ready"},
joins the others and calls the function with its ranks; it says {"error"} for an InterpvizError. It dies with its input.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from threading import Thread

from interpviz.core.errors import InterpvizError
from interpviz.engine.ranks import RankLost, joined
from interpviz.engine.speaking import speaking


def main() -> None:
    """Take part until the function returns."""
    say = speaking()
    asked = json.loads(sys.stdin.buffer.readline())
    Thread(target=_die_with_the_input, daemon=True).start()
    module, _, function = asked["entry"].partition(":")
    entry = getattr(importlib.import_module(module), function)
    say({"ready": True})
    with contextlib.suppress(RankLost), joined(**asked["place"]) as ranks:  # whoever ended first says why
        try:
            entry(ranks, **asked["arguments"])
        except RankLost:
            raise
        except InterpvizError as mistake:  # said before the others miss this process
            say({"error": str(mistake)})


def _die_with_the_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
