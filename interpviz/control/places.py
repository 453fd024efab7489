"""Where a job may write: what is wrong with a place, how much room it has, and which one to propose. No widgets."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def problem(out: str, what: str, goes_on: bool) -> str:
    """Why no `what` can be written there; empty where one can, or where one is there that the job goes on with."""
    place = Path(os.path.expanduser(out))
    if not out:
        return f"Choose where to write the {what}."
    if not place.is_absolute():
        return f"Write the whole path of the {what}, from the root on, or choose a place."
    try:
        if place.is_file():
            return f"{place.name} is a file. Choose a name that is free."
        if place.is_dir() and not goes_on and any(not one.name.startswith(".") for one in place.iterdir()):
            return f"{place.name} is a folder of other things. Choose a name that is free."
        if not os.access(_nearest(place), os.W_OK):
            return f"Nothing may be written into {_nearest(place)}. Choose another folder."
    except OSError as error:
        return f"{place} cannot be reached ({error.strerror}). Choose another place."
    return ""


def amount(size: int) -> str:
    """Bytes as a person reads them: `75 GB`, `1.2 MB`."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 9.95 or unit == "bytes" else f"{value:.1f} {unit}"


def free_at(out: str) -> int | None:
    """Free bytes of the disk that this place is on; None where nobody can say."""
    try:
        return shutil.disk_usage(_nearest(Path(os.path.expanduser(out)))).free if out else None
    except OSError:
        return None


def proposed(name: str, beside: str, documents: str) -> str:
    """Where to write what has this name: beside the file or folder it is made of, else among the documents."""
    folder = os.path.dirname(beside) if beside else documents
    return os.path.join(folder if os.access(folder, os.W_OK) else documents, plain(name))


def plain(name: str) -> str:
    """The name without what file systems refuse."""
    return "".join("-" if letter in '<>:"/\\|?* ' or not letter.isprintable() else letter for letter in name)


def _nearest(place: Path) -> Path:
    """The folder of this path that exists."""
    return next((one for one in (place, *place.parents) if one.is_dir()), place)
