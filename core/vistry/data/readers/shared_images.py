"""Images that several annotation files of a data set describe: one row, with the objects of all."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vistry.data.findings import Finding
from vistry.data.offsets import segment_ids
from vistry.data.table import UNASSIGNED, Table


@dataclass
class SharedImages:
    """The row of each image so far, and the rows that another file describes, too.

    Files of different splits that name one image contradict each other; it gets a row of each, which the doctor finds.
    """

    shared: set[int] = field(default_factory=set)
    _rows: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def row(self, image: str, split: int, file: int) -> int | None:
        """The row that another file gave an image, if the splits don't contradict each other."""
        row, known, first = self._rows.get(image, (-1, UNASSIGNED, file))
        if row < 0 or first == file or (known != split and split != UNASSIGNED):
            return None
        self.shared.add(row)
        return row

    def add(self, image: str, split: int, file: int, *, row: int) -> None:
        """Remember the row of an image."""
        self._rows.setdefault(image, (row, split, file))

    def without_copies(self, table: Table) -> tuple[Table, list[Finding]]:
        """The table with one of each object that several files describe alike, and what was put together."""
        if not self.shared or table.objects is None:
            return table, []
        of_row = segment_ids(table.label_starts)
        index = np.flatnonzero(np.isin(of_row, list(self.shared)))
        told = np.column_stack([of_row[index], table.labels[index], table.objects.boxes[index]])
        _, first = np.unique(told, axis=0, return_index=True)
        first_of_all = np.ones(len(of_row), dtype=bool)
        first_of_all[index] = False
        first_of_all[index[first]] = True
        copies = int(np.sum(~first_of_all))
        message = f"{len(self.shared)} image(s) are described by several files, whose objects are put together"
        message += f"; {copies} that they describe alike count once" if copies else ""
        finding = Finding.of("image-merged", message, table.root, count=len(self.shared))
        return (table.with_objects(first_of_all, table.objects) if copies else table), [finding]
