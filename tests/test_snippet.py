"""The script that the window copies, run: it prints the numbers that the window shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from interpviz import api
from interpviz.control.plan import target_request
from interpviz.control.runs import clean_run, edited_run
from interpviz.control.snippet import snippet
from interpviz.core.document import Document, Prompt
from interpviz.core.interventions import Intervention
from interpviz.core.jobs import OpenCache, OpenDictionary, OpenModel
from interpviz.core.logits import difference, divergence
from interpviz.core.paths import resource
from interpviz.core.results import RunResult
from interpviz.engine.compute import Engine
from tests.data import sae_files

TEXT = "When Mary and John went to the store, John gave a drink to"
CONTRAST = Prompt("When Mary and John went to the store, Mary gave a drink to")
WITHOUT_BOS = Prompt(TEXT, bos=False)
CACHED = Prompt("odd tokens", tokens=(0, 1003, 961, 4095, 7))

Opened = Callable[..., Document]


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The one of the window, apart from that of the script."""
    return Engine()


@pytest.fixture(scope="module")
def opened(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """A document with the demo, its cache and a random dictionary open, and these edits."""
    folder = tmp_path_factory.mktemp("dictionaries") / "book"
    named = {"hook_name": "blocks.1.hook_resid_post", "model_name": "demo"}
    sae_files.random_sae(folder, d_in=192, features=12, metadata=named)
    files = {
        "model": engine.compute(OpenModel("demo")),
        "cache": engine.compute(OpenCache(str(resource("demo/demo.acts")))),
        "dictionaries": engine.compute(OpenDictionary(str(folder))),
    }

    def document(*edits: str, **said: object) -> Document:
        made = frozenset(map(Intervention.parse, edits))
        followed = {"prompt": Prompt(TEXT), "target": " Mary", "distractor": " John"}
        return Document(**(files | followed | {"interventions": made} | said))

    return document


def printed(script: str, capsys: pytest.CaptureFixture[str]) -> list[float]:
    """The numbers that the script prints on its last line, in a namespace of its own."""
    capsys.readouterr()
    exec(compile(script, "copied", "exec"), {})
    return [float(number) for number in capsys.readouterr().out.splitlines()[-1].split()]


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ((), {}),
        (("L1H4",), {}),
        (("L1H4",), {"distractor": ""}),
        (("L1H4",), {"freeze": True}),
        (("L1Q4:scale:0.5@-1", "L2N3:clamp:2.5", "L1H4[7<3]"), {}),
        (("L1R:mean@3", "L0M:mean"), {}),
        (("L1H4:resample",), {"distractor": ""}),
        (("L1R:patch@-4", "L2M"), {"contrast": CONTRAST}),
        (("book/3:add:40", "L2R:add:0.5:book/7@5"), {}),
        (("L1H4",), {"prompt": WITHOUT_BOS}),
        (("L1H4:patch",), {"prompt": WITHOUT_BOS, "contrast": Prompt(CONTRAST.text, bos=False)}),
        (("L1H4", "L3A@2"), {"prompt": CACHED}),
    ],
)
def test_the_copied_script_prints_what_the_window_shows(
    engine: Engine,
    opened: Opened,
    capsys: pytest.CaptureFixture[str],
    edits: tuple[str, ...],
    said: dict[str, object],
) -> None:
    document = opened(*edits, **said)
    target = engine.compute(target_request(document))  # type: ignore[arg-type]
    clean, edited = (engine.compute(asked(document)) for asked in (clean_run, edited_run))  # type: ignore[arg-type]
    shown = [difference(clean, target).value]
    if edits:
        assert not np.allclose(clean.logits, edited.logits, atol=1e-4)
        shown += [difference(edited, target).value, divergence(clean, edited).value]
    assert printed(snippet(document), capsys) == pytest.approx(shown, rel=1e-5, abs=1e-6)


def test_without_a_target_it_prints_the_likeliest_token_of_either_side(
    engine: Engine, opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    document = opened("L2M", target="", distractor="")
    runs: list[RunResult] = [engine.compute(asked(document)) for asked in (clean_run, edited_run)]  # type: ignore[arg-type]
    capsys.readouterr()
    exec(compile(snippet(document), "copied", "exec"), {})
    line = capsys.readouterr().out
    words = api.load("demo").vocabulary()
    for run in runs:
        token = int(run.logits.argmax())
        assert f"Token(text={words[token]!r}, id={token}, logit={float(run.logits[token])!r}" in line


def test_a_dictionary_that_is_gone_is_a_sentence_in_the_script_too(opened: Opened, tmp_path: Path) -> None:
    document = opened("book/3")
    source = document.dictionaries[0].source
    script = snippet(document).replace(source, str(tmp_path / "gone"))
    with pytest.raises(api.InterpvizError, match="There is no folder") as mistake:
        exec(compile(script, "copied", "exec"), {})
    assert "gone" in str(mistake.value)
