"""The objects in images as columns beside a table's labels: boxes, masks, and the sizes of the images.

A box is x1, y1, x2, y2: the corners, in pixels of the upright image, as continuous coordinates whose origin is the
upper left corner of the upper left pixel. Pixels, because training and the COCO metrics want them, and because COCO's
and VOC's numbers then stay what they are, bit for bit; fractions would move a box of 32 x 32 pixels across the line
between COCO's small and medium. Formats that write fractions are read as such (`normalised`) and turned into pixels
once the image's size is known, by `to_pixels`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vistry.data.offsets import Offsets, offsets_from_counts, segment_bounds, segment_ids, take_segments

Boxes = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]
Sizes = npt.NDArray[np.int32]
# Enough for a millionth of a pixel in any image, and few enough to hide the rounding of a fraction times a size.
DECIMALS = 10


@dataclass(frozen=True)
class Shapes:
    """The masks of M objects: each has polygon rings, or run lengths, or neither.

    `ring_starts`: [M + 1] int64, the offsets of each object's rings.
    `point_starts`: [R + 1] int64 and `points`: [P, 2] float64, x and y of each ring's corners, in the unit of the
    boxes. In double precision, because which pixels COCO's rule fills turns on tenths of a pixel.
    `run_starts`: [M + 1] int64 and `runs`: [K] uint32, COCO's run lengths: pixels down the columns, alternately outside
    and inside, the first outside.
    `run_heights`: [M] int32, the height in pixels of the mask that the runs describe; 0 without runs.
    `even_odd`: whether overlapping rings of an object cancel out (JSON Lines, so that an inner ring is a hole), and
    don't add up (COCO).
    """

    ring_starts: Offsets
    point_starts: Offsets
    points: npt.NDArray[np.float64]
    run_starts: Offsets
    runs: npt.NDArray[np.uint32]
    run_heights: Sizes
    even_odd: bool = False

    def __len__(self) -> int:
        return len(self.ring_starts) - 1

    def rings_of(self, index: int) -> list[npt.NDArray[np.float64]]:
        """The rings of one object, each [P, 2]."""
        rings = range(self.ring_starts[index], self.ring_starts[index + 1])
        return [self.points[self.point_starts[ring] : self.point_starts[ring + 1]] for ring in rings]

    def runs_of(self, index: int) -> npt.NDArray[np.uint32]:
        """The run lengths of one object, none where it has rings."""
        return self.runs[self.run_starts[index] : self.run_starts[index + 1]]

    def missing(self) -> Flags:
        """[M] True where an object has neither rings nor runs."""
        missing: Flags = (np.diff(self.ring_starts) == 0) & (np.diff(self.run_starts) == 0)
        return missing

    def take(self, index: Offsets) -> Shapes:
        """The shapes of these objects, in this order."""
        ring_starts, rings = take_segments(self.ring_starts, np.arange(len(self.point_starts) - 1), index)
        point_starts, points = take_segments(self.point_starts, self.points, rings)
        run_starts, runs = take_segments(self.run_starts, self.runs, index)
        heights = self.run_heights[index]
        return Shapes(
            ring_starts,
            point_starts,
            points=points,
            run_starts=run_starts,
            runs=runs,
            run_heights=heights,
            even_odd=self.even_odd,
        )

    def bounds(self) -> npt.NDArray[np.float64]:
        """[M, 4] the box around each object's rings; infinite where it has none."""
        least, greatest = segment_bounds(self.point_starts[self.ring_starts], self.points)
        return np.concatenate([least, greatest], axis=1)

    def scale(self, factors: npt.NDArray[np.float64]) -> Shapes:
        """The shapes with the points of each object times its factors ([M, 2], x and y), to ten decimals."""
        of_object = segment_ids(self.point_starts[self.ring_starts])
        return replace(self, points=np.round(self.points * factors[of_object], DECIMALS))


