"""Rows with objects as a reader finds them, turned into a table: an object costs a few numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding, finding
from vistry.data.masks.rle import box_of_runs
from vistry.data.objects import Objects, Shapes
from vistry.data.offsets import offsets_from_counts
from vistry.data.readers.labels import SEGMENTATION
from vistry.data.readers.table_builder import TableBuilder
from vistry.data.table import UNASSIGNED, Table

Box = tuple[float, float, float, float]
UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class Shape:
    """One object's rings, each x, y, x, y, ..., or its run lengths with the height of their mask."""

    rings: Sequence[Sequence[float]] = ()
    runs: npt.NDArray[np.uint32] | None = None
    height: int = 0

    def box(self) -> Box:
        """The box around it."""
        if self.runs is not None:
            return box_of_runs(self.runs, self.height)
        xs = [x for ring in self.rings for x in ring[::2]]
        ys = [y for ring in self.rings for y in ring[1::2]]
        return min(xs), min(ys), max(xs), max(ys)


class ObjectTableBuilder(TableBuilder):
    """Collects images, and objects in any order of their images.

    `normalised` and `even_odd` say how the format means its numbers and rings (see vistry.data.objects).
    """

    def __init__(self, root: Path, format: str, task: str, *, normalised: bool = False, even_odd: bool = False):
        super().__init__(root, format)
        self.wants_masks = task == SEGMENTATION
        self._normalised = normalised
        self._even_odd = even_odd
        self._width, self._height = array("i"), array("i")
        self._lost = array("q")
        self._row, self._label = array("q"), array("q")
        self._boxes = array("d")
        self._crowd = array("b")
        self._areas = array("f")
        self._names = array("q")
        self._object_lines = array("i")
        self._ring_counts, self._point_counts = array("i"), array("i")
        self._points = array("d")
        self._run_counts, self._run_heights = array("i"), array("i")
        self._runs = array("I")

    def add_image(
        self, image: str, split: int = UNASSIGNED, file: int = 0, line: int = 0, width: int = 0, height: int = 0
    ) -> int:
        """Append an image with the size that the data states, 0 where it states none, and return its row."""
        self.add(image, (), split, file, line)
        self._width.append(width)
        self._height.append(height)
        return len(self) - 1

    def add_object(
        self,
        row: int,
        label: int,
        box: Box,
        name: int,
        *,
        crowd: bool = False,
        area: float = UNKNOWN,
        line: int = 0,
        shape: Shape | None = None,
    ) -> None:
        """Append an object of an image: provisional class id, corners, what the format calls it, its line."""
        self._row.append(row)
        self._label.append(label)
        self._boxes.extend(box)
        self._crowd.append(crowd)
        self._areas.append(area)
        self._names.append(name)
        self._object_lines.append(line)
        if self.wants_masks:
            self._add_shape(shape or Shape())

    def _add_shape(self, shape: Shape) -> None:
        self._ring_counts.append(len(shape.rings))
        for ring in shape.rings:
            self._point_counts.append(len(ring) // 2)
            self._points.extend(ring)
        self._run_counts.append(0 if shape.runs is None else len(shape.runs))
        self._run_heights.append(shape.height)
        if shape.runs is not None:
            self._runs.frombytes(shape.runs.tobytes())

    def lose(self, row: int) -> None:
        """Remember that an object of this row can't be used."""
        self._lost.append(row)

    @property
    def marks(self) -> tuple[int, int]:
        """How many objects were added and lost, for `settle`."""
        return len(self._row), len(self._lost)

    def repeated_names(self, since: int) -> list[int]:
        """The names that several of the objects from this one on have, each once."""
        names, counts = np.unique(np.asarray(self._names, dtype=np.int64)[since:], return_counts=True)
        repeated: list[int] = names[counts > 1].tolist()
        return repeated

    def settle(
        self, since: tuple[int, int], rows: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Replace the provisional rows and labels of the objects since `marks` by what they turned out to be.

        `rows` and `labels` are indexed by what was given to `add_object`; -1 where there is none. Returns the names
        and lines [K, 2] of the objects without a row, and those of objects with a row and without a label, which are
        lost.
        """
        objects, lost = since
        row, label = np.frombuffer(self._row, np.int64)[objects:], np.frombuffer(self._label, np.int64)[objects:]
        row[:], label[:] = rows[row], labels[label]
        losers = np.frombuffer(self._lost, np.int64)[lost:]
        losers[:] = rows[losers]
        places = np.stack([self._names[objects:], self._object_lines[objects:]], axis=1).astype(np.int64)
        orphans, unknown = row < 0, (row >= 0) & (label < 0)
        unlabelled = row[unknown].copy()
        del row, label, losers
        self._lost.extend(unlabelled.tolist())
        return places[orphans], places[unknown]

    def build(self) -> Table:
        """The table with its objects, in the order of their images."""
        row, label = np.asarray(self._row, dtype=np.int64), np.asarray(self._label, dtype=np.int64)
        sound = np.flatnonzero((row >= 0) & (label >= 0))
        order = sound[np.argsort(row[sound], kind="stable")]
        starts = offsets_from_counts(np.bincount(row[order], minlength=len(self)))
        objects = self._objects()
        if len(order) < len(row) or np.any(order[1:] < order[:-1]):
            objects = objects.take_objects(order)
        return self._table(starts, label[order].astype(np.int32), objects)

    def unused_classes(self, table: Table, path: Path) -> list[Finding]:
        """A remark where classes were declared that no object of the table built has."""
        unused = sorted(set(self._class_ids) - set(table.classes))
        if not unused:
            return []
        shown = ", ".join(f"'{name}'" for name in unused[:8]) + (", ..." if len(unused) > 8 else "")
        return [finding("class-unused", f"{len(unused)} class(es) without an object: {shown}", path, count=len(unused))]

    def _objects(self) -> Objects:
        boxes: npt.NDArray[np.floating] = np.asarray(self._boxes, dtype=np.float64)
        if not self._normalised:
            boxes = boxes.astype(np.float32)
        lost = np.asarray(self._lost, dtype=np.int64)
        return Objects(
            boxes=boxes.reshape(-1, 4),
            crowd=np.asarray(self._crowd, dtype=bool),
            areas=np.asarray(self._areas, dtype=np.float32),
            names=np.asarray(self._names, dtype=np.int64),
            lines=np.asarray(self._object_lines, dtype=np.int32),
            width=np.asarray(self._width, dtype=np.int32),
            height=np.asarray(self._height, dtype=np.int32),
            lost=np.bincount(lost[lost >= 0], minlength=len(self)).astype(np.int32),
            normalised=self._normalised,
            shapes=self._shapes() if self.wants_masks else None,
        )

    def _shapes(self) -> Shapes:
        return Shapes(
            ring_starts=offsets_from_counts(self._ring_counts),
            point_starts=offsets_from_counts(self._point_counts),
            points=np.asarray(self._points).reshape(-1, 2),
            run_starts=offsets_from_counts(self._run_counts),
            runs=np.asarray(self._runs, dtype=np.uint32),
            run_heights=np.asarray(self._run_heights, dtype=np.int32),
            even_odd=self._even_odd,
        )
