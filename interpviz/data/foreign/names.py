"""What arrays of other people are called here: proposals from their names, and the mapping that a person writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Foreign, Holding
from interpviz.core.sites import ANY_HOOK, whole_hook

TOKENS = "tokens"
LISTED = 10
BY_HEAD = tuple(f".hook_{part}" for part in ("z", "q", "k", "v", "rot_q", "rot_k", "result"))

_TOKEN_NAMES = frozenset({"token_ids", "tokens", "input_ids"})
_MODULE = re.compile(r"(?:[A-Za-z_]\w{0,64}\.){0,4}(?:layers|h|blocks)\.(\d{1,9})(?:\.(\w{1,64}))?", re.ASCII)
_MODULES = {
    None: "hook_resid_post",
    "mlp": "hook_mlp_out",
    "attn": "hook_attn_out",
    "self_attn": "hook_attn_out",
    "attention": "hook_attn_out",
}


def by_head(hook: str) -> bool:
    """Whether this activation has an axis of heads before its last."""
    return hook.endswith(BY_HEAD)


def proposed(name: str, shape: Sequence[int], whole_numbers: bool) -> str:
    """What an array is where its name says so: a hook name, "tokens", or nothing."""
    last = name.rpartition("/")[2]
    if whole_numbers and last in _TOKEN_NAMES and 1 <= len(shape) <= 3:
        return TOKENS
    return last if ANY_HOOK.fullmatch(last) and not whole_numbers and len(shape) >= 2 else ""


def hook_of_module(module: str) -> str:
    """The hook name of what a Hugging Face module puts out (`layers.5.mlp`); empty where it is none that has one."""
    if module.rpartition(".")[2] in ("embed_tokens", "wte", "embed_in"):
        return "hook_embed"
    found = _MODULE.fullmatch(module)
    return f"blocks.{found[1]}.{_MODULES[found[2]]}" if found and found[2] in _MODULES else ""


def chosen(foreign: Foreign, mapping: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Which of their arrays becomes what: a hook name or "tokens", by the name that it has there.

    Without a mapping it is what is proposed. Raises InterpvizError where the two do not go together.
    """
    names = {holding.name for holding in foreign.holdings}
    for old, _ in mapping:
        if old not in names:
            raise InterpvizError(f"There is no {old} in {_of(foreign)}. It holds {listed(foreign.holdings)}.")
    given = [(old, new if new == TOKENS else whole_hook(new)) for old, new in mapping]
    given = given or [(holding.name, holding.proposed) for holding in foreign.holdings if holding.proposed]
    _check_once([old for old, _ in given])
    _check_apart(given)
    if all(new == TOKENS for _, new in given):
        raise InterpvizError(
            f"Nothing in {_of(foreign)} says which activations it holds: {listed(foreign.holdings)}. "
            f"Say so with --map, for instance --map {_example(foreign.holdings)}=L5R."
        )
    becoming = dict(given)
    return {holding.name: becoming[holding.name] for holding in foreign.holdings if holding.name in becoming}


def listed(holdings: Iterable[Holding]) -> str:
    """The first arrays with their shapes, for a sentence."""
    every = [f"{h.name} ({' x '.join(map(str, h.shape))} {h.dtype})" for h in holdings]
    more = f" and {len(every) - LISTED} more" if len(every) > LISTED else ""
    return ", ".join(every[:LISTED]) + more or "no array of numbers"


def sure(path: Path, holdings: Mapping[str, object]) -> None:
    """Raise InterpvizError where there is not one array."""
    if not holdings:
        raise InterpvizError(f"{path.name} holds no array of numbers. Choose a file of activations.")


def _check_once(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InterpvizError(f"{name} is mapped twice. Map each array once.")


def _check_apart(given: Sequence[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for old, new in given:
        if new in seen:
            raise InterpvizError(
                f"{seen[new]} and {old} would both become {new}. Give each a name of its own: --map {old}=NAME."
            )
        seen[new] = old


def _example(holdings: Sequence[Holding]) -> str:
    return next((h.name for h in holdings if h.proposed != TOKENS), "NAME")


def _of(foreign: Foreign) -> str:
    return Path(foreign.source).name
