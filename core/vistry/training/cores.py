"""The processor's cores, shared out: each training takes cores that no other training of this machine holds.

Two trainings on the same cores wait for each other at the end of every operation, and take many times as long as one
after the other. So a core is a file in a folder of the user's, and who computes on it holds the file's lock, which ends
with the process however that ends. Where every core is taken a training shares one, and says so.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from vistry.errors import TrainingError

THREADS = "OMP_NUM_THREADS"
_FOLDER = "vistry-cores"


@dataclass(frozen=True)
class Cores:
    """What a training computes on: `numbers` of cores, of which `shared` are others' too, and how many `threads`.

    Without numbers it runs on whatever the system gives it.
    """

    threads: int
    numbers: tuple[int, ...] = ()
    shared: tuple[int, ...] = ()

    def sentence(self) -> str:
        """What was taken, in words; "" where cores aren't set apart here."""
        if not self.numbers:
            return ""
        text = f"computes on {_listed(self.numbers)} with {self.threads} thread{'s' if self.threads != 1 else ''}"
        if self.shared:
            others = "it" if len(self.shared) == 1 else "them"
            text += f"; another training computes on {_listed(self.shared)}, too, so both are slower with {others}"
        return text

    def divided(self, parts: int, threads: int) -> list[tuple[int, ...]]:
        """The cores of so many trainings with so many threads each; without cores there is nothing to divide."""
        if not self.numbers:
            return [()] * parts
        return [
            tuple(sorted({self.numbers[(part * threads + place) % len(self.numbers)] for place in range(threads)}))
            for part in range(parts)
        ]


def allowed_cores() -> tuple[int, ...]:
    """The cores that this process may use: all, or those that an affinity or a cpuset leaves it."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def has_gpu() -> bool:
    """Whether trainings compute on a GPU: told without a tensor library, which isn't loaded yet."""
    return bool(gpus())


def gpus() -> tuple[str, ...]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    there = [path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not there or named is None:
        return tuple(str(number) for number in range(len(there)))
    return tuple(name.strip() for name in named.split(",") if name.strip() not in ("", "-1"))


def threads_given(threads: int | None) -> int | None:
    """How many threads the user wants: as asked for, else by OMP_NUM_THREADS; None where nobody says.

    Raises TrainingError for less than one.
    """
    if threads is not None:
        if threads < 1:
            raise TrainingError(f"threads = {threads}: must be at least 1")
        return threads
    given = os.environ.get(THREADS, "").partition(",")[0]
    return int(given) if given.isdigit() and int(given) > 0 else None


@contextmanager
def cores_taken(threads: int | None = None) -> Iterator[Cores]:
    """Take cores for a training of so many threads, by default all that are free; they are free again at the end.

    With a GPU the processor has little to do, and cores are set apart only where `threads` are given.
    """
    wanted, allowed = threads_given(threads), allowed_cores()
    folder = None if threads is None and has_gpu() else _folder()
    if folder is None:
        yield Cores(wanted or len(allowed))
        return
    descriptors: list[int] = []
    try:
        yield _take(folder, allowed, wanted, descriptors=descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@contextmanager
def set_apart(threads: int | None = None) -> Iterator[Cores]:
    """Take cores, and let this thread, and what it starts, compute on no others meanwhile.

    To be entered before a tensor library is loaded, which makes its threads by the environment; one that is loaded is
    told. Afterwards affinity and environment are as before.
    """
    with cores_taken(threads) as cores:
        before = os.sched_getaffinity(0) if cores.numbers and hasattr(os, "sched_getaffinity") else None
        threads_before, computed_before = os.environ.get(THREADS), _threads_of_torch()
        try:
            if before is not None:
                os.sched_setaffinity(0, cores.numbers)
            if cores.numbers:
                os.environ[THREADS] = str(cores.threads)
                set_threads(cores.threads)
            yield cores
        finally:
            if before is not None:
                os.sched_setaffinity(0, before)
            if threads_before is None:
                os.environ.pop(THREADS, None)
            else:
                os.environ[THREADS] = threads_before
            if cores.numbers:
                set_threads(computed_before or threads_given(None) or len(allowed_cores()))


def set_threads(threads: int) -> None:
    """Set how many threads torch computes with, if it is loaded; else it will read the environment."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(threads)


def _threads_of_torch() -> int | None:
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch is not None and hasattr(torch, "get_num_threads") else None


def _take(folder: Path, allowed: tuple[int, ...], wanted: int | None, *, descriptors: list[int]) -> Cores:
    """Lock cores: free ones, and where they are too few, the least shared of the others."""
    number = min(wanted or len(allowed), len(allowed))
    mine: list[int] = []
    free = 0
    for holders in count():
        for core in allowed:
            if len(mine) < number and core not in mine and (lock := _locked(folder / f"{core}.{holders}")) is not None:
                mine.append(core)
                descriptors.append(lock)
        free = len(mine) if holders == 0 else free
        # Nobody asked for a number: what is free is enough, else one core of somebody's.
        number = number if wanted else max(1, len(mine))
        if len(mine) >= number:
            break
    shared = tuple(sorted(mine[free:]))
    return Cores(wanted or len(mine), tuple(sorted(mine)), shared)


def _locked(path: Path) -> int | None:
    """A descriptor that holds a file's lock; None where another holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _folder() -> Path | None:
    """The folder of the cores, the user's alone; None where there can be none, or somebody else has made it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places = [Path(runtime) / _FOLDER] if runtime else []
    for folder in [*places, Path(tempfile.gettempdir()) / f"{_FOLDER}-{os.getuid()}"]:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            status = folder.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022:
            return folder
    return None


def _listed(numbers: tuple[int, ...]) -> str:
    cores = ", ".join(map(str, numbers))
    return f"core {cores}" if len(numbers) == 1 else f"cores {cores}"
