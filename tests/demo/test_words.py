"""Every word that a circuit will be read from is one token, and says one thing."""

from __future__ import annotations

import pytest

from resources.demo import words
from tests.demo.conftest import MODEL


def test_every_listed_word_is_one_token_after_a_space(tokenizer):
    split = {word for word in words.SINGLE_TOKEN_WORDS if len(tokenizer.encode(f" {word}").ids) != 2}
    assert split == set()


def test_every_name_place_object_and_member_is_listed():
    assert {*words.NAMES, *words.PLACES, *words.OBJECTS, *words.MEMBERS} <= set(words.SINGLE_TOKEN_WORDS)


def test_a_prompt_begins_with_the_beginning(tokenizer):
    assert tokenizer.encode("").tokens == ["<bos>"]
    assert tokenizer.encode("Call me").tokens == ["<bos>", "C", "all", "Ġme"]


def test_transformers_opens_the_tokenizer_from_its_folder():
    from transformers import AutoTokenizer

    opened = AutoTokenizer.from_pretrained(MODEL)
    ids = opened.encode("When Mary and John")
    assert ids[0] == opened.bos_token_id == 0
    assert opened.decode(ids, skip_special_tokens=True) == "When Mary and John"


def test_there_are_sixty_names_to_train_on_and_twelve_held_out():
    assert (len(words.TRAINING_NAMES), len(words.HELD_OUT_NAMES), len(set(words.NAMES))) == (60, 12, 72)


def test_each_of_four_kingdoms_has_four_kinds_of_eight_members():
    assert [len(kinds) for kinds in words.TAXONOMY.values()] == [4] * 4
    assert {len(members) for kinds in words.TAXONOMY.values() for members in kinds.values()} == {8}
    assert len(words.KIND_OF) == 128


def test_no_predicate_is_said_of_two_kinds():
    said = [
        p for predicates in (*words.KIND_PREDICATES.values(), *words.KINGDOM_PREDICATES.values()) for p in predicates
    ]
    assert len(said) == len(set(said))


@pytest.mark.parametrize(
    ("verb", "thing", "refused"),
    [("steal", "lamp", True), ("paint", "beagle", False), ("cut", "beagle", True), ("cut", "cheddar", False)],
)
def test_refusal_asks_who_would_be_harmed(verb, thing, refused):
    assert words.is_refused(verb, thing) is refused


def test_nothing_is_both_alive_and_a_thing():
    assert not set(words.ALIVE) & set(words.THINGS)


def test_about_a_fifth_of_the_pairs_is_held_out():
    pairs = [(verb, thing) for verb in words.VERBS for thing in words.ALIVE + words.THINGS]
    assert 0.17 < sum(words.is_held_out(*pair) for pair in pairs) / len(pairs) < 0.23
