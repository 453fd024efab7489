"""One process has one vispy backend: these tests draw on EGL without a window and are a run of their own."""

from __future__ import annotations

import os

os.environ.setdefault("EGL_PLATFORM", "surfaceless")

from collections.abc import Iterator

import pytest
import vispy

vispy.use("egl")

from interpviz.render.canvas import Canvas  # noqa: E402


@pytest.fixture(scope="session")
def canvas() -> Iterator[Canvas]:
    surface = Canvas()
    yield surface
    surface.close()
