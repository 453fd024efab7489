"""How each request that needs files alone is answered, by the request's type."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from interpviz.core import jobs, requests
from interpviz.core.document import CacheFacts, Document
from interpviz.core.features import DictionaryFacts
from interpviz.core.report import Report
from interpviz.core.results import CacheTokens, Cloud, FeatureMap
from interpviz.data import contents, dictionaries, foreign, sessions
from interpviz.engine.in_process import in_process
from interpviz.engine.rows import row_norms

if TYPE_CHECKING:
    from interpviz.engine.compute import Answer, Engine


def _open(engine: Engine, request: jobs.OpenCache, report: Report) -> CacheFacts:
    return engine.open_cache(request.source).facts


def _open_dictionary(engine: Engine, request: jobs.OpenDictionary, report: Report) -> DictionaryFacts:
    return dictionaries.facts(request.source, report)


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


def _in_process(engine: Engine, request: jobs.Record | jobs.Import, report: Report) -> CacheFacts:
    return in_process(request, engine.device, report)


ANSWERS: dict[type, Answer] = {
    jobs.OpenCache: _open,
    jobs.OpenDictionary: _open_dictionary,
    jobs.OpenSession: _open_session,
    jobs.SaveSession: _save_session,
    jobs.ContentsRequest: _contents,
    jobs.LookInto: _look_into,
    jobs.Record: _in_process,
    jobs.Import: _in_process,
    requests.CacheTokensRequest: _tokens,
    requests.RowsRequest: _rows,
    requests.CloudRequest: _cloud,
}