def no_shapes(count: int, even_odd: bool = False) -> Shapes:
    """The shapes of objects that have none."""
    starts = np.zeros(count + 1, dtype=np.int64)
    points, runs = np.zeros((0, 2), dtype=np.float64), np.zeros(0, dtype=np.uint32)
    return Shapes(
        starts,
        starts[:1],
        points=points,
        run_starts=starts,
        runs=runs,
        run_heights=np.zeros(count, dtype=np.int32),
        even_odd=even_odd,
    )


@dataclass(frozen=True)
class Objects:
    """The objects of a table's N images, M in all, parallel to its `labels`.

    `boxes`: [M, 4] float32, see above; float64 fractions of the image where `normalised`.
    `crowd`: [M] bool: a group, or an object too difficult to ask for, which metrics ignore.
    `areas`: [M] float32 in pixels, NaN where the data states none; COCO sorts objects by it into small, medium, large.
    `annotation_ids`: [M] int64, what messages call an object: COCO's annotation id, else its number in its image.
    `lines`: [M] int32, the line that describes the object, 0 for that of its image.
    `width` and `height`: [N] int32 in pixels of the upright images, 0 where unknown.
    `num_dropped`: [N] int32, how many objects of an image were described and can't be used.
    `shapes`: the masks, for segmentation.
    """

    boxes: Boxes
    crowd: Flags
    areas: npt.NDArray[np.float32]
    annotation_ids: npt.NDArray[np.int64]
    lines: Sizes
    width: Sizes
    height: Sizes
    num_dropped: Sizes
    normalised: bool = False
    shapes: Shapes | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, rows: Offsets, index: Offsets) -> Objects:
        """The columns of the images `rows` and of the objects `index`."""
        return replace(
            self.take_objects(index),
            width=self.width[rows],
            height=self.height[rows],
            num_dropped=self.num_dropped[rows],
        )

    def take_objects(self, index: Offsets) -> Objects:
        """The columns of these objects; the images stay."""
        return replace(
            self,
            boxes=self.boxes[index],
            crowd=self.crowd[index],
            areas=self.areas[index],
            annotation_ids=self.annotation_ids[index],
            lines=self.lines[index],
            shapes=None if self.shapes is None else self.shapes.take(index),
        )

    def to_pixels(self, label_starts: Offsets, width: Sizes, height: Sizes) -> Objects:
        """Turn fractions into pixels of images of these sizes ([N] each).

        Images of unknown size, 0, keep what is written.
        """
        objects = replace(self, width=width, height=height, normalised=False)
        if not self.normalised:
            return objects
        sizes = np.stack([width, height], axis=1)[segment_ids(label_starts)].astype(np.float64)
        factors = np.where(sizes > 0, sizes, 1.0)
        boxes = (self.boxes * np.tile(factors, 2)).astype(np.float32)
        shapes = None if self.shapes is None else self.shapes.scale(factors)
        return replace(objects, boxes=boxes, shapes=shapes)


def objects_in_memory(
    counts: npt.ArrayLike,
    boxes: npt.ArrayLike,
    width: npt.ArrayLike,
    height: npt.ArrayLike,
    shapes: Shapes | None = None,
) -> Objects:
    """Objects without a file: [N] how many each image has, [M, 4] boxes in pixels, [N] widths and heights."""
    corners = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    starts, count = offsets_from_counts(counts), len(corners)
    return Objects(
        boxes=corners,
        crowd=np.zeros(count, dtype=bool),
        areas=np.full(count, np.nan, dtype=np.float32),
        annotation_ids=np.arange(count) - starts[:-1][segment_ids(starts)] + 1,
        lines=np.zeros(count, dtype=np.int32),
        width=np.asarray(width, dtype=np.int32),
        height=np.asarray(height, dtype=np.int32),
        num_dropped=np.zeros(len(starts) - 1, dtype=np.int32),
        shapes=shapes,
    )
