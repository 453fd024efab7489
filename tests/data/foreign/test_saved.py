"""A data set folder as SAELens caches activations becomes a cache that holds the same."""

from __future__ import annotations

import json
from pathlib import Path

import datasets  # type: ignore[import-untyped]
import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Import
from interpviz.data.activations import Cache
from interpviz.data.foreign import look_into
from interpviz.data.foreign.importing import run
from tests.data.foreign import makers


def test_a_column_of_contexts_becomes_rows_with_their_tokens(tmp_path: Path) -> None:
    folder = makers.make_saved(tmp_path / "theirs").parent
    (folder / "cache_activations_runner_cfg.json").write_text(json.dumps({"model_name": "gpt2"}))
    run(Import(str(folder), str(tmp_path / "ours.acts")))
    cache = Cache.open(tmp_path / "ours.acts")
    expected = makers.numbers(5, makers.CONTEXT, makers.D_MODEL, seed=3).reshape(30, -1)
    np.testing.assert_array_equal(cache.rows("L1R-", range(30)), expected)
    assert (cache.job.model, cache.job.context) == ("gpt2", makers.CONTEXT)
    assert cache.tokens().id.tolist() == list(range(30))


def test_positions_of_a_context_never_become_heads(tmp_path: Path) -> None:
    folder = makers.make_saved(tmp_path / "theirs").parent
    with pytest.raises(InterpvizError, match=r"heads side by side.* Call it blocks.1.attn.hook_z_flat\.$"):
        run(Import(str(folder), str(tmp_path / "ours.acts"), ((makers.SAVED_HOOK, "L1H"),)))


def test_columns_of_words_and_of_unequal_lists_are_not_told_of(tmp_path: Path) -> None:
    content = {"hook_embed": [[1.0, 2.0], [3.0, 4.0]], "words": ["a", "b"], "ragged": [[1], [2, 3]], "gaps": [1, None]}
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict(content).save_to_disk(tmp_path / "theirs")
    (holding,) = look_into(tmp_path / "theirs").holdings
    assert (holding.name, holding.shape, holding.dtype, holding.proposed) == (
        "hook_embed", (2, 2), "float64", "hook_embed",
    )  # fmt: skip


def test_a_file_that_is_lost_or_cut_is_a_sentence(tmp_path: Path) -> None:
    path = makers.make_saved(tmp_path / "theirs")
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(InterpvizError, match=r"^data-00001-of-00002.arrow is cut or damaged"):
        look_into(path.parent)
    path.unlink()
    with pytest.raises(InterpvizError, match=r"^theirs lacks data-00001-of-00002.arrow"):
        look_into(path.parent)


@pytest.mark.parametrize("state", ["", "{}", '{"_data_files": [{"filename": "../x.arrow"}]}', '{"_data_files": [7]}'])
def test_a_list_of_files_that_leads_elsewhere_is_a_sentence(tmp_path: Path, state: str) -> None:
    folder = makers.make_saved(tmp_path / "theirs").parent
    (folder / "state.json").write_text(state)
    with pytest.raises(InterpvizError, match=r"^state.json of theirs names no data files"):
        look_into(folder)
