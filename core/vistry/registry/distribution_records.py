"""Records of the distributions on the import path: what `importlib.metadata` finds, without its many imports."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ENTRY_POINTS = "entry_points.txt"
_METADATA = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}  # by the end of a record's name: where its name stands


@dataclass(frozen=True)
class DistributionRecord:
    """What an installer wrote of a distribution into a folder: where that is, and the two files' texts."""

    folder: Path
    metadata: str
    entry_points: str

    def entries_of(self, group: str) -> Iterator[tuple[str, str]]:
        """Yield name and value of each entry point of a group. Raises ValueError for a line that is none."""
        section = ""
        for line in map(str.strip, self.entry_points.splitlines()):
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
            elif section == group and line and not line.startswith("#"):
                name, equals, value = line.partition("=")
                if not equals:
                    raise ValueError(f"'{line}' under [{group}] is not of the form 'name = value'")
                yield name.strip(), value.strip()


def distribution_records(group: str) -> Iterator[DistributionRecord]:
    """Yield the records that mention a group of entry points, in the order of the import path."""
    for folder in dict.fromkeys(sys.path):
        for record, metadata in record_files(folder):
            if group in (text := _text_of(f"{record}/{ENTRY_POINTS}")):
                yield DistributionRecord(Path(folder).resolve(), _text_of(metadata), entry_points=text)


def record_files(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the path of each record in a folder, and that of the file in it with name and version."""
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208
    except OSError:
        return  # not there, or a zip file
    for name in names:
        if metadata := _METADATA.get(name[-len(".dist-info") :]) or _METADATA.get(name[-len(".egg-info") :]):
            record = os.path.join(folder, name)  # noqa: PTH118
            yield record, f"{record}/{metadata}"


def _text_of(path: str) -> str:
    """The text of a file; empty where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
