"""Who works on what: locks on files of the sweep's folder, which end with the process however that ends.

To ask what is next and to claim it, a process holds the sweep's lock; a trial that it has claimed it holds by a lock on
trial.json, as long as it watches over the trial. They are on files, and not on folders as a run's own, because network
file systems lock only what was opened for writing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vistry.sweep.folder import TRIAL, SweepFolder

LOCK = "lock"


class Claim:
    """A trial that this process has claimed, until it lets go."""

    def __init__(self, sweep: SweepFolder, number: int):
        """Claim a trial that has a trial.json. The sweep is locked, and the trial nobody's."""
        self.number = number
        self._descriptor = os.open(sweep.trial_folder(number) / TRIAL, os.O_RDWR)
        _lock(self._descriptor, fcntl.LOCK_EX)

    def let_go(self) -> None:
        """Let others claim the trial."""
        os.close(self._descriptor)


@contextmanager
def locked(sweep: SweepFolder) -> Iterator[None]:
    """Keep others from claiming meanwhile. On a file system without locks nobody is kept: one process may work then."""
    descriptor = os.open(sweep.path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(sweep: SweepFolder, number: int) -> bool:
    """Whether some process works on a trial: watches over it, or trains it."""
    folder = sweep.trial_folder(number)
    return _is_locked(folder / TRIAL) or _is_trained(folder)


def busy(sweep: SweepFolder, numbers: list[int]) -> list[int]:
    """Those of these trials that some process works on."""
    return [number for number in numbers if is_held(sweep, number)]


def _is_locked(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR)
    try:
        return not _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def _is_trained(folder: Path) -> bool:
    """Whether the run is locked; one whose file system has no locks on folders counts as not trained."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int, kind: int) -> bool:
    """Take a lock; False where another holds it. On a file system without locks it is as if taken."""
    try:
        fcntl.flock(descriptor, kind)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
