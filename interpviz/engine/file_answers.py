"""How each request that needs files alone is answered, by the request's type."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpviz.core import feature_requests, jobs, requests
from interpviz.core.document import CacheFacts, Document
from interpviz.core.feature_results import Explanations, FeaturePage, FeatureTable, Notes
from interpviz.core.features import DictionaryFacts, IndexFacts
from interpviz.core.report import Report
from interpviz.core.results import CacheTokens, Cloud, FeatureMap
from interpviz.data import contents, dictionaries, explanations, foreign, notes, sessions
from interpviz.engine.in_process import in_process
from interpviz.engine.job_types import JOB_TYPES
from interpviz.engine.rows import row_norms

if TYPE_CHECKING:
    from interpviz.engine.compute import Answer, Engine


def _open(engine: Engine, request: jobs.OpenCache, report: Report) -> CacheFacts:
    return engine.open_cache(request.source).facts


def _open_dictionary(engine: Engine, request: jobs.OpenDictionary, report: Report) -> tuple[DictionaryFacts, ...]:
    return tuple(dictionaries.facts(part, report) for part in dictionaries.parts(request.source))


def _open_index(engine: Engine, request: feature_requests.OpenIndex, report: Report) -> IndexFacts:
    return engine.open_index(request.source).facts


def _table(engine: Engine, request: feature_requests.FeatureTableRequest, report: Report) -> FeatureTable:
    return engine.index(request.index).table()


def _page(engine: Engine, request: feature_requests.FeaturePageRequest, report: Report) -> FeaturePage:
    return engine.index(request.index).page(request.feature)


def _notes(engine: Engine, request: feature_requests.NotesRequest, report: Report) -> Notes:
    return notes.load(request.dictionary_sha256)


def _write_notes(engine: Engine, request: feature_requests.WriteNotes, report: Report) -> Notes:
    return notes.save(request.dictionary_sha256, request.notes)


def _export(engine: Engine, request: feature_requests.ExportFeatures, report: Report) -> str:
    from interpviz.data import neuronpedia

    known = notes.load(request.index.dictionary_sha256)
    return neuronpedia.export(engine.index(request.index), known, Path(request.out), report).folder


def _explanations(engine: Engine, request: feature_requests.ReadExplanations, report: Report) -> Explanations:
    return explanations.read(request.source, report)


def _open_session(engine: Engine, request: jobs.OpenSession, report: Report) -> Document:
    return sessions.load(Path(request.path))


def _save_session(engine: Engine, request: jobs.SaveSession, report: Report) -> str:
    sessions.save(request.document, Path(request.path))
    return request.path


def _contents(engine: Engine, request: jobs.ContentsRequest, report: Report) -> str:
    return contents.kind_of(Path(request.path))


def _tokens(engine: Engine, request: requests.CacheTokensRequest, report: Report) -> CacheTokens:
    return engine.cache(request.cache).tokens()


def _rows(engine: Engine, request: requests.RowsRequest, report: Report) -> FeatureMap:
    return row_norms(engine.cache(request.cache), request.first, request.last)


def _cloud(engine: Engine, request: requests.CloudRequest, report: Report) -> Cloud:
    from interpviz.engine import clouds

    return clouds.cloud(engine.cache(request.cache), request, report)


def _look_into(engine: Engine, request: jobs.LookInto, report: Report) -> jobs.Foreign:
    return foreign.look_into(Path(request.source), report)


def _in_process(engine: Engine, request: Any, report: Report) -> Any:
    return in_process(request, engine.device, report)


ANSWERS: dict[type, Answer] = {
    jobs.OpenCache: _open,
    jobs.OpenDictionary: _open_dictionary,
    feature_requests.OpenIndex: _open_index,
    feature_requests.FeatureTableRequest: _table,
    feature_requests.FeaturePageRequest: _page,
    feature_requests.NotesRequest: _notes,
    feature_requests.WriteNotes: _write_notes,
    feature_requests.ExportFeatures: _export,
    feature_requests.ReadExplanations: _explanations,
    jobs.OpenSession: _open_session,
    jobs.SaveSession: _save_session,
    jobs.ContentsRequest: _contents,
    jobs.LookInto: _look_into,
    **dict.fromkeys(JOB_TYPES, _in_process),
    requests.CacheTokensRequest: _tokens,
    requests.RowsRequest: _rows,
    requests.CloudRequest: _cloud,
}
