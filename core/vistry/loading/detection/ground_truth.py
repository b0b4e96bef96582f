"""A table's objects as the metrics take them."""

from __future__ import annotations

import numpy as np

from vistry.data.masks.rle import area_of_runs, mask_to_runs, object_mask, runs_to_text
from vistry.data.table import Table
from vistry.evaluation.detection.types import GroundTruth, Kind, Rle


def ground_truth_of(table: Table, kind: Kind) -> list[GroundTruth]:
    """What is in each of N images. An area that the data doesn't give is the mask's, or without masks the box's."""
    return [_truth(table, row, kind) for row in range(len(table))]


def _truth(table: Table, row: int, kind: Kind) -> GroundTruth:
    assert table.objects is not None
    objects, index = table.objects, np.arange(table.label_starts[row], table.label_starts[row + 1])
    boxes = objects.boxes[index].astype(np.float32)
    computed, masks = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), None
    if kind == "mask":
        drawn = [_rle(table, row, place) for place in index.tolist()]
        computed, masks = np.array([area for _, area in drawn], dtype=np.float32), [mask for mask, _ in drawn]
    given = objects.areas[index]
    areas = np.where(np.isnan(given), computed, given).astype(np.float32)
    return GroundTruth(
        boxes, table.labels[index].astype(np.int64), crowd=objects.crowd[index], areas=areas, masks=masks
    )


def _rle(table: Table, row: int, place: int) -> tuple[Rle, int]:
    """An object's mask in COCO's run lengths, and its area in pixels."""
    assert table.objects is not None
    width, height = int(table.objects.width[row]), int(table.objects.height[row])
    runs = mask_to_runs(object_mask(table, place, width, height=height))
    return {"size": [height, width], "counts": runs_to_text(runs).encode("ascii")}, area_of_runs(runs)
