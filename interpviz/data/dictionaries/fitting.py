"""Whether the tensors of a dictionary fit each other, where no configuration states their shapes."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from interpviz.core.errors import shown
from interpviz.data.dictionaries.dictionary import BadDictionary
from interpviz.data.dictionaries.reading import AGAIN, Shapes, said


def check_fit(path: Path, found: Shapes, axes: dict[str, str], optional: Collection[str] = ()) -> dict[str, int]:
    """The lengths of the axes, one letter each, that these tensors of a file share: {"W_enc": "dF"} tells d and F.

    Raises BadDictionary, in the name of the file's folder, for a tensor that is missing and not `optional`, that is
    not among `axes`, or whose shape does not fit those before it.
    """
    missing = [name for name in axes if name not in found and name not in optional]
    if missing:
        raise BadDictionary(path.parent, f"{path.name} lacks {missing[0]}", f"{AGAIN}, whole.")
    strange = sorted(found.keys() - axes.keys())
    if strange:
        raise BadDictionary(path.parent, f"{path.name} holds {shown(strange[0])}, which is not known", f"{AGAIN}.")
    lengths: dict[str, int] = {}
    for name in (name for name in axes if name in found):
        shape = found[name]
        if len(shape) != len(axes[name]) or 0 in shape:
            raise BadDictionary(path.parent, f"its {name} is {said(shape)}, not of {len(axes[name])} axes", f"{AGAIN}.")
        for axis, length in zip(axes[name], shape, strict=True):
            if lengths.setdefault(axis, length) != length:
                raise BadDictionary(path.parent, f"its {name} is {said(shape)} and does not fit the rest", f"{AGAIN}.")
    return lengths
