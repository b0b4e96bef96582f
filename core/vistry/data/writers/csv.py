"""Write rows with labels of whole images as CSV: a column of images, and one of labels with '|' between several."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence

from vistry.data.table import Table
from vistry.errors import DataError

SUFFIX: str = ".csv"
# Names with these can't be told from lists, or from several names, unless they are written as a list.
SPECIAL = ",;|[{("


def write(table: Table, images: Sequence[str]) -> Iterator[str]:
    """Yield the file's text a row a piece, for several labels an image. Raises DataError for objects."""
    yield from write_labels(table, images, several=True)


def write_labels(table: Table, images: Sequence[str], *, several: bool) -> Iterator[str]:
    """Yield the file's text a row a piece: one label an image, or `several`. Raises DataError for objects.

    Where a name of a class could be taken for several, each cell is a list in JSON.
    """
    if table.objects is not None:
        raise DataError(f"{table.root} has boxes or masks; CSV is written with labels of whole images")
    has_bars = several and any(len(labels) > 1 for _, labels in table)
    special = SPECIAL if has_bars or not several else f"{SPECIAL} "
    as_lists = any(character in name for name in table.classes for character in special)
    yield _line(["image", "labels" if several else "label"])
    for row, image in enumerate(images):
        names = [table.classes[label] for label in table.labels_of(row)]
        yield _line([image, json.dumps(names, ensure_ascii=False) if as_lists else "|".join(names)])


def _line(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()
