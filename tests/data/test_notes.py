"""Notes come back as they were written, and what cannot be read is put aside whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interpviz.core.errors import InterpvizError
from interpviz.core.feature_results import Notes
from interpviz.data import notes
from tests.sources import ROOT

SHA = "a" * 64
SOME = Notes(
    texts=((3, "fires on dogs\nand once on a cat"), (70, "é🙂")),
    labels=((3, "dogs"),),
    bookmarks=frozenset({70, 3}),
    lists=(("animals", (3, 5)), ("odd", (70,))),
)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def test_what_is_kept_is_what_is_read() -> None:
    assert notes.save(SHA, SOME) == SOME
    assert notes.load(SHA) == SOME
    assert notes.load("b" * 64) == Notes()


def test_notes_in_any_order_are_kept_in_theirs() -> None:
    mixed = Notes(texts=SOME.texts[::-1], bookmarks=SOME.bookmarks, lists=(("odd", (70,)), ("animals", (5, 3))))
    assert notes.save(SHA, mixed) == Notes(SOME.texts, (), SOME.bookmarks, SOME.lists)


def test_half_characters_are_made_visible() -> None:
    assert notes.save(SHA, Notes(texts=((1, "a\ud800b"),))).texts == ((1, "a\ufffdb"),)


FEATURES = st.integers(0, 2**31 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def pairs(values: Any) -> Any:
    return st.dictionaries(FEATURES, values, max_size=5).map(lambda found: tuple(sorted(found.items())))


ANY = st.builds(
    Notes,
    texts=pairs(TEXTS),
    labels=pairs(TEXTS),
    bookmarks=st.frozensets(FEATURES, max_size=5),
    lists=st.dictionaries(TEXTS, st.frozensets(FEATURES, max_size=4), max_size=4).map(
        lambda found: tuple(sorted((name, tuple(sorted(members))) for name, members in found.items()))
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ANY)
def test_any_notes_come_back(some: Notes) -> None:
    assert notes.save(SHA, some) == some
    assert notes.load(SHA) == some


def written(changes: dict[str, Any]) -> None:
    """A file of notes with some fields changed, and the checksum that fits."""
    notes.save(SHA, SOME)
    content = json.loads(notes.path_of(SHA).read_text()) | changes
    del content["crc32"]
    notes.path_of(SHA).write_text(json.dumps({**content, "crc32": notes._checksum(content)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"},
        {"version": 0},
        {"version": "1"},
        {"texts": [[3, "a"], [3, "b"]]},
        {"texts": [[5, "a"], [3, "b"]]},
        {"texts": [[-1, "a"]]},
        {"texts": [[2**31, "a"]]},
        {"labels": [[1, "x" * 10_001]]},
        {"labels": [[1, ""]]},
        {"bookmarks": [1.5]},
        {"bookmarks": [True]},
        {"lists": [["a", [2, 2]]]},
        {"lists": {"a": [1]}},
    ],
)
def test_notes_that_cannot_be_are_put_aside(changes: dict[str, Any]) -> None:
    written(changes)
    damaged = notes.path_of(SHA).read_bytes()
    found = notes.load(SHA)
    aside = notes.path_of(SHA).with_name(f"{SHA}.json.damaged")
    assert found == Notes(problem=found.problem)
    assert str(aside) in found.problem
    assert aside.read_bytes() == damaged
    assert notes.load(SHA) == Notes()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_notes_is_put_aside_and_nothing_is_overwritten(content: bytes) -> None:
    for name in ("damaged", "damaged-2", "damaged-3"):
        notes.path_of(SHA).write_bytes(content + name.encode())
        assert name in notes.load(SHA).problem
    folder = notes.path_of(SHA).parent
    assert sorted(path.read_bytes()[len(content) :] for path in folder.iterdir()) == [
        b"damaged",
        b"damaged-2",
        b"damaged-3",
    ]


def test_notes_changed_by_a_letter_are_put_aside() -> None:
    notes.save(SHA, SOME)
    path = notes.path_of(SHA)
    path.write_text(path.read_text().replace("dogs", "hogs"))
    assert "put aside" in notes.load(SHA).problem


def test_a_huge_file_is_put_aside_unread() -> None:
    with notes.path_of(SHA).open("wb") as file:
        file.truncate(2**34)
    assert "put aside" in notes.load(SHA).problem


def test_writing_over_a_damaged_file_puts_it_aside_first() -> None:
    notes.path_of(SHA).write_bytes(b"precious")
    notes.save(SHA, SOME)
    assert notes.path_of(SHA).with_name(f"{SHA}.json.damaged").read_bytes() == b"precious"
    assert notes.load(SHA) == SOME


def test_a_newer_version_is_neither_read_nor_overwritten() -> None:
    written({"version": 2})
    there = notes.path_of(SHA).read_bytes()
    for act in (lambda: notes.load(SHA), lambda: notes.save(SHA, SOME)):
        with pytest.raises(InterpvizError, match=r"newer interpviz \(version 2\)\. Update"):
            act()
    assert notes.path_of(SHA).read_bytes() == there


@pytest.mark.parametrize(
    ("some", "said"),
    [
        (Notes(texts=((1, "x" * 10_001),)), "their texts"),
        (Notes(labels=((1, ""),)), "their labels"),
        (Notes(lists=tuple((f"{n:04}", (1,)) for n in range(1001))), "their lists"),
    ],
)
def test_what_is_too_long_is_a_sentence_and_the_old_notes_stand(some: Notes, said: str) -> None:
    notes.save(SHA, SOME)
    with pytest.raises(InterpvizError, match=said):
        notes.save(SHA, some)
    assert notes.load(SHA) == SOME


@pytest.mark.parametrize("name", ["", "a" * 63, "../" + "a" * 61, "A" * 64, "a" * 64 + "\n"])
def test_only_a_sha256_names_notes(name: str) -> None:
    with pytest.raises(ValueError, match="sha256"):
        notes.load(name)


SAVING = """
import sys
from interpviz.core.feature_results import Notes
from interpviz.data import notes
for number in range(10**6):
    notes.save("a" * 64, Notes(texts=tuple((feature, f"{number} " * 50) for feature in range(50))))
    if number < 3:
        print(number, flush=True)
"""


@pytest.mark.slow
def test_a_kill_while_saving_leaves_the_old_notes_or_the_new_ones() -> None:
    for wait in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVING], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ}, text=True
        )
        assert process.stdout is not None
        with process.stdout:
            while process.stdout.readline().strip() != "2":
                pass
            until = time.monotonic() + wait * 0.0013
            while time.monotonic() < until:
                pass
            process.send_signal(signal.SIGKILL)
            process.wait()
        found = notes.load(SHA)
        numbers = {word for _, text in found.texts for word in text.split()}
        assert found.problem == ""
        assert len(found.texts) == 50
        assert len(numbers) == 1
