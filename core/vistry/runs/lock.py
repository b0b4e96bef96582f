"""One training at a time in a run folder: two would write over each other's files."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vistry.errors import RunError


@contextmanager
def training_in(folder: Path) -> Iterator[None]:
    """Keep other trainings out of a run folder. Raises RunError where one is at work.

    The lock is on the folder itself and ends with the process, however that ends. Where the file system has no locks,
    there is none.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{folder} is being trained by another process; wait for its end, or stop it") from None
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)
