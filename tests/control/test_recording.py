"""What the form of a recording decides, without a window."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from interpviz.control import places, recording
from interpviz.control.recording import Form
from interpviz.core.document import ModelFacts
from interpviz.core.features import DictionaryFacts
from interpviz.core.jobs import Record

MODEL = ModelFacts("toy", "/models/toy", "aa", 2, 4, 2, 64, 256, 50, 64)
BOOK = DictionaryFacts("book", "/books/book", "0", "standard", "blocks.1.hook_resid_post", 64, 100)


@pytest.fixture
def text(tmp_path: Path) -> str:
    made = tmp_path / "corpus.txt"
    made.write_bytes(b"a" * 4000)
    return str(made)


@pytest.fixture
def form(text: str, tmp_path: Path) -> Form:
    return Form(texts=(text,), sites="L0R L1R", out=str(tmp_path / "toy.acts"))


def problem(form: Form) -> str:
    return recording.problem(form, MODEL, (BOOK,), recording.sizes_of(form.texts))


def test_a_form_that_is_right_is_the_job_that_it_says(form: Form) -> None:
    assert problem(form) == ""
    asked = replace(form, dictionaries=("book",), k=8, tokens=500, dtype="bfloat16", workers=3)
    assert problem(asked) == ""
    assert recording.job(asked, MODEL, (BOOK, replace(BOOK, name="other"))) == Record(
        model="/models/toy",
        texts=form.texts,
        sites=("L0R", "L1R"),
        out=form.out,
        tokens=500,
        context=128,
        dtype="bfloat16",
        dictionaries=("/books/book",),
        k=8,
        workers=3,
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"texts": ()}, "Add the texts to run the model over."),
        ({"texts": ("/gone/corpus.txt",)}, "corpus.txt cannot be read as a file. Remove it"),
        ({"sites": ""}, "Name a site to record, such as L0R, or tick a dictionary."),
        ({"sites": "L0R L9R"}, "toy has no L9R: it has layers 0 to 1"),
        ({"sites": "L0X"}, "'L0X' names no activation. Write L1R, L1A, L1M, L1H, E or a hook name."),
        ({"sites": "L0H1[2<1]"}, "L0H1[2<1] is one number of a pattern. Name a whole activation"),
        ({"sites": "book/3"}, "book/3 is a feature of a dictionary: tick the dictionary instead."),
        ({"dictionaries": ("book",), "k": 101}, "book has 100 features. Keep at most so many."),
        ({"out": ""}, "Choose where to write the cache."),
        ({"out": "toy.acts"}, "Write the whole path of the cache"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(form: Form, change: dict[str, object], says: str) -> None:
    assert problem(replace(form, **change)).startswith(says)  # type: ignore[arg-type]


def test_dictionaries_alone_can_be_recorded(form: Form) -> None:
    assert problem(replace(form, sites="", dictionaries=("book",))) == ""


def test_a_site_that_is_said_twice_is_recorded_once(form: Form) -> None:
    job = recording.job(replace(form, sites="L0R, blocks.0.hook_resid_post L0R-"), MODEL, ())
    assert job.sites == ("L0R", "L0R-")


def test_a_place_that_is_taken_is_refused_unless_a_cache_is_there_to_go_on_with(form: Form, tmp_path: Path) -> None:
    file, folder = tmp_path / "file.acts", tmp_path / "folder.acts"
    file.touch()
    folder.mkdir()
    assert "is a file" in problem(replace(form, out=str(file)))
    assert problem(replace(form, out=str(folder))) == ""
    (folder / "notes.txt").touch()
    assert "a folder of other things" in problem(replace(form, out=str(folder)))
    (folder / "manifest.jsonl").touch()
    assert problem(replace(form, out=str(folder))) == ""
    assert recording.goes_on(str(folder))
    assert not recording.goes_on(form.out)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_where_nothing_may_be_written_is_refused(form: Form, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "Nothing may be written" in problem(replace(form, out=str(tmp_path / "locked" / "a" / "b.acts")))


def test_a_row_takes_two_bytes_a_number_six_a_code_and_twelve_for_its_token(form: Form) -> None:
    assert recording.row_bytes(form, MODEL) == 2 * 64 * 2 + 12
    assert recording.row_bytes(replace(form, dictionaries=("book",), k=10), MODEL) == 2 * 64 * 2 + 6 * 10 + 12
    assert recording.row_bytes(replace(form, sites="L0N3 L0K0 L0H"), MODEL) == 2 * (256 + 32 + 64) + 12


def test_the_estimate_counts_a_token_for_four_bytes_unless_a_number_is_given(form: Form) -> None:
    sizes = recording.sizes_of(form.texts)
    found = recording.estimate(form, MODEL, sizes, 75 * 10**9)
    assert found is not None
    assert (found.sentence, found.fits) == ("about 268 kB at 268 bytes a token; 75 GB free", True)
    given = recording.estimate(replace(form, tokens=10**6), MODEL, sizes, None)
    assert given is not None
    assert given.sentence == "about 268 MB at 268 bytes a token"
    packed = recording.estimate(form, MODEL, {"a.jsonl.GZ": 4000}, None)
    assert packed is not None
    assert packed.sentence.startswith("at least 268 kB")


@pytest.mark.parametrize(("free", "fits"), [(858_470_912, True), (858_470_911, False)])
def test_a_disk_must_hold_a_fifth_more_than_the_estimate_and_half_a_gigabyte(form: Form, free: int, fits: bool) -> None:
    found = recording.estimate(replace(form, tokens=10**6), MODEL, {}, free)  # 268 MB, times 1.2, and 512 MiB
    assert found is not None
    assert (found.fits, "too little" in found.sentence) == (fits, not fits)


def test_nothing_is_estimated_before_the_form_says_what(form: Form) -> None:
    for empty in (replace(form, sites=""), replace(form, sites="L9R")):
        assert recording.estimate(empty, MODEL, {"a": 4000}, None) is None
    assert recording.estimate(form, MODEL, {}, None) is None


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1200, "1.2 kB"),
        (999_600, "1.0 MB"),
        (9_960_000, "10 MB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_bytes_are_read_as_a_person_would(size: int, words: str) -> None:
    assert places.amount(size) == words


def test_free_room_is_that_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    assert places.free_at("") is None
    free = places.free_at(str(tmp_path / "a" / "b.acts"))
    assert free is not None
    assert free > 0


def test_a_place_is_proposed_beside_the_text_under_the_names_of_model_and_text(tmp_path: Path) -> None:
    name = recording.proposed_name(replace(MODEL, name="org/toy 2"), [str(tmp_path / "my corpus.jsonl.gz")])
    beside = recording.proposed_place(name, str(tmp_path / "my corpus.jsonl.gz"), "/documents")
    assert beside == str(tmp_path / "org-toy-2-my-corpus.acts")
    assert recording.proposed_place(recording.proposed_name(MODEL, []), "", "/documents") == "/documents/toy.acts"
    assert recording.proposed_place("a", "/gone/text.txt", "/documents") == "/documents/a.acts"


def test_the_sites_of_a_kind_are_those_of_every_layer() -> None:
    assert recording.of_kind(MODEL, "R") == ("L0R-", "L0R", "L1R")
    assert recording.of_kind(MODEL, "M") == ("L0M", "L1M")
    assert recording.of_kind(replace(MODEL, d_mlp=0), "M") == ()
    for word in recording.whole_sites(MODEL):
        assert recording.sites_problem(word, MODEL) == ""
