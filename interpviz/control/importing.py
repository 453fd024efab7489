"""What the form of an import decides: which arrays become which activations, and what is wrong with that."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod
from pathlib import Path

from interpviz.control.recording import place_problem
from interpviz.core.document import ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Foreign, Holding, Import
from interpviz.core.sites import Site, whole_hook

TOKENS = "tokens"


def hook_of(text: str) -> str:
    """The hook name that a typed name means: `L1R` or a TransformerLens name; "tokens" and nothing stay themselves.

    Raises InterpvizError for what names no whole activation.
    """
    name = text.strip()
    return name if name in ("", TOKENS) else whole_hook(name)


def problem(foreign: Foreign, names: Sequence[str], out: str) -> str:
    """What keeps this from being an import; `names` are what the holdings become. Empty where nothing does."""
    if not foreign.holdings:
        return f"There is no array in {Path(foreign.source).name}. Choose another file."
    try:
        given = [
            (holding, hook) for holding, name in zip(foreign.holdings, names, strict=True) if (hook := hook_of(name))
        ]
    except InterpvizError as error:
        return str(error)
    seen: dict[str, Holding] = {}
    for holding, hook in given:
        if hook in seen:
            return f"{seen[hook].name} and {holding.name} would both become {hook}. Give each a name of its own."
        seen[hook] = holding
    if not seen.keys() - {TOKENS}:
        return "Say of one array at least which activation it holds, such as L0R."
    return place_problem(out)


def job(foreign: Foreign, names: Sequence[str], out: str) -> Import:
    """The import of names in which nothing is wrong; without a mapping where every one is as it was proposed."""
    whole = all(holding.proposed for holding in foreign.holdings)
    mapping = tuple(
        (holding.name, hook) for holding, name in zip(foreign.holdings, names, strict=True) if (hook := hook_of(name))
    )
    known = whole and mapping == tuple((holding.name, holding.proposed) for holding in foreign.holdings)
    return Import(foreign.source, os.path.expanduser(out), () if known else mapping)


def taken(foreign: Foreign, names: Sequence[str]) -> int:
    """About how many bytes the cache takes: each number of what becomes an activation is stored as two."""
    numbers = (
        prod(h.shape) for h, name in zip(foreign.holdings, names, strict=True) if name.strip() not in ("", TOKENS)
    )
    return 2 * sum(numbers)


def choices(model: ModelFacts | None) -> tuple[str, ...]:
    """What an array may become, to choose from: nothing, tokens, and the hook names of the model that is open."""
    if model is None:
        return ("", TOKENS)
    kinds = ("resid_post", "attn_out", "mlp_out", "heads") if model.d_mlp else ("resid_post", "attn_out", "heads")
    layers = (Site(layer, kind).hook for layer in range(model.layers) for kind in kinds)  # type: ignore[arg-type]
    return ("", TOKENS, "hook_embed", Site(0, "resid_pre").hook, *layers)


def proposed_name(foreign: Foreign) -> str:
    """A name of a cache, from its source."""
    return Path(foreign.source).name.split(".")[0] or "imported"
