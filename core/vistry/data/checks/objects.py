"""Check the boxes and masks of a table: a bad object is dropped, and its image only if no object is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from vistry.data.checks.crossing import crossing_rings
from vistry.data.checks.inspection import Inspection, upright_size
from vistry.data.checks.row_location import display_path
from vistry.data.findings import Finding
from vistry.data.objects import Flags, Objects, Shapes, Sizes
from vistry.data.offsets import segment_ids
from vistry.data.table import Table

# Annotation tools round to pixels, so a box may reach half a pixel out of its image.
ROUNDING = 0.5
# A fraction of the image can lie a little outside of [0, 1]; beyond 2 it must be a pixel.
FAR = 2.0
# In an image smaller than this a box of less than a pixel may be meant.
TELLING_SIDE = 16
Floats = npt.NDArray[np.floating]
Describe = Callable[[int], str]


@dataclass(frozen=True)
class ObjectReport:
    """`table`: the same rows with the objects that can be used, in pixels. `emptied`: rows that lose all of theirs."""

    table: Table
    findings: tuple[Finding, ...] = ()
    emptied: Mapping[int, Finding] = field(default_factory=dict)


def check_objects(table: Table, rows: npt.NDArray[np.int64], inspections: Mapping[int, Inspection]) -> ObjectReport:
    """Check the objects of these rows, whose images exist; those of the other rows stay as they are."""
    if table.objects is None:
        return ObjectReport(table)
    width, height, sizes_differ = _sizes(table, table.objects, rows, inspections=inspections)
    of_row = segment_ids(table.label_starts)
    has_image = np.zeros(len(table), dtype=bool)
    has_image[rows] = True
    checks = _ObjectChecks(table, table.objects, has_image=has_image[of_row], width=width, height=height)
    checks.check()
    checked = table.with_objects(~checks.bad, checks.objects)
    emptied = dict(_emptied_rows(table, table.objects, checked, rows=rows))
    background = _background(checked, rows, emptied)
    return ObjectReport(checked, (*sizes_differ, *checks.findings, *background), emptied)


def _sizes(
    table: Table, objects: Objects, rows: npt.NDArray[np.int64], inspections: Mapping[int, Inspection]
) -> tuple[Sizes, Sizes, list[Finding]]:
    """[N] width and height of the upright images: what the files say, else the data; and where the two differ."""
    width, height = objects.width.copy(), objects.height.copy()
    findings = []
    for row in rows.tolist():
        stated = int(width[row]), int(height[row])
        inspection = inspections.get(row)
        if inspection is not None and inspection.width:
            actual = inspection.width, inspection.height
        elif 0 in stated:
            actual = upright_size(table.images[row])
        else:
            continue
        width[row], height[row] = actual
        if 0 not in stated and stated != actual and 0 not in actual:
            findings.append(_other_size(table, row, stated=stated, actual=actual, inspection=inspection))
    return width, height, findings


def _other_size(
    table: Table, row: int, stated: tuple[int, int], actual: tuple[int, int], inspection: Inspection | None
) -> Finding:
    turned = inspection is not None and "image-rotated" in inspection.remarks and stated == actual[::-1]
    reason = " when turned upright, which boxes refer to" if turned else ""
    message = f"the annotations state {stated[0]} x {stated[1]}, the image has {actual[0]} x {actual[1]}{reason}"
    file, line = table.location(row)
    return Finding.of(
        "image-size", message if line is None else f"{display_path(table, row)}: {message}", file, line=line
    )


class _ObjectChecks:
    """The checks of all M objects at once; `bad` [M] marks those that can't be used."""

    def __init__(
        self,
        table: Table,
        objects: Objects,
        has_image: Flags,
        width: Sizes,
        height: Sizes,
    ):
        self.findings: list[Finding] = []
        self.bad = np.zeros(len(objects), dtype=bool)
        self.objects = objects.to_pixels(table.label_starts, width, height)
        self._raw = objects
        self._table = table
        self._of_row = of_row = segment_ids(table.label_starts)
        self._open = has_image & (width[of_row] > 0)
        self._width, self._height = width[of_row], height[of_row]

    def check(self) -> None:
        """Every check, the graver first: an object has one finding at the most."""
        self._check_units()
        boxes = self.objects.boxes
        x1, y1, x2, y2 = boxes.T
        self._refuse("box-swapped", (x2 < x1) | (y2 < y1), lambda at: f"the corners {_box(boxes[at])} are swapped")
        self._refuse("box-degenerate", (x2 == x1) | (y2 == y1), lambda at: f"the box {_box(boxes[at])} has no area")
        self._clip_boxes()
        if self.objects.shapes is not None:
            self._check_shapes(self.objects.shapes)
        self._drop_duplicates()

    def _refuse(self, check: str, wrong: Flags, describe: Describe) -> None:
        """Mark objects as bad, with a finding for each that wasn't already."""
        index = np.flatnonzero(wrong & self._open & ~self.bad)
        self.bad[index] = True
        self._report(check, index, describe)

    def _warn(self, check: str, wrong: Flags, describe: Describe) -> None:
        self._report(check, np.flatnonzero(wrong & self._open & ~self.bad), describe)

    def _report(self, check: str, index: npt.NDArray[np.int64], describe: Describe) -> None:
        for at in index.tolist():
            self.findings.append(self._placed(Finding.of(check, describe(at)), at))

    def _placed(self, finding: Finding, at: int) -> Finding:
        """The finding at the object's file and line, its message led by the object's name and its image."""
        table, row = self._table, int(self._of_row[at])
        line = int(self._raw.lines[at]) or int(table.lines[row])
        file = str(table.files[table.file_of[row]]) if table.files and line else table.images[row]
        kind = "annotation" if table.format == "coco" else "object"
        by_line = table.format == "yolo"
        name = display_path(table, row) + ("" if by_line else f", {kind} {self._raw.annotation_ids[at]}")
        return replace(
            finding, reason=f"{name}: {finding.message}", file=file, line=line or None, image=table.images[row]
        )

    def _check_units(self) -> None:
        """Fractions far over one are pixels; pixels that all lie within the first one are fractions."""
        raw = self._raw
        shapes = raw.shapes
        least, most = raw.boxes.min(axis=1, initial=np.inf), raw.boxes.max(axis=1, initial=-np.inf)
        if shapes is not None:
            bounds = shapes.bounds()
            has_rings = np.isfinite(bounds).all(axis=1)
            least = np.where(has_rings, np.minimum(least, bounds.min(axis=1, initial=np.inf)), least)
            greatest = np.where(has_rings, bounds.max(axis=1, initial=-np.inf), most)
        else:
            greatest = most
        if raw.normalised:
            wrong = (np.maximum(most, greatest) > FAR) | (least < -FAR)
            message = "reach beyond the image: they look like pixels, and this format has fractions of the image"
        else:
            telling = np.minimum(self._width, self._height) >= TELLING_SIDE
            wrong = (np.minimum(most, greatest) <= 1) & (most > 0) & telling
            message = "lie within the first pixel: they look like fractions of the image, and this format has pixels"
        self._refuse("box-units", wrong, lambda at: f"the coordinates {_box(raw.boxes[at])} {message}")

    def _clip_boxes(self) -> None:
        boxes = self.objects.boxes
        edges = np.stack([self._width, self._height], axis=1).astype(np.float32)
        edges = np.where(edges > 0, edges, np.float32(np.inf))
        clipped = np.clip(boxes, 0, np.tile(edges, 2)).astype(np.float32)
        empty = (clipped[:, 2] <= clipped[:, 0]) | (clipped[:, 3] <= clipped[:, 1])
        self._refuse("box-outside", empty, lambda at: f"the box {_box(boxes[at])} is outside the image{self._size(at)}")
        beyond = np.abs(clipped - boxes).max(axis=1, initial=0) > ROUNDING
        self._warn(
            "box-clipped", beyond, lambda at: f"the box {_box(boxes[at])} reaches out of the image{self._size(at)}"
        )
        keep = self.bad | ~self._open
        self.objects = replace(self.objects, boxes=np.where(keep[:, None], boxes, clipped))

    def _size(self, at: int) -> str:
        return f" of {self._width[at]} x {self._height[at]}"

    def _check_shapes(self, shapes: Shapes) -> None:
        self._refuse("mask-missing", shapes.missing(), lambda _: "the object has a box and no mask")
        heights = shapes.run_heights
        counts = np.diff(shapes.run_starts)
        totals = np.zeros(len(shapes), dtype=np.int64)
        inside = np.zeros(len(shapes), dtype=np.int64)
        filled = np.flatnonzero(counts)
        if len(filled):
            place = np.arange(len(shapes.runs)) - np.repeat(shapes.run_starts[:-1], counts)
            totals[filled] = np.add.reduceat(shapes.runs, shapes.run_starts[filled], dtype=np.int64)
            within = np.where(place % 2 == 1, shapes.runs, np.uint32(0))
            inside[filled] = np.add.reduceat(within, shapes.run_starts[filled], dtype=np.int64)
        widths = totals // np.maximum(heights, 1)
        other = (counts > 0) & ((heights != self._height) | (widths != self._width))
        self._refuse(
            "mask-size",
            other,
            lambda at: f"the mask has {widths[at]} x {heights[at]}, the image {self._width[at]} x {self._height[at]}",
        )
        self._refuse("mask-empty", (counts > 0) & (inside == 0), lambda _: "no pixel is inside the mask")
        self._check_rings(shapes)

    def _check_rings(self, shapes: Shapes) -> None:
        left, top, right, bottom = shapes.bounds().T
        has_rings = np.diff(shapes.ring_starts) > 0
        outside = has_rings & ((left >= self._width) | (top >= self._height) | (right <= 0) | (bottom <= 0))
        self._refuse("mask-empty", outside, lambda _: "its polygons lie outside the image")
        beyond = np.maximum(np.maximum(-left, -top), np.maximum(right - self._width, bottom - self._height))
        self._warn("polygon-outside", has_rings & (beyond > ROUNDING), lambda _: "a polygon reaches out of the image")
        crossing = crossing_rings(shapes.point_starts, shapes.points)
        crosses = np.zeros(len(shapes), dtype=bool)
        crosses[segment_ids(shapes.ring_starts)[crossing]] = True
        self._warn("polygon-crossing", crosses, lambda _: "a polygon crosses itself")

    def _drop_duplicates(self) -> None:
        """The second and further objects of an image with the same class, box and mask."""
        # Adding 0 turns -0.0 into 0.0, so that equal boxes have equal bits.
        boxes = self.objects.boxes + np.float32(0)
        good = np.flatnonzero(self._open & ~self.bad)
        bits = boxes[good].astype(np.float32).view(np.int32).reshape(-1, 4)
        columns = (
            self._of_row[good],
            self._table.labels[good].astype(np.int64),
            self.objects.crowd[good].astype(np.int64),
        )
        keys = np.column_stack([*columns, bits.astype(np.int64)])
        order = np.lexsort(keys.T[::-1])
        same = np.all(keys[order][1:] == keys[order][:-1], axis=1)
        repeated = np.zeros(len(boxes), dtype=bool)
        for earlier, later in zip(good[order[:-1][same]].tolist(), good[order[1:][same]].tolist(), strict=True):
            repeated[later] = self._same_shape(earlier, later)
        self._refuse("box-duplicate", repeated, lambda at: f"the box {_box(boxes[at])} appears twice")

    def _same_shape(self, one: int, other: int) -> bool:
        shapes = self.objects.shapes
        if shapes is None:
            return True
        rings, others = shapes.rings_of(one), shapes.rings_of(other)
        same = len(rings) == len(others) and all(map(np.array_equal, rings, others))
        return same and np.array_equal(shapes.runs_of(one), shapes.runs_of(other))


def _emptied_rows(
    table: Table, objects: Objects, checked: Table, rows: npt.NDArray[np.int64]
) -> Iterator[tuple[int, Finding]]:
    """Rows that had objects and have none any more, with a finding for each."""
    remaining = np.diff(checked.label_starts)
    num_lost = objects.num_dropped + (np.diff(table.label_starts) - remaining)
    for row in rows[(remaining[rows] == 0) & (num_lost[rows] > 0)].tolist():
        yield row, Finding.of("objects-lost", f"none of its {num_lost[row]} object(s) can be used")


def _background(checked: Table, rows: npt.NDArray[np.int64], emptied: Mapping[int, Finding]) -> Iterable[Finding]:
    empty = [row for row in rows[np.diff(checked.label_starts)[rows] == 0].tolist() if row not in emptied]
    if empty:
        message = (
            f"{len(empty)} image(s) without objects, such as {display_path(checked, empty[0])}: they train as negatives"
        )
        yield Finding.of("image-background", message, *checked.location(empty[0]), count=len(empty))


def _box(corners: Floats) -> str:
    return "(" + ", ".join(f"{value:g}" for value in corners.tolist()) + ")"
