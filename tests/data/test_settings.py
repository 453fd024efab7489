"""Settings come back, and what cannot be read does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpviz.core.paths import user_config
from interpviz.data import settings
from interpviz.data.settings import Settings


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_what_is_saved_is_what_is_loaded() -> None:
    chosen = Settings(theme="dark", renderer="cpu", memo_megabytes=16, device="cuda").opened("demo")
    settings.save(chosen)
    assert settings.load() == chosen


def test_without_a_file_the_defaults_hold() -> None:
    assert settings.load() == Settings("system", "auto", recent=(), layout="", memo_megabytes=512, device="auto")


def test_what_a_file_leaves_out_is_as_it_is_without_one() -> None:
    (user_config() / "settings.json").write_text('{"memo_megabytes": 65536}')
    assert settings.load() == Settings(memo_megabytes=65536)


def test_the_latest_file_comes_first_and_ten_are_kept() -> None:
    chosen = Settings()
    for number in range(12):
        chosen = chosen.opened(f"/models/{number}")
    assert chosen.opened("/models/5").recent == tuple(f"/models/{n}" for n in (5, 11, 10, 9, 8, 7, 6, 4, 3, 2))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"theme": "loud"}',
        b'{"version": 2}',
        b'{"recent": 3}',
        b'{"memo_megabytes": 15}',
        b'{"memo_megabytes": 65537}',
        b'{"memo_megabytes": 64.0}',
        b'{"memo_megabytes": true}',
        b'{"device": "tpu"}',
        b'{"device": ["cpu"]}',
        b"[]",
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_cannot_be_read_is_kept_aside(content: bytes) -> None:
    (user_config() / "settings.json").write_bytes(content)
    assert settings.load() == Settings()
    assert (user_config() / "settings.unreadable.json").read_bytes() == content
    settings.save(Settings(theme="light"))
    assert settings.load().theme == "light"
