from __future__ import annotations

import stat
from pathlib import Path

import pytest

from interpviz.core import paths
from interpviz.core.errors import InterpvizError


def test_shipped_files_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.resource("system-libraries.txt").is_file()


def test_a_file_beside_the_package_comes_before_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "interpviz")
    (tmp_path / "resources").mkdir()
    assert paths.resource("a.txt") == tmp_path / "resources" / "a.txt"
    (tmp_path / "interpviz" / "resources").mkdir(parents=True)
    (tmp_path / "interpviz" / "resources" / "a.txt").touch()
    assert paths.resource("a.txt") == tmp_path / "interpviz" / "resources" / "a.txt"


@pytest.mark.parametrize("folder", [paths.user_data, paths.user_config, paths.user_cache])
def test_nobody_else_may_look_into_the_users_folders(folder: object) -> None:
    assert callable(folder)
    assert stat.S_IMODE(folder().stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "file" / name)
    with pytest.raises(InterpvizError, match=r"interpviz cannot be made \(Not a directory\)"):
        paths.user_cache()
