"""A feature index, read: what every feature of a dictionary does in a cache, in microseconds a feature."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from interpviz.core.errors import InterpvizError, shown
from interpviz.core.feature_results import FeaturePage, FeatureTable
from interpviz.core.features import INDEX_ENDING, IndexFacts
from interpviz.core.results import F4
from interpviz.data import checked, probe
from interpviz.data.checked import CheckedArray
from interpviz.data.feature_index_file import ENCODING, NONE, TYPES, VERSION, IndexDamaged, IndexHeader
from interpviz.data.feature_index_texts import PackedTexts, Vocabulary
from interpviz.data.halves import floats
from interpviz.data.manifest import NewerVersion

FEW = 2000  # numbers that numpy converts as fast as `floats` begins


class FeatureIndex:
    """An open index: `facts`, `about` (its header), and `[name]` each dataset of `TYPES`. Safe to read from threads.

    Only what is read is looked at: IndexDamaged is raised where a block of that is not as it was written.
    """

    def __init__(self, path: Path, text: bytes, about: IndexHeader, arrays: dict[str, CheckedArray]) -> None:
        self.path, self.about, self._arrays = path, about, arrays
        self.facts = IndexFacts(
            name=path.name.removesuffix(INDEX_ENDING),
            source=str(path),
            sha256=hashlib.sha256(text).hexdigest(),
            dictionary=about.dictionary,
            dictionary_sha256=about.dictionary_sha256,
            model_sha256=about.model_sha256,
            cache=about.cache,
            cache_sha256=about.cache_sha256,
            features=about.features,
            tokens=about.tokens,
        )

    @classmethod
    def open(cls, path: Path | str) -> FeatureIndex:
        """Open a file that `interpviz features` made. Raises an InterpvizError that says what is the matter with it."""
        place = Path(os.path.abspath(os.path.expanduser(path)))
        if not os.path.isfile(place):  # unlike Path's, this never raises
            raise InterpvizError(f"There is no file {place}. Choose an index that `interpviz features` made.")
        found = probe.structure(place)
        text = _header_text(place, found)
        try:
            about = IndexHeader.model_validate_json(text)
        except ValidationError as error:
            raise IndexDamaged(place, "its header does not describe an index") from error
        if found.problems:
            raise InterpvizError(f"{place.name} is refused: {found.problems[0]}. Take a copy from its source.")
        content = checked.mapped(place, found.size, IndexDamaged)
        arrays = {
            name: CheckedArray(place, name, content, found, about.datasets[name], IndexDamaged)
            for name in TYPES
            if name in about.datasets
        }
        _check_shapes(place, about, arrays)
        return cls(place, text, about, arrays)

    def __getitem__(self, name: str) -> CheckedArray:
        return self._arrays[name]

    def examples(self, feature: int, most: int | None = None) -> tuple[NDArray[np.uint32], F4]:
        """The rows of the cache at which a feature is active, and its values there, the largest first.

        All of them, or the `most` largest. Raises InterpvizError for a feature that there is not.
        """
        low, high = self.span(feature)
        high = high if most is None else min(high, low + most)
        return self["entries/row"].part(low, high), self.values("entries/value", low, high)

    def span(self, feature: int) -> tuple[int, int]:
        """Where the entries of a feature begin and end. Raises InterpvizError for a feature that there is not."""
        if not 0 <= feature < self.facts.features:
            last = self.facts.features - 1
            raise InterpvizError(f"{self.facts.name} has no feature {feature}. Choose one of 0 to {last}.")
        low, high = self._ends[feature : feature + 2].tolist()
        if not low <= high <= len(self["entries/row"].values):
            raise IndexDamaged(self.path, "its entries do not lie in it")
        return low, high

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Where each feature's entries end, from 0 on: (feature + 1,). Kept, for to look at the file takes 2 us."""
        return self["entries/ptr"].all().astype(np.int64)

    def values(self, name: str, low: int, high: int) -> F4:
        """Some values of `entries/value` or `by_row/value`."""
        return self._scaled(name, self[name].part(low, high))

    def values_at(self, name: str, places: NDArray[np.intp]) -> F4:
        """The values at these places of `entries/value` or `by_row/value`."""
        return self._scaled(name, self[name].rows(places))

    def _scaled(self, name: str, stored: NDArray[np.float16]) -> F4:
        array = self[name]
        found = stored.astype(np.float32) if len(stored) < FEW else floats(stored, array.finite)
        found *= np.float32(array.scale)
        return found

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """At how many tokens each feature is active: (feature,)."""
        ends = self._ends
        return ends[1:] - ends[:-1]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The text of each token that the index speaks of."""
        return Vocabulary(self.path, *(self[f"vocabulary/{name}"].all() for name in ("id", "ptr", "text")))

    @cached_property
    def labels(self) -> PackedTexts:
        """What each feature's label says, empty where it has none."""
        return PackedTexts(self.path, self["labels/text_ptr"].all(), self["labels/text"].all())

    @cached_property
    def predicates(self) -> PackedTexts:
        """What each label claims, in JSON."""
        return PackedTexts(self.path, self["labels/predicate_ptr"].all(), self["labels/predicate"].all())

    def table(self) -> FeatureTable:
        """The figures of every feature. Worked out once."""
        return self._table

    @cached_property
    def _table(self) -> FeatureTable:
        top = self["features/top_id"].all()
        ids, place = np.unique(top, return_inverse=True)
        texts = ["" if number == NONE else self.vocabulary.text(number) for number in ids.tolist()]
        return FeatureTable(
            density=(self.counts / self.about.counted).astype(np.float32),
            maximum=self["features/maximum"].all().copy(),
            top_token=tuple(map(texts.__getitem__, place.tolist())),
            label=self.labels.every(),
            score=self["labels/score"].all().copy(),
        )

    def page(self, feature: int) -> FeaturePage:
        """All that there is of one feature. Raises InterpvizError for a feature that there is not."""
        from interpviz.data.feature_index_page import page

        return page(self, feature)


