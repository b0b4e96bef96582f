"""Collect the images and objects of a reader and build a table from them: an object costs a few numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding
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


class ObjectRecord(NamedTuple):
    """An object as a file describes it.

    `box`: its corners, see `vistry.data.objects`. `annotation_id`: what messages call it, see there. `area`: in pixels,
    as the data states it. `line`: the line it is described on, 0 for that of its image.
    """

    box: Box
    annotation_id: int
    crowd: bool = False
    area: float = UNKNOWN
    line: int = 0
    shape: Shape | None = None


class ObjectTableBuilder(TableBuilder):
    """Collects images, and objects in any order of their images.

    A reader adds an image, then each of its objects; of an object that can't be used it reports a finding and tells the
    builder, because an image that loses all of its objects must not train as a negative:

        builder = ObjectTableBuilder(root, "yolo", task, normalised=True)
        file = builder.add_file(path)
        row = builder.add_image("/data/a.jpg", file=file, line=1)
        for number, record in enumerate(records, start=1):
            try:
                label, box = parse(record)
                builder.add_object(row, builder.class_id(label), ObjectRecord(box, number, line=number))
            except FindingError as error:
                findings.append(replace(error.finding, file=str(path), line=number))
                builder.drop_object(row)
        table = builder.build()

    A file such as COCO's may name objects before their images and classes. Then the reader numbers the ids as it meets
    them, adds objects with these numbers as `row` and `label`, and translates them at the end of the file:

        start = builder.checkpoint
        ...  # read the whole file, add_object and drop_object with provisional numbers
        orphans, unlabelled = builder.remap_ids(start, rows, labels)

    `normalised`: boxes and rings are fractions of the image and not pixels. `even_odd`: overlapping rings of an object
    cancel out, see `vistry.data.objects`.
    """

    def __init__(self, root: Path, format: str, task: str, *, normalised: bool = False, even_odd: bool = False):
        super().__init__(root, format)
        self.wants_masks = task == SEGMENTATION
        self._normalised = normalised
        self._even_odd = even_odd
        self._width, self._height = array("i"), array("i")
        self._dropped = array("q")
        self._row, self._label = array("q"), array("q")
        self._boxes = array("d")
        self._crowd = array("b")
        self._areas = array("f")
        self._annotation_ids = array("q")
        self._object_lines = array("i")
        self._ring_counts, self._point_counts = array("i"), array("i")
        self._points = array("d")
        self._run_counts, self._run_heights = array("i"), array("i")
        self._runs = array("I")

    def add_image(
        self, image: str, split: int = UNASSIGNED, file: int = 0, line: int = 0, *, size: tuple[int, int] = (0, 0)
    ) -> int:
        """Append an image and return its row. `size`: width and height in pixels as the data states them, or 0."""
        self.add(image, (), split=split, file=file, line=line)
        width, height = size
        self._width.append(width)
        self._height.append(height)
        return len(self) - 1

    def add_object(self, row: int, label: int, record: ObjectRecord) -> None:
        """Append an object.

        `row` and `label`: what `add_image` and `class_id` returned, or provisional numbers for `remap_ids`.
        """
        self._row.append(row)
        self._label.append(label)
        self._boxes.extend(record.box)
        self._crowd.append(record.crowd)
        self._areas.append(record.area)
        self._annotation_ids.append(record.annotation_id)
        self._object_lines.append(record.line)
        if self.wants_masks:
            self._add_shape(record.shape or Shape())

    def _add_shape(self, shape: Shape) -> None:
        self._ring_counts.append(len(shape.rings))
        for ring in shape.rings:
            self._point_counts.append(len(ring) // 2)
            self._points.extend(ring)
        self._run_counts.append(0 if shape.runs is None else len(shape.runs))
        self._run_heights.append(shape.height)
        if shape.runs is not None:
            self._runs.frombytes(shape.runs.tobytes())

    def drop_object(self, row: int) -> None:
        """Count an object of this row that can't be used."""
        self._dropped.append(row)

    @property
    def checkpoint(self) -> tuple[int, int]:
        """The numbers of objects added and dropped so far, for `remap_ids`."""
        return len(self._row), len(self._dropped)

    def repeated_annotation_ids(self, since: int) -> list[int]:
        """The annotation ids that several of the objects from number `since` on have, each once."""
        ids, counts = np.unique(np.asarray(self._annotation_ids, dtype=np.int64)[since:], return_counts=True)
        repeated: list[int] = ids[counts > 1].tolist()
        return repeated

    def remap_ids(
        self, since: tuple[int, int], rows: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Replace the provisional rows and labels of the objects since a checkpoint.

        `rows` and `labels` map a provisional number to the real one, or to -1 where none was declared. Returns the
        annotation ids and lines [K, 2] of the objects without a row, and of those with a row and without a label, which
        count as dropped.
        """
        objects, dropped = since
        row, label = np.frombuffer(self._row, np.int64)[objects:], np.frombuffer(self._label, np.int64)[objects:]
        row[:], label[:] = rows[row], labels[label]
        dropped_rows = np.frombuffer(self._dropped, np.int64)[dropped:]
        dropped_rows[:] = rows[dropped_rows]
        places = np.stack([self._annotation_ids[objects:], self._object_lines[objects:]], axis=1).astype(np.int64)
        orphans, unknown = row < 0, (row >= 0) & (label < 0)
        unlabelled = row[unknown].copy()
        # An array can't grow while numpy looks at its memory.
        del row, label, dropped_rows
        self._dropped.extend(unlabelled.tolist())
        return places[orphans], places[unknown]

    def forget_lines(self, since: tuple[int, int], rows: Sequence[int]) -> None:
        """Count the objects of these rows since a checkpoint as described where their images are: by another file."""
        if rows:
            lines = np.frombuffer(self._object_lines, np.int32)[since[0] :]
            lines[np.isin(np.frombuffer(self._row, np.int64)[since[0] :], rows)] = 0

    def build(self) -> Table:
        """Build the table, with its objects in the order of their images."""
        row, label = np.asarray(self._row, dtype=np.int64), np.asarray(self._label, dtype=np.int64)
        sound = np.flatnonzero((row >= 0) & (label >= 0))
        order = sound[np.argsort(row[sound], kind="stable")]
        starts = offsets_from_counts(np.bincount(row[order], minlength=len(self)))
        objects = self._objects()
        if len(order) < len(row) or np.any(order[1:] < order[:-1]):
            objects = objects.take_objects(order)
        return self._table(starts, label[order].astype(np.int32), objects)

    def unused_classes(self, table: Table, path: Path) -> list[Finding]:
        """A finding about declared classes that no object of the built table has, if there are any."""
        unused = sorted(set(self._class_ids) - set(table.classes))
        if not unused:
            return []
        names = ", ".join(f"'{name}'" for name in unused[:8]) + (", ..." if len(unused) > 8 else "")
        return [
            Finding.of("class-unused", f"{len(unused)} class(es) without an object: {names}", path, count=len(unused))
        ]

    def _objects(self) -> Objects:
        boxes: npt.NDArray[np.floating] = np.asarray(self._boxes, dtype=np.float64)
        # Fractions stay in double precision until they are pixels: float32 would move them by whole pixels' fractions.
        if not self._normalised:
            boxes = boxes.astype(np.float32)
        dropped = np.asarray(self._dropped, dtype=np.int64)
        return Objects(
            boxes=boxes.reshape(-1, 4),
            crowd=np.asarray(self._crowd, dtype=bool),
            areas=np.asarray(self._areas, dtype=np.float32),
            annotation_ids=np.asarray(self._annotation_ids, dtype=np.int64),
            lines=np.asarray(self._object_lines, dtype=np.int32),
            width=np.asarray(self._width, dtype=np.int32),
            height=np.asarray(self._height, dtype=np.int32),
            num_dropped=np.bincount(dropped[dropped >= 0], minlength=len(self)).astype(np.int32),
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
