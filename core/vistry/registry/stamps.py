"""Stamps of files: values that differ once a file was written again, moved or deleted, and cost no reading."""

from __future__ import annotations

import os
import sys
from collections.abc import Hashable, Iterator
from pathlib import Path

_RECORDS = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}  # and the file in one that has name and version


def file_stamp(path: str | Path) -> Hashable:
    """A value that changes with the file; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def installed_stamp() -> Hashable:
    """A value that changes with the import path, and with what the distributions on it say of themselves."""
    return tuple((folder, tuple(_records_in(folder))) for folder in sys.path)


def _records_in(folder: str) -> Iterator[Hashable]:
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208
    except OSError:
        return  # not there, or a zip file
    for name in names:
        metadata = _RECORDS.get(name[-len(".dist-info") :]) or _RECORDS.get(name[-len(".egg-info") :])
        if metadata is None:
            continue
        record = os.path.join(folder, name)  # noqa: PTH118
        if entry_points := file_stamp(f"{record}/entry_points.txt"):
            yield name, entry_points, file_stamp(f"{record}/{metadata}")
