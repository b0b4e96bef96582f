"""Write rows with boxes as CSV in VoTT's columns: pixels of the upright image, a row an object."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

from vistry.data.table import Table
from vistry.errors import DataError

SUFFIX: str = ".csv"
COLUMNS = ("image", "xmin", "ymin", "xmax", "ymax", "label")
CROWD = "iscrowd"


def write(table: Table, images: Sequence[str]) -> Iterator[str]:
    """Yield the file's text a row a piece. An image without objects is a row with its name alone.

    A column `iscrowd` is there where some object is a crowd. Raises DataError for labels of whole images.
    """
    objects = table.objects
    if objects is None:
        raise DataError(f"{table.root} has labels for whole images; this CSV is written with boxes only")
    has_crowds = bool(objects.crowd.any())
    yield _line([*COLUMNS, CROWD] if has_crowds else COLUMNS)
    for row, image in enumerate(images):
        first, last = int(table.label_starts[row]), int(table.label_starts[row + 1])
        if first == last:
            yield _line([image, *[""] * (len(COLUMNS) - 1 + has_crowds)])
        for index in range(first, last):
            box = [np.format_float_positional(side, unique=True, trim="-") for side in objects.boxes[index]]
            crowd = [str(int(objects.crowd[index]))] if has_crowds else []
            yield _line([image, *box, table.classes[table.labels[index]], *crowd])


def _line(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()