def _header_text(path: Path, found: probe.Structure) -> bytes:
    if found.attributes.get("encoding-type") != ENCODING:
        raise InterpvizError(
            f"{path.name} is an HDF5 file, but not an index of features. Open one that `interpviz features` made."
        )
    version = found.attributes.get("encoding-version")
    major, _, minor = str(version).partition(".")
    if not (major.isdecimal() and minor):
        raise IndexDamaged(path, "its header has no version")
    if int(major) > int(VERSION.split(".")[0]):
        raise NewerVersion(path, shown(str(version)))
    return checked.header_text(path, found, IndexDamaged)


def _check_shapes(path: Path, about: IndexHeader, arrays: dict[str, CheckedArray]) -> None:
    """Raise IndexDamaged where a dataset is missing, or of another type or length than the others say."""
    features, tokens = about.features, about.tokens
    lengths = {name: features for name in TYPES if name.split("/")[0] in _A_FEATURE}
    lengths |= {"tokens/row": tokens, "labels/score": features}
    lengths |= dict.fromkeys(("entries/ptr", "labels/text_ptr", "labels/predicate_ptr"), features + 1)
    for name, (dtype, row) in TYPES.items():
        values = arrays[name].values if name in arrays else None
        if values is None or values.dtype.str != dtype or values.shape[1:] != row:
            raise IndexDamaged(path, f"it has no {name} of the right type")
        if len(values) != lengths.get(name, len(values)):
            raise IndexDamaged(path, f"its {name} is of another length than it should be")
    if len({len(arrays[name].values) for name in _ENTRIES}) != 1:
        raise IndexDamaged(path, "its entries differ in length")


_A_FEATURE = ("features", "promoted", "suppressed", "neighbours", "together")
_ENTRIES = ("entries/row", "entries/value", "by_row/row", "by_row/value")
