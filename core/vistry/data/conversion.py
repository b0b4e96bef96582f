"""Convert a table into files of another format, one for each split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from vistry.data.formats import Formats
from vistry.data.readers.guarded import GuardedWriter
from vistry.data.table import SPLITS, UNASSIGNED, Table
from vistry.data.writers.writer import Scores
from vistry.errors import DataError
from vistry.registry.tasks import task_named


@dataclass(frozen=True)
class Output:
    """What is written of some rows: a file, or a folder of them. `files`: (path, text piece by piece) of each file."""

    path: Path
    table: Table
    files: Iterable[tuple[Path, Iterable[str]]]


def outputs(table: Table, out: Path, format: str, *, task: str, scores: Scores | None = None) -> list[Output]:
    """What to write for a table with labels of a task: a file, in a folder a file for each split, or a file an image.

    `format` is the name of one with a writer, such as 'coco' or 'jsonl'. `scores` [M] are those of the labels, where a
    model gave them, of a table without splits. Raises DataError for labels that the format doesn't have or its writer
    refuses, for a file that exists, and for several splits in one file.
    """
    formats = Formats.read()
    writer = formats.writer_named(format)
    # A format of one class an image would drop boxes, or all labels but one, without a word.
    if task not in (known := formats.named(format).tasks):
        raise DataError(f"the format '{format}' has labels of {', '.join(known)}, and {table.root} those of {task}")
    if writer.writes_folder:
        return [_folder(table, out, writer)]
    files = list(_files(table, out, writer.SUFFIX))
    for path, _ in files:
        _refuse_existing(path)
    return [
        Output(path, rows, [(path, _begun(_pieces(writer, rows, path, task=task, scores=scores)))])
        for path, rows in files
    ]


def _pieces(writer: GuardedWriter, rows: Table, path: Path, *, task: str, scores: Scores | None) -> Iterator[str]:
    """The text of a file; what a model said is written as such where the format knows the difference."""
    images = _relative(rows.images, path.absolute().parent)
    if scores is not None and writer.writes_predictions:
        return writer.write_predictions(rows, images, scores=scores)
    if rows.objects is not None:
        return writer.write(rows, images)
    return writer.write_labels(rows, images, several=not task_named(task).has_one_label)


def _folder(table: Table, out: Path, writer: GuardedWriter) -> Output:
    """A folder of files, none of which may be there. A writer refuses a table before the first file."""
    if out.is_file():
        raise DataError(f"{out} is a file, but the format is written as a folder; name another")
    images = _relative(table.images, out.absolute())
    for name, _ in writer.write_files(table, images):
        _refuse_existing(out / name)
    return Output(out, table, ((out / name, pieces) for name, pieces in writer.write_files(table, images)))


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise DataError(f"{path} already exists; name another file, or remove it")


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


def _begun(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces, of which the first is made now, so that a writer refuses a table before there is a file."""
    return chain([next(pieces, "")], pieces)


def _relative(images: Sequence[str], folder: Path) -> list[str]:
    """Paths relative to the folder where they lie in it, else absolute."""
    prefix = f"{folder.resolve()}/"
    return [image.removeprefix(prefix) for image in images]
