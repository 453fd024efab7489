"""A cache made of an array, which remembers what was read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.document import CacheFacts, Projection
from interpviz.core.requests import CloudRequest
from interpviz.core.results import F4

SITE = "blocks.0.hook_resid_post"


class Recorded:
    """Rows of one site, kept as float16; `read` lists how many rows each reading asked for."""

    def __init__(self, values: NDArray[np.floating[Any]]) -> None:
        self.values = values.astype(np.float16)
        self.facts = CacheFacts("tiny.acts", "tiny.acts", "0", "tiny", "0", "huggingface", (SITE,), len(values))
        self.read: list[int] = []

    def rows(self, site: str, rows: NDArray[np.integer[Any]]) -> F4:
        assert site == SITE
        self.read.append(len(rows))
        values: F4 = self.values[rows].astype(np.float32)
        return values

    def request(self, method: Projection, seed: int = 0) -> CloudRequest:
        return CloudRequest(self.facts, SITE, method, seed)
