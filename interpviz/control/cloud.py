"""The cloud: token activations of one recorded site, each point a token in its context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from interpviz.control.desk import Desk
from interpviz.control.plan import cache_tokens_request, cloud_requests
from interpviz.core.document import CloudColour, Document, Projection
from interpviz.core.results import CacheTokens, Cloud


@dataclass(frozen=True, eq=False)
class CloudPicture:
    """`cloud` and the `tokens` behind its ids; `category` (n,) is what a point is coloured by, aligned with ids.

    For colour "document" categories are document numbers, for "position" the place in the context. `chosen` is the
    cache row that made the prompt. `status` says which map is shown and how true it is. `banner` is empty, or says
    why the cache is not of the open model.
    """

    cloud: Cloud
    tokens: CacheTokens
    category: NDArray[np.int32]
    colour: CloudColour
    site: str
    sites: tuple[str, ...]
    method: Projection
    chosen: int | None
    status: str
    banner: str


class CloudView(Protocol):
    def show(self, picture: CloudPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class CloudController:
    """Keeps the cloud true: PCA at once, UMAP as it comes."""

    def __init__(self, desk: Desk, view: CloudView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the cloud of this document."""
        cache = document.cache
        if cache is None:
            self._view.explain("Open a cache of activations (NAME.acts) to see its tokens as a cloud.")
            return
        if not cache.sites:
            apart = f" {document.cache_apart}" * bool(document.cache_apart)
            self._view.explain(f"{cache.name} keeps features of dictionaries, and no activation to map.{apart}")
            return
        tokens: CacheTokens | None = self._desk.answer(cache_tokens_request(document))
        requests = cloud_requests(document)
        cloud: Cloud | None = next((c for r in requests if (c := self._desk.latest(r)) is not None), None)
        problem = self._desk.first_problem(*requests, cache_tokens_request(document))
        if tokens is None or cloud is None:
            self._view.explain(problem or f"Reading {cache.name} …")
            return
        places = tokens.document if document.cloud.colour == "document" else tokens.position
        self._view.show(
            CloudPicture(
                cloud=cloud,
                tokens=tokens,
                category=places[cloud.ids],
                colour=document.cloud.colour,
                site=document.cloud_site,
                sites=cache.sites,
                method=document.cloud.method,
                chosen=document.token,
                status=problem or _status(cloud, document.cloud.method),
                banner=document.cache_apart,
            )
        )


def context_text(tokens: CacheTokens, row: int, before: int = 12) -> tuple[str, str]:
    """What stands before a token in its context (at most `before` tokens), and the token itself."""
    ids = tokens.id[max(tokens.context(row).start, row - before) : row]
    return "".join(tokens.texts[int(i)] for i in ids), tokens.texts[int(tokens.id[row])]


def _status(cloud: Cloud, wanted: Projection) -> str:
    name = {"pca": "PCA", "umap": "UMAP"}[cloud.method]
    if cloud.method != wanted:
        return f"{name}, {wanted.upper()} on its way"
    if cloud.quality is None:
        return f"{name}, still moving"
    q = cloud.quality
    return f"{name} · neighbours kept {q.neighbours_kept:.2f} · trustworthiness {q.trustworthiness:.2f}"
