"""Intersection over union of boxes and of masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vistry.evaluation.detection.coco_library import hotcoco
from vistry.evaluation.detection.types import Boxes, Detections, GroundTruth, Indices, Kind, Rle

IouMatrix = npt.NDArray[np.float64]


def iou_matrix(detections: Detections, truth: GroundTruth, kind: Kind, rows: Indices, columns: Indices) -> IouMatrix:
    """[R, C] IoU of these detections with these objects of one image, by their boxes or by their masks."""
    if kind == "box":
        return box_iou(detections.boxes[rows], truth.boxes[columns])
    masks, true = detections.masks or (), truth.masks or ()
    return mask_iou([masks[row] for row in rows], [true[column] for column in columns])


def box_iou(left: Boxes, right: Boxes) -> IouMatrix:
    """[A, B] IoU of boxes [A, 4] and [B, 4], both x1, y1, x2, y2; 0 where both are empty."""
    a, b = left.astype(np.float64)[:, None], right.astype(np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(0).prod(axis=2)
    union = _area(a) + _area(b) - shared
    ratio: IouMatrix = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratio


def _area(boxes: IouMatrix) -> IouMatrix:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).clip(0).prod(axis=2))


def mask_iou(left: Sequence[Rle], right: Sequence[Rle]) -> IouMatrix:
    """[A, B] IoU of run-length encodings. Raises VistryError where hotcoco is not installed."""
    if not left or not right:
        return np.zeros((len(left), len(right)))
    return np.asarray(hotcoco().mask.iou(left, right, [False] * len(right)), np.float64)
