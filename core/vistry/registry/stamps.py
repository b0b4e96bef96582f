"""Stamps of files: values that differ once a file was written again, moved or deleted, and cost no reading."""

from __future__ import annotations

import os
import sys
from collections.abc import Hashable, Iterator
from pathlib import Path

from vistry.registry.distribution_records import ENTRY_POINTS, record_files


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
    for record, metadata in record_files(folder):
        if entry_points := file_stamp(f"{record}/{ENTRY_POINTS}"):
            yield record, entry_points, file_stamp(metadata)
