"""A table with objects written as files of another format, one for each split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vistry.data.table import SPLITS, UNASSIGNED, Table
from vistry.data.writers import coco, jsonl
from vistry.errors import DataError

WRITERS: dict[str, tuple[str, Callable[[Table, Sequence[str]], Iterable[str]]]] = {
    "coco": (".json", coco.pieces),
    "jsonl": (".jsonl", jsonl.lines),
}


@dataclass(frozen=True)
class Part:
    """A file to be written: its rows, and its text piece by piece."""

    path: Path
    table: Table
    pieces: Iterable[str]


def converted(table: Table, out: Path, format: str) -> list[Part]:
    """What to write for a table: one file, or in a folder a file for each split.

    `format` is 'coco' or 'jsonl'. Raises DataError for labels that are no objects, for a file that exists, and for
    several splits in one file.
    """
    if table.objects is None:
        raise DataError(f"{table.root} has labels for whole images; boxes and masks are what can be converted")
    suffix, pieces = WRITERS[format]
    files = list(_files(table, out, suffix))
    for path, _ in files:
        if path.exists():
            raise DataError(f"{path} exists already; name another file, or remove it")
    return [Part(path, part, pieces(part, _relative(part.images, path.absolute().parent))) for path, part in files]


def _files(table: Table, out: Path, suffix: str) -> Iterator[tuple[Path, Table]]:
    """(file, rows) of each split; rows without one train, where there are others."""
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
