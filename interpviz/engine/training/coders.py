"""The dictionaries that can be trained, by kind, and the layout that each is written in."""

from __future__ import annotations

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryKind, Layout
from interpviz.engine.ranks import ALONE, Ranks
from interpviz.engine.training.coder import Coder, Design, Step, Weights
from interpviz.engine.training.penalised import Gated, JumpRelu, Relu
from interpviz.engine.training.selected import BatchTopK, Matryoshka, TopK

__all__ = ["Coder", "Design", "Step", "Weights", "coder", "layout"]

_KINDS: dict[DictionaryKind, type[Coder]] = {
    "relu": Relu,
    "topk": TopK,
    "batchtopk": BatchTopK,
    "jumprelu": JumpRelu,
    "gated": Gated,
    "matryoshka": Matryoshka,
}


def coder(design: Design, seed: int = 0, ranks: Ranks = ALONE) -> Coder:
    """A dictionary of this design, its weights drawn by `seed`: the same on every rank."""
    return _KINDS[design.kind](design, seed, ranks)


def layout(design: Design) -> Layout:
    """Whose files can hold it. Raises InterpvizError where nobody's can, so ask before training.

    SAELens knows no transcoder of topk or gated kind; sparsify's are topk and write as many numbers as they read.
    """
    if not design.transcoder or design.kind in ("relu", "jumprelu", "batchtopk", "matryoshka"):
        return "saelens"
    if design.kind == "topk" and design.d_in == design.d_out:
        return "sparsify"
    raise NoLayout(design)


class NoLayout(InterpvizError):
    """No layout that others read holds such a transcoder."""

    def __init__(self, design: Design) -> None:
        widths = f" from {design.d_in} to {design.d_out} numbers" if design.kind == "topk" else ""
        super().__init__(
            f"No layout that other programs read holds a {design.kind} transcoder{widths}. "
            "Train one of kind batchtopk or jumprelu."
        )
