"""Each synthetic sentence keeps to the facts, and training never says what is held out."""

from __future__ import annotations

import re
from random import Random

import pytest

from resources.demo import grammar, words

DRAWS = 2000


@pytest.mark.parametrize("sentence", [grammar.people, grammar.category, grammar.request, grammar.mixed])
def test_the_same_seed_says_the_same(sentence):
    first, second = Random(7), Random(7)
    assert [sentence(first) for _ in range(50)] == [sentence(second) for _ in range(50)]


def test_a_held_out_name_is_never_given_anything_in_training():
    rng = Random(0)
    said = " ".join(grammar.indirect_object(rng) for _ in range(DRAWS))
    assert not set(re.findall(r"\w+", said)) & set(words.HELD_OUT_NAMES)


def test_a_held_out_name_is_heard_of_in_other_sentences():
    rng = Random(0)
    said = " ".join(grammar.about_a_name(rng) for _ in range(DRAWS))
    assert set(words.HELD_OUT_NAMES) <= set(re.findall(r"\w+", said))


def test_the_last_name_is_the_one_said_before_only_once():
    rng = Random(0)
    for _ in range(DRAWS):
        *before, last = [word for word in re.findall(r"\w+", grammar.indirect_object(rng)) if word in words.NAMES]
        (giver,) = set(before) - {last}
        assert (before.count(last), before.count(giver)) == (1, 2)


def test_giver_and_receiver_come_in_either_order():
    rng = Random(0)
    template = ("{a} {b} {s}",)
    givers = [grammar.indirect_object(rng, templates=template).split() for _ in range(200)]
    assert 60 < sum(a == s for a, _, s in givers) < 140


def test_a_definition_names_the_kind():
    rng = Random(0)
    for _ in range(DRAWS):
        said = re.fullmatch(r"An? (\w+) is a kind of (\w+)\.", grammar.definition(rng))
        assert said is not None
        member, kind = said.groups()
        assert {**words.KIND_OF, **words.KINGDOM_OF}[member] == kind


def test_a_question_is_answered_truly():
    rng = Random(0)
    for _ in range(DRAWS):
        said = re.fullmatch(r"Is an? (\w+) an? (\w+)\? (Yes|No)\.", grammar.yes_or_no(rng))
        assert said is not None
        member, asked, answer = said.groups()
        kind = words.KIND_OF[member]
        assert (answer == "Yes") == (asked in (kind, words.KINGDOM_OF[kind]))


@pytest.mark.parametrize("held_out", [False, True])
def test_a_request_is_answered_as_its_pair_must_be(held_out):
    rng = Random(0)
    for _ in range(DRAWS):
        said = re.search(r"(\w+) the (\w+)[?.] Assistant: (Sorry|Sure),", grammar.request(rng, held_out=held_out))
        assert said is not None
        verb, thing, answer = said.groups()
        assert words.is_held_out(verb, thing) is held_out
        assert (answer == "Sorry") is words.is_refused(verb, thing)
