"""Reads spoiled files, one a JSON line, in a process that may die of it."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

from interpviz.core.errors import InterpvizError
from tests.campaigns.formats import FORMATS


def verdict(name: str, path: Path) -> dict[str, str]:
    """Refused with a sentence, read (and what), or fallen over."""
    try:
        return {"read": FORMATS[name].read(path)}
    except InterpvizError as sentence:
        return {"refused": str(sentence)}
    except Exception:
        return {"fell": traceback.format_exc(limit=-3)}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(json.dumps(verdict(asked["format"], Path(asked["path"]))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
