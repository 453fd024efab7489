"""A fault of ours: the traceback goes to a log file, the person gets a sentence that names it."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from interpviz.core import paths

LOG_BYTES = 1_000_000


def sentence(fault: Exception) -> str:
    """Log the fault with its traceback, and say in one line what happened and where the log is."""
    log = log_file()
    log.error("The command failed.", exc_info=fault)
    first = str(fault).strip().partition("\n")[0]
    return f"interpviz failed ({type(fault).__name__}: {first}). The details are in {log_path()}."


def log_path() -> Path:
    """The log of this user."""
    return paths.user_cache() / "interpviz.log"


def log_file() -> logging.Logger:
    """The program's logger, writing to the log of this user."""
    logger = logging.getLogger("interpviz")
    if not logger.handlers:
        handler = RotatingFileHandler(log_path(), maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)
    return logger
