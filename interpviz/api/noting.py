"""Notes on features from Python: what a person wrote, what other programs say, and an export of all that is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from interpviz.api.asking import ask, engine
from interpviz.api.indices import FeatureIndex, open_index
from interpviz.core.feature_requests import NotesRequest, ReadExplanations, WriteNotes
from interpviz.core.feature_results import Explanations, Notes
from interpviz.core.jobs import OpenDictionary
from interpviz.core.report import Report, silent

if TYPE_CHECKING:
    from interpviz.data.neuronpedia import Exported


def notes(dictionary: str | Path | FeatureIndex, report: Report = silent) -> Notes:
    """What was noted of the features of a dictionary (its folder or file, or an index of it), here or in the window."""
    found: Notes = ask(NotesRequest(_sha256(dictionary, report)), report)
    return found


def write_notes(dictionary: str | Path | FeatureIndex, notes: Notes, report: Report = silent) -> Notes:
    """Keep these notes in the place of those that there were; the answer is what was kept."""
    kept: Notes = ask(WriteNotes(_sha256(dictionary, report), notes), report)
    return kept


def explanations(path: str | Path, report: Report = silent) -> Explanations:
    """The labels that delphi or OpenAI's neuron explainer made: a run, a folder or a file. See `with_explanations`."""
    found: Explanations = ask(ReadExplanations(str(path)), report)
    return found


def with_explanations(notes: Notes, found: Explanations) -> Notes:
    """These notes with the labels of another program, where nobody named the feature."""
    from interpviz.control.notes import with_explanations as merged

    return merged(notes, found)


def export(index: FeatureIndex | str | Path, out: str | Path, report: Report = silent) -> Exported:
    """Write an index of features with its notes as a Neuronpedia export below the folder `out`."""
    from interpviz.data import neuronpedia

    opened = index if isinstance(index, FeatureIndex) else open_index(index)
    return neuronpedia.export(engine().index(opened.facts), notes(opened), Path(out), report)


def _sha256(dictionary: str | Path | FeatureIndex, report: Report) -> str:
    if isinstance(dictionary, FeatureIndex):
        return dictionary.facts.dictionary_sha256
    found = ask(OpenDictionary(str(dictionary)), report)
    return str(found[0].sha256)
