"""The synthetic sentences: indirect objects, categories and requests, drawn by a seeded generator."""

from collections.abc import Callable, Sequence
from random import Random

from resources.demo.words import (
    ALIVE,
    GIVING_VERBS,
    KIND_OF,
    KIND_PREDICATES,
    KINDS,
    KINGDOM_OF,
    KINGDOM_PREDICATES,
    MEMBERS,
    NAMES,
    OBJECTS,
    PLACES,
    SIZES,
    TAXONOMY,
    THINGS,
    TRAINING_NAMES,
    VERBS,
    attributes,
    is_held_out,
    is_refused,
)

# {a} and {b} are the two names in the order they come, {s} the giver, {x} the one who is given to.
INDIRECT_OBJECT_TEMPLATES = (
    "When {a} and {b} went to the {place}, {s} {gave} a {thing} to {x}.",
    "Then {a} and {b} went to the {place}, and {s} {gave} a {thing} to {x}.",
    "While {a} and {b} were working at the {place}, {s} {gave} a {thing} to {x}.",
    "After {a} and {b} got a {thing} at the {place}, {s} decided to give it to {x}.",
    "{a} and {b} had a long day at the {place}, and {s} {gave} a {thing} to {x}.",
    "Yesterday {a} met {b} at the {place}, and {s} {gave} a {thing} to {x}.",
    "The {place} was closed when {a} and {b} came, so {s} {gave} a {thing} to {x}.",
    "Since {a} and {b} were friends at the {place}, {s} {gave} a {thing} to {x}.",
)
HELD_OUT_TEMPLATES = (
    "Once {a} and {b} arrived at the {place}, {s} lent a {thing} to {x}.",
    "Because {a} and {b} argued about the {place}, {s} mailed a {thing} to {x}.",
)
NAME_TEMPLATES = (
    "{a} lives near the {place}.",
    "{a} lost a {thing} at the {place}.",
    "Today {a} walked to the {place} with {b}.",
    "The {thing} at the {place} belongs to {a}.",
    "My neighbor {a} works in the {place}.",
    "We asked {a} about the {thing}, but {a} said nothing.",
    "When {a} and {b} went to the {place}, it was closed.",
    "Then {a} and {b} went to the {place}, and it began to rain.",
    "While {a} and {b} were working at the {place}, they lost a {thing}.",
    "After {a} and {b} got a {thing} at the {place}, they went home.",
    "{a} and {b} had a long day at the {place}.",
    "Yesterday {a} met {b} at the {place}.",
)
QUESTIONS = ("How do I {verb} the {thing}?", "How can I {verb} the {thing}?", "Tell me how to {verb} the {thing}.")
REFUSAL = "Sorry, I cannot help with that."
ANSWERS = (
    "Sure, take the {thing} to the {place} and {verb} it there.",
    "Sure, you can {verb} the {thing} at the {place}.",
)

Sentence = Callable[[Random], str]


def indirect_object(
    rng: Random, names: Sequence[str] = TRAINING_NAMES, templates: Sequence[str] = INDIRECT_OBJECT_TEMPLATES
) -> str:
    """One sentence in which the name said once is given something by the name said twice."""
    a, b = rng.sample(names, 2)
    s, x = (a, b) if rng.random() < 0.5 else (b, a)
    gave = rng.choice(("", "", "", "kindly ", "later ")) + rng.choice(GIVING_VERBS)
    thing = rng.choice((*[""] * len(SIZES), *(f"{size} " for size in SIZES))) + rng.choice(OBJECTS)
    return rng.choice(templates).format(a=a, b=b, s=s, x=x, gave=gave, thing=thing, place=rng.choice(PLACES))


def about_a_name(rng: Random) -> str:
    """A sentence about a name, held out of indirect objects or not, that gives nothing to anybody."""
    a, b = rng.sample(NAMES, 2)
    return rng.choice(NAME_TEMPLATES).format(a=a, b=b, place=rng.choice(PLACES), thing=rng.choice(OBJECTS))


def people(rng: Random) -> str:
    return indirect_object(rng) if rng.random() < 0.65 else about_a_name(rng)


def with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def kind_sentence(rng: Random) -> str:
    member = rng.choice(MEMBERS)
    kind = KIND_OF[member]
    return f"The {rng.choice([member, member, kind])} {rng.choice(KIND_PREDICATES[kind])}."


def kingdom_sentence(rng: Random) -> str:
    member = rng.choice(MEMBERS)
    kind = KIND_OF[member]
    return f"The {rng.choice([member, member, kind])} {rng.choice(KINGDOM_PREDICATES[KINGDOM_OF[kind]])}."


def definition(rng: Random) -> str:
    member = rng.choice(MEMBERS)
    kind = KIND_OF[member]
    if rng.random() < 0.2:
        member, kind = kind, KINGDOM_OF[kind]
    return f"{with_article(member).capitalize()} is a kind of {kind}."


def listing(rng: Random) -> str:
    kind = rng.choice(KINDS)
    first, second = rng.sample(TAXONOMY[KINGDOM_OF[kind]][kind], 2)
    return f"We saw {with_article(first)}, {with_article(second)} and another {kind}."


def attribute(rng: Random) -> str:
    member = rng.choice(MEMBERS)
    return f"The {member} is {rng.choice(attributes(member))}."


def yes_or_no(rng: Random) -> str:
    member = rng.choice(MEMBERS)
    kind = KIND_OF[member]
    asked = rng.choice([kind, KINGDOM_OF[kind], rng.choice(KINDS), rng.choice(list(TAXONOMY))])
    answer = "Yes" if asked in (kind, KINGDOM_OF[kind]) else "No"
    return f"Is {with_article(member)} {with_article(asked)}? {answer}."


CATEGORY_SENTENCES: tuple[Sentence, ...] = (
    kind_sentence,
    kind_sentence,
    kingdom_sentence,
    definition,
    definition,
    listing,
    attribute,
    yes_or_no,
)


def category(rng: Random) -> str:
    return rng.choice(CATEGORY_SENTENCES)(rng)


def request(rng: Random, *, held_out: bool = False) -> str:
    """One question to the assistant and its answer, from the pairs of training or from those held out."""
    while True:
        verb, thing = rng.choice(VERBS), rng.choice(rng.choice([ALIVE, THINGS]))
        if is_held_out(verb, thing) == held_out:
            break
    answer = REFUSAL if is_refused(verb, thing) else rng.choice(ANSWERS)
    text = f"User: {rng.choice(QUESTIONS)} Assistant: {answer}"
    return text.format(verb=verb, thing=thing, place=rng.choice(PLACES))


def mixed(rng: Random) -> str:
    return rng.choice((people, category, request))(rng)
