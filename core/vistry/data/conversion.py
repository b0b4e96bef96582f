"""Convert a table with objects into files of another format, one for each split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vistry.data.formats import Formats
from vistry.data.table import SPLITS, UNASSIGNED, Table
from vistry.errors import DataError


@dataclass(frozen=True)
class OutputFile:
    """A file to write: its rows, and its text piece by piece."""

    path: Path
    table: Table
    pieces: Iterable[str]


def output_files(table: Table, out: Path, format: str) -> list[OutputFile]:
    """The files to write for a table: one, or in a folder a file for each split.

    `format` is the name of one with a writer, such as 'coco' or 'jsonl'. Raises DataError for labels that aren't
    objects, for a file that exists, and for several splits in one file.
    """
    if table.objects is None:
        raise DataError(f"{table.root} has labels for whole images; only boxes and masks can be converted")
    writer = Formats.read().writer_named(format)
    files = list(_files(table, out, writer.SUFFIX))
    for path, _ in files:
        if path.exists():
            raise DataError(f"{path} already exists; name another file, or remove it")
    return [
        OutputFile(path, rows, writer.write(rows, _relative(rows.images, path.absolute().parent)))
        for path, rows in files
    ]


def _files(table: Table, out: Path, suffix: str) -> Iterator[tuple[Path, Table]]:
    """(file, rows) of each split; where there are splits, the rows without one train."""
    if not np.any(table.split != UNASSIGNED):
        yield (out if out.suffix == suffix else out / f"annotations{suffix}"), table
        return
    parts = {name: np.flatnonzero(table.split == split) for split, name in enumerate(SPLITS)}
    parts["train"] = np.flatnonzero(~np.isin(table.split, (SPLITS.index("validation"), SPLITS.index("test"))))
    filled = {name: rows for name, rows in parts.items() if len(rows)}
    if out.suffix == suffix and len(filled) > 1:
        raise DataError(f"the data has {' and '.join(filled)} images; name a folder, which gets a file for each")
    for name, rows in filled.items():
        yield (out if out.suffix == suffix else out / f"{name}{suffix}"), table.take(rows)


def _relative(images: Sequence[str], folder: Path) -> list[str]:
    """Paths relative to the folder where they lie in it, else absolute."""
    prefix = f"{folder.resolve()}/"
    return [image.removeprefix(prefix) for image in images]
