"""The traceback of a plugin's fault as a file, for the plugin's author."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vistry.errors import RunError
from vistry.registry.plugin_code import BrokenPluginError
from vistry.runs.files import write_text

# In a run's folder; the run folder's page lists it.
ERROR_FILE = "plugin-error.txt"


@contextmanager
def traceback_kept_in(folder: Path) -> Iterator[None]:
    """Write the traceback of a plugin's fault into a folder, such as a run's; its sentence then names the file."""
    try:
        yield
    except BrokenPluginError as error:
        keep_traceback(error, folder / ERROR_FILE)
        raise


def keep_traceback(error: BrokenPluginError, path: Path | None = None) -> None:
    """Write a fault's traceback, unless it is written already, by default into the user's cache folder.

    Where the place can't be written the sentence has to do.
    """
    if error.file or not error.details:
        return
    path = path or _cache() / f"plugin-error-{hashlib.sha256(error.details.encode()).hexdigest()[:8]}.txt"
    try:
        write_text(path, f"{error}\n\n{error.details}")
    except RunError:
        return
    error.file = path


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vistry"
