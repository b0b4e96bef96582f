"""One training at a time in a run folder: two would write over each other's files."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vistry.errors import RunError

INSTANT = 0.1  # seconds; `is_abandoned` holds a lock for much less


@contextmanager
def training_in(folder: Path) -> Iterator[None]:
    """Keep other trainings out of a run folder. Raises RunError where another process trains in it.

    The lock is on the folder itself and ends with the process, however that ends. On a file system without locks
    nothing is kept out.
    """
    with _opened(folder) as descriptor:
        if _is_held(descriptor, fcntl.LOCK_EX):
            time.sleep(INSTANT)
            if _is_held(descriptor, fcntl.LOCK_EX):
                raise RunError(f"{folder} is being trained by another process; wait until it ends, or stop it")
        yield


def is_abandoned(folder: Path) -> bool:
    """Whether no process trains in a run folder; False where the file system has no locks to tell by."""
    with _opened(folder) as descriptor:
        return _is_held(descriptor, fcntl.LOCK_SH) is False


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_held(descriptor: int, kind: int) -> bool | None:
    """Take the lock; True where another process holds it, None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False
