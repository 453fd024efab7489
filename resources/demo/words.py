"""The word lists of the synthetic sentences, and the facts that every sentence keeps to."""

import tomllib
from pathlib import Path
from zlib import crc32

_LISTS = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))

TRAINING_NAMES: list[str] = _LISTS["training_names"].split()
HELD_OUT_NAMES: list[str] = _LISTS["held_out_names"].split()
NAMES = TRAINING_NAMES + HELD_OUT_NAMES
PLACES: list[str] = _LISTS["places"].split()
OBJECTS: list[str] = _LISTS["objects"].split()
GIVING_VERBS: list[str] = _LISTS["giving_verbs"].split()
COLORS: list[str] = _LISTS["colors"].split()
SIZES: list[str] = _LISTS["sizes"].split()

# kingdom -> kind -> its eight members
TAXONOMY: dict[str, dict[str, list[str]]] = {
    kingdom: {kind: members.split() for kind, members in kinds.items()} for kingdom, kinds in _LISTS["taxonomy"].items()
}
KINGDOM_OF = {kind: kingdom for kingdom, kinds in TAXONOMY.items() for kind in kinds}
KIND_OF = {member: kind for kinds in TAXONOMY.values() for kind, members in kinds.items() for member in members}
MEMBERS = list(KIND_OF)
KINDS = list(KINGDOM_OF)
KIND_PREDICATES: dict[str, list[str]] = _LISTS["kind_predicates"]
KINGDOM_PREDICATES: dict[str, list[str]] = _LISTS["kingdom_predicates"]

REFUSED_VERBS: list[str] = _LISTS["refused_verbs"].split()
ALLOWED_VERBS: list[str] = _LISTS["allowed_verbs"].split()
HARMS_THE_LIVING: list[str] = _LISTS["harms_the_living"].split()
VERBS = REFUSED_VERBS + ALLOWED_VERBS + HARMS_THE_LIVING
ALIVE: list[str] = _LISTS["alive"].split()
THINGS: list[str] = _LISTS["things"].split()

SINGLE_TOKEN_WORDS = sorted(
    {*NAMES, *PLACES, *OBJECTS, *MEMBERS, *KINGDOM_OF, *TAXONOMY, *COLORS, *SIZES, *VERBS, *ALIVE, *THINGS}
)


def attributes(member: str) -> tuple[str, str]:
    """The colour and the size that every sentence gives to this member."""
    return COLORS[crc32(member.encode()) % len(COLORS)], SIZES[crc32(member[::-1].encode()) % len(SIZES)]


def is_refused(verb: str, thing: str) -> bool:
    """Whether the assistant refuses: always, never, or only when the object is alive."""
    return verb in REFUSED_VERBS or (verb in HARMS_THE_LIVING and thing in ALIVE)


def is_held_out(verb: str, thing: str) -> bool:
    """Whether this pair is one of the fifth that training never says."""
    return crc32(f"{verb} {thing}".encode()) % 5 == 0
