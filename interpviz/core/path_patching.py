"""Paths through a model as text: `L0H4 > L1Q2 > logits, L0H4 > L1M > logits`."""

from __future__ import annotations

from itertools import pairwise

from interpviz.core.document import ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.sites import Kind, Site

END = "logits"
_SENDERS: tuple[Kind, ...] = ("head", "mlp_out")
_RECEIVERS: tuple[Kind, ...] = ("head", "query", "key", "value", "mlp_out")


def parse_paths(text: str) -> tuple[tuple[Site, ...], ...]:
    """The chains of sites that the text means, their end at the logits left out.

    Raises InterpvizError for a text that means none, for paths of several senders, and for a part that cannot stand
    in a path.
    """
    paths = tuple(dict.fromkeys(_path(part) for part in text.split(",") if part.strip()))
    if not paths:
        raise InterpvizError("There is no path. Write one, such as L0H4 > L1H2 > logits.")
    if len({path[0] for path in paths}) > 1:
        raise InterpvizError(f"The paths start at {paths[0][0]} and at others. Let all start at one sender.")
    return paths


def check_paths(paths: tuple[tuple[Site, ...], ...], model: ModelFacts) -> None:
    """Raise InterpvizError where the model lacks a part, or a path does not follow the order of computation."""
    for path in paths:
        for site in path:
            model.check(site)
        for before, after in pairwise(path):
            if _stage(before) >= _stage(after):
                raise InterpvizError(f"{before} is not computed before {after}. Write a path in the order of layers.")


def _path(text: str) -> tuple[Site, ...]:
    parts = [part.strip() for part in text.split(">")]
    if parts[-1] != END or len(parts) < 2:
        raise InterpvizError(f"'{text.strip()}' does not end at the logits. Write L0H4 > L1H2 > logits.")
    sites = tuple(Site.parse(part) for part in parts[:-1])
    if sites[0].kind not in _SENDERS:
        raise InterpvizError(f"{sites[0]} cannot send. Start a path at a head (L0H4) or an MLP (L0M).")
    for site in sites[1:]:
        if site.kind not in _RECEIVERS:
            raise InterpvizError(
                f"{site} cannot receive. Go on to a head (L1H2), its query, key or value (L1Q2, L1K0, L1V0), or an MLP."
            )
    return sites


def _stage(site: Site) -> int:
    return 2 * site.layer + (site.kind == "mlp_out")
