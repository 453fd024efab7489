"""`interpviz`, `open` and `demo`: the commands that open the window. The only importer of the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from interpviz import api
from interpviz.cli import display
from interpviz.core import paths
from interpviz.core.errors import InterpvizError


def bare(
    context: typer.Context,
    reset: Annotated[bool, typer.Option("--reset", help="forget the last session and all settings first")] = False,
) -> int:
    """Open the window on the last session; on nothing, the first time."""
    if context.invoked_subcommand is not None:
        return 0
    if reset:
        forget()
    return _open([])


def open_paths(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="models, caches (also to be imported), dictionaries, indices, sessions"),
    ],
) -> int:
    """Open the window on these, told apart by content; it asks what activations of another program are to become."""
    for source in sources:
        api.kind_of(source)
    names = {model.name for model in api.models()}
    # Absolute, so that the list of recent files means the same wherever the window is opened next.
    return _open([source if source in names else os.path.abspath(os.path.expanduser(source)) for source in sources])


def demo(
    shots: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="draw every panel into DIR and exit")
    ] = None,
) -> int:
    """Open the bundled session, or draw its panels as .png files."""
    session = [str(paths.resource("demo/session.json"))]
    api.kind_of(session[0])
    if shots is None:
        return _open(session)
    if not display.present():
        print("There is no display: drawing under Xvfb.", file=sys.stderr)
    try:
        shots.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InterpvizError(f"{shots} cannot be made ({error.strerror}). Choose another folder.") from error
    with display.borrowed():
        status = _run(session, shots)
    if status == 0:
        print(f"Drawn into {shots}: {', '.join(sorted(picture.name for picture in shots.glob('*.png')))}")
    return status


def forget() -> None:
    """Remove the last session and the settings of this user."""
    for remembered in (paths.user_data() / "session.json", paths.user_config() / "settings.json"):
        remembered.unlink(missing_ok=True)


def _open(sources: list[str]) -> int:
    if not display.present():
        raise InterpvizError(
            "There is no display to open a window on. Run this in a desktop session, "
            "or draw the demo's panels into a folder: interpviz demo --shots shots"
        )
    return _run(sources, None)


def _run(sources: list[str], shots: Path | None) -> int:
    from interpviz import app

    return app.open_window(sources, shots)
