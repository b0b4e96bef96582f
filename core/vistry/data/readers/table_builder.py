"""Collect the rows of a reader and build a table from them: a row costs its path and a few bytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.objects import Objects
from vistry.data.table import UNASSIGNED, Table


class TableBuilder:
    """Collects images, their labels, and the file and line that describe each.

    A reader of labels for whole images registers each annotation file, adds its rows, and builds the table once:

        builder = TableBuilder(root, "csv")
        file = builder.add_file(path)
        builder.add("/data/a.jpg", [builder.class_id("cat")], file=file, line=2)
        table = builder.build()

    Class ids are provisional, in the order of `class_id` calls; `build` sorts the classes and renumbers the labels.
    """

    def __init__(self, root: Path, format: str):
        self.root = root
        self.format = format
        self.images: list[str] = []
        self._class_ids: dict[str, int] = {}
        self._labels = array("i")
        self._ends = array("q")
        self._split = array("b")
        self._files: list[Path] = []
        self._file_of = array("i")
        self._lines = array("i")

    def __len__(self) -> int:
        return len(self.images)

    def add_file(self, path: Path) -> int:
        """Register an annotation file and return its index, for `add`."""
        self._files.append(path)
        return len(self._files) - 1

    def class_id(self, name: str) -> int:
        """The provisional id of a class name; a new name gets the next one."""
        return self._class_ids.setdefault(name, len(self._class_ids))

    def add(self, image: str, labels: Iterable[int], split: int = UNASSIGNED, file: int = 0, line: int = 0) -> None:
        """Append a row.

        `image`: its absolute path. `labels`: provisional class ids. `split`: an index into SPLITS. `file` and `line`:
        the index of `add_file`, and the line from 1, or 0 where a folder says it all.
        """
        self.images.append(image)
        self._labels.extend(labels)
        self._ends.append(len(self._labels))
        self._split.append(split)
        self._file_of.append(file)
        self._lines.append(line)

    def build(self) -> Table:
        """Build the table. Its classes are those that rows have, in alphabetical order."""
        starts = np.concatenate(([0], np.asarray(self._ends, dtype=np.int64))).astype(np.int64)
        return self._table(starts, np.asarray(self._labels, dtype=np.int32), None)

    def _table(
        self, label_starts: npt.NDArray[np.int64], labels: npt.NDArray[np.int32], objects: Objects | None
    ) -> Table:
        classes = sorted(self._class_ids)
        rank = np.empty(len(classes), dtype=np.int32)
        rank[[self._class_ids[name] for name in classes]] = np.arange(len(classes), dtype=np.int32)
        table = Table(
            root=self.root,
            format=self.format,
            classes=tuple(classes),
            images=self.images,
            label_starts=label_starts,
            labels=rank[labels],
            split=np.asarray(self._split, dtype=np.int8),
            files=tuple(self._files),
            file_of=np.asarray(self._file_of, dtype=np.int32),
            lines=np.asarray(self._lines, dtype=np.int32),
            objects=objects,
        )
        return table.without_empty_classes()
