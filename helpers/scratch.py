"""A directory that a notebook may fill, gone when its kernel ends."""

import atexit
import os
import tempfile
from pathlib import Path

PREFIX = "scratch-"  # helpers.notebooks takes such paths out of stored tracebacks by it


def enter_scratch() -> Path:
    """Make an empty temporary directory, enter it, and return it; at the end of the process it is left and removed.

    Relative paths then keep the names of this machine out of messages.
    """
    before = Path.cwd()
    directory = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
    os.chdir(directory.name)
    atexit.register(_leave, directory, before)
    return Path(directory.name)


def _leave(directory: tempfile.TemporaryDirectory, before: Path) -> None:
    os.chdir(before if before.exists() else Path(before.anchor))  # Windows removes no directory that is in use
    directory.cleanup()
