"""Which processes there are, by Linux's /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def _all() -> Iterator[int]:
    return (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())


def processes_of(path: Path) -> list[int]:
    """The other processes that have files below a path open."""
    holders = []
    for process in _all():
        if process != os.getpid():
            try:
                links = [link.readlink() for link in Path(f"/proc/{process}/fd").iterdir()]
            except OSError:
                continue
            if any(link.is_relative_to(path) for link in links):
                holders.append(process)
    return holders


def parent_of(process: int) -> int:
    """The process that has started one."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("PPid:"))


def children_of(process: int) -> list[int]:
    """The processes below one, as deep as they go."""
    below = []
    for other in _all():
        try:
            if parent_of(other) == process:
                below += [other, *children_of(other)]
        except OSError:
            continue
    return below
