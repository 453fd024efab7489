"""The rows of a Neuronpedia export, by the columns of its database; numbers that JSON has not are null."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.feature_results import Example, ExampleGroup, FeaturePage
from interpviz.data.session_fields import sound

if TYPE_CHECKING:
    from interpviz.data.feature_index import FeatureIndex

Row = dict[str, Any]
CREATOR = "clkht01d40000jv08hvalcvly"
"""Whose a row is: the user that Neuronpedia's own tools name where none is set."""
FOUND = "interpviz_predicate"
EXPLANATION_TYPE: Row = {
    "name": FOUND,
    "displayName": "interpviz predicate",
    "description": "Tokens or a word stem that stand where the feature is active, judged on held-out positions",
    "creatorName": "interpviz",
    "creatorId": CREATOR,
}


@dataclass(frozen=True)
class Source:
    """Whose features they are, in Neuronpedia's words: `id` is LAYER-SET."""

    model: str
    set: str
    id: str
    hook: str


def source_of(index: FeatureIndex) -> Source:
    """The source that an index is of. A hook of no layer, such as the embedding's, counts as layer 0."""
    layer = re.search(r"blocks\.(\d+)\.", index.about.hook)
    name = _identifier(index.about.dictionary)
    return Source(_identifier(index.about.model), name, f"{layer[1] if layer else 0}-{name}", index.about.hook)


def heads(index: FeatureIndex, source: Source) -> dict[str, Row]:
    """The one row of each file about the whole: release, model, sourceset, source."""
    facts = index.facts
    title = f"{facts.dictionary} on {sound(index.about.model)}"
    shared = {"creatorId": CREATOR, "visibility": "PUBLIC"}
    return {
        "release": shared
        | {"name": source.set, "description": title, "descriptionShort": title, "urls": []}
        | {"creatorName": "interpviz", "creatorNameShort": "interpviz", "creatorEmail": None},
        "model": shared
        | {"id": source.model, "displayName": source.model, "displayNameShort": source.model, "instruct": False}
        | {"layers": 0, "neuronsPerLayer": 0, "owner": "", "inferenceEnabled": False, "tlensId": None},
        "sourceset": shared
        | {"modelId": source.model, "name": source.set, "description": title, "type": "", "urls": []}
        | {"creatorName": "interpviz", "releaseName": source.set, "hasDashboards": True},
        "source": shared
        | {"id": source.id, "modelId": source.model, "setName": source.set, "dataset": facts.cache}
        | {"hasDashboards": True, "inferenceEnabled": False, "num_prompts": None, "num_tokens_in_prompt": None}
        | {"notes": f"dictionary {facts.dictionary_sha256}, cache {facts.cache_sha256}, {facts.tokens} tokens"},
    }


def feature(source: Source, page: FeaturePage) -> Row:
    """The row of a feature: figures, histogram, tokens and neighbours. What is not known is empty."""
    unknown = (
        *("neuron_alignment_indices", "neuron_alignment_values", "neuron_alignment_l1"),
        *("correlated_neurons_indices", "correlated_neurons_pearson", "correlated_neurons_l1"),
        *("correlated_features_indices", "correlated_features_pearson", "correlated_features_l1"),
        *("logits_hist_data_bar_heights", "logits_hist_data_bar_values", "decoder_weights_dist", "vector"),
    )
    return _key(source, page) | {
        "sourceSetName": source.set,
        "maxActApprox": _number(page.maximum),
        "hasVector": False,
        "vectorLabel": None,
        "vectorDefaultSteerStrength": None,
        "hookName": source.hook,
        "topkCosSimIndices": page.neighbours.features.tolist(),
        "topkCosSimValues": _numbers(page.neighbours.values),
        "neg_str": _sound(page.suppressed.texts),
        "neg_values": _numbers(page.suppressed.values),
        "pos_str": _sound(page.promoted.texts),
        "pos_values": _numbers(page.promoted.values),
        "frac_nonzero": _number(page.density),
        "freq_hist_data_bar_heights": page.counts.tolist(),
        "freq_hist_data_bar_values": _numbers((page.edges[:-1] + page.edges[1:]) / 2),
        **{name: list[float]() for name in unknown},
    }


def activations(source: Source, page: FeaturePage) -> Iterator[Row]:
    """A row an example. The first group are the strongest, which Neuronpedia marks by a bin from -1."""
    number = 0
    for place, group in enumerate(page.groups):
        for example in group.examples:
            yield _key(source, page) | {
                "id": _id(source, page, "activation", number),
                **_texts(example),
                **_bin(group, place, len(page.groups)),
                "qualifyingTokenIndex": example.at,
                "dfaValues": [],
                "dfaTargetIndex": None,
                "dfaMaxValue": None,
                "lossValues": [],
                "logitContributions": None,
                "zIndices": [],
                "zValues": [],
                "dataIndex": f"{example.document}:{example.position}",
                "dataSource": None,
            }
            number += 1


def explanations(source: Source, page: FeaturePage, own: str, note: str) -> Iterator[Row]:
    """A person's own label or note, with no type as on the site itself, and the label found, with its score."""
    if own or note:
        yield _explanation(source, page, 0, own or note, None, note if own else None)
    if page.label:
        score = f"balanced accuracy {page.label.score:.3f} on held-out positions"
        yield _explanation(source, page, 1, page.label.text, FOUND, score)


def _explanation(source: Source, page: FeaturePage, number: int, text: str, kind: str | None, notes: str | None) -> Row:
    key = {name: value for name, value in _key(source, page).items() if name != "creatorId"}
    return key | {
        "id": _id(source, page, "explanation", number),
        "description": sound(text),
        "authorId": CREATOR,
        "typeName": kind,
        "explanationModelName": None,
        "notes": sound(notes) if notes else None,
        "embedding": None,
    }


def _key(source: Source, page: FeaturePage) -> Row:
    return {"modelId": source.model, "layer": source.id, "index": str(page.feature), "creatorId": CREATOR}


def _texts(example: Example) -> Row:
    values = example.values
    return {
        "tokens": _sound(example.texts),
        "values": _numbers(values),
        "maxValue": _number(values.max()),
        "maxValueTokenIndex": int(values.argmax()),
        "minValue": _number(values.min()),
    }


def _bin(group: ExampleGroup, place: int, groups: int) -> Row:
    """From where to where its peaks lie, and which share of the active tokens does: the quantiles share alike."""
    if place == 0:
        return {"binMin": -1, "binMax": _number(group.high), "binContains": -1}
    return {"binMin": _number(group.low), "binMax": _number(group.high), "binContains": 1 / (groups - 1)}


def _id(source: Source, page: FeaturePage, kind: str, number: int) -> str:
    """An id of the shape that the database has; the same row has the same."""
    said = f"{source.model} {source.id} {page.feature} {kind} {number}"
    return f"c{hashlib.sha256(said.encode()).hexdigest()[:24]}"


def _identifier(name: str) -> str:
    """A name as Neuronpedia allows it: letters, digits, dashes and underscores."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")[:100] or "unnamed"


def _sound(texts: Iterable[str]) -> list[str]:
    return [text if text.isascii() else sound(text) for text in texts]


def _number(value: float | np.floating[Any]) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: NDArray[np.floating[Any]]) -> list[float | None]:
    if np.isfinite(values).all():
        whole: list[float | None] = values.tolist()
        return whole
    return [_number(value) for value in values.tolist()]
