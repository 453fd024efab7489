"""What stands in for the rest of the program: acts are remembered, work is told by hand, pictures are small."""

from __future__ import annotations

from typing import Any

import numpy as np
from psygnal import Signal

from interpviz.control.circuit import CircuitPicture
from interpviz.control.cloud import CloudPicture
from interpviz.control.components import GridPicture
from interpviz.control.maps import MapsPicture
from interpviz.control.outputs import OutputRow, OutputsPicture
from interpviz.control.prompt import PromptPicture
from interpviz.core.document import CacheFacts, ModelFacts
from interpviz.core.logits import Measured
from interpviz.core.requests import Request
from interpviz.core.results import CacheTokens, CircuitGraph, Cloud, FeatureMap, Quality, Tokens
from interpviz.core.sites import Site

MODEL = ModelFacts("tiny", "tiny", "0", 2, 3, 3, 8, 16, 50, 32)
CACHE = CacheFacts("tiny.acts", "/tiny.acts", "1", "tiny", "0", "huggingface", ("blocks.0.hook_resid_post",), 4)
WORDS = ("<bos>", "When", " Mary", " and")


class Acts:
    """Remembers every act: (name, arguments), and their merge keys beside them."""

    problem = Signal(str)
    opened = Signal(str)
    saved = Signal(str)
    foreign = Signal(object)

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.merges: list[object] = []

    def __call__(self, name: str, *args: Any, merge: object = None) -> None:
        self.done.append((name, *args))
        self.merges.append(merge)


class Work:
    """A scheduler whose work is told by the test; remembers what was cancelled."""

    begun = Signal(object)
    progress = Signal(object, float, str)
    partial = Signal(object, object)
    answered = Signal(object, object)
    failed = Signal(object, str)
    ended = Signal(object)

    def __init__(self) -> None:
        self.cancelled: list[Request] = []
        self.jobs: tuple[Request, ...] = ()

    def cancel(self, request: Request) -> None:
        self.cancelled.append(request)


def tokens(*texts: str) -> Tokens:
    """A prompt whose ids are the lengths of its words."""
    return Tokens(np.array([len(text) for text in texts], np.int32), texts)


def prompt(**changes: Any) -> PromptPicture:
    shown = {
        "text": "When Mary and", "contrast": "", "target": " Mary", "distractor": " John", "tokens": tokens(*WORDS),
        "contrast_tokens": None, "edited": frozenset(), "alignment": "", "problem": "",
    }  # fmt: skip
    return PromptPicture(**{**shown, **changes})


def grid(layers: int = 2, heads: int = 3, **changes: Any) -> GridPicture:
    """Values run from -1 at L0H0 upwards in steps of a quarter."""
    values = (np.arange(layers * (heads + 1), dtype=np.float32).reshape(layers, heads + 1) - 4) / 4
    shown = {
        "layers": layers, "heads": heads, "mlps": True, "values": values, "limit": 1.0, "cut": frozenset(),
        "edited": frozenset(), "selected": frozenset(), "measure": "direct", "done": 1.0, "problem": "",
    }  # fmt: skip
    return GridPicture(**{**shown, **changes})


def outputs(**changes: Any) -> OutputsPicture:
    rows = (
        OutputRow(3, " Mary", "target", 0.5, 14.25, 0.25, 12.5),
        OutputRow(4, " John", "distractor", 0.125, 11.0, 0.5, 11.5),
        OutputRow(5, "\n", "", 0.0625, 9.0, 0.03125, 8.0),
    )
    shown = {
        "rows": rows, "left": "clean", "right": "edited", "compared": False, "left_difference": Measured(3.25),
        "right_difference": Measured(1.0), "kl": Measured(0.5312), "edits": ("L1H2:zero", "L0M:mean@1"),
        "reference": "", "slow": False, "component": "L1H2: direct +0.500 nats",
    }  # fmt: skip
    return OutputsPicture(**{**shown, **changes})


def maps() -> MapsPicture:
    pattern = np.tril(np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)).astype(np.float32)
    norms = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
    return MapsPicture(
        head=Site(1, "head", 2),
        pattern=FeatureMap(pattern, (0.0, 1.0), WORDS, WORDS),
        norms=FeatureMap(norms, (1.0, 8.0), ("L0A", "L0M"), WORDS),
        source="clean run",
        problem="",
    )


def cloud(**changes: Any) -> CloudPicture:
    """Four tokens of two documents in the corners of the box; their cache rows are 0 to 3."""
    xy = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]], np.float32)
    held = CacheTokens(
        np.array([0, 1, 0, 2], np.int32),
        np.array([0, 0, 1, 1], np.int32),
        np.array([0, 1, 0, 1], np.int32),
        dict(enumerate(WORDS)),
    )
    shown = {
        "cloud": Cloud(xy, np.arange(4, dtype=np.int32), Quality(0.5, 0.9, 4), "pca"), "tokens": held,
        "category": held.document, "colour": "document", "site": CACHE.sites[0], "sites": CACHE.sites, "method": "pca",
        "chosen": None, "status": "PCA", "banner": "",
    }  # fmt: skip
    return CloudPicture(**{**shown, **changes})


def circuit(threshold: float = 1.0) -> CircuitPicture:
    """Embedding 0 -> L0H1 -> L1 MLP -> logits at position 3, with scores 4, -2 and 1."""
    graph = CircuitGraph(
        kind=np.array([0, 1, 2, 3], np.uint8),
        layer=np.array([0, 0, 1, 0], np.int32),
        pos=np.array([0, 1, 2, 3], np.int32),
        index=np.array([-1, 1, -1, -1], np.int32),
        edges=np.array([[0, 1], [1, 2], [2, 3]], np.int32),
        weight=np.array([4, -2, 1], np.float32),
        total=7.0,
        considered=9,
        corruption="zero",
        columns=WORDS,
    )
    none = np.zeros(4, bool)
    return CircuitPicture(graph, graph.kept(threshold), threshold, none, none, "3 of 9 edges", False)
