"""Detections and annotated objects of an image, and many images' in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

from vistry.evaluation.operating_point import Thresholds

Kind = Literal["box", "mask"]
Boxes = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


class Rle(TypedDict):
    """COCO's compressed run-length encoding of a mask: `size` is [height, width] in pixels."""

    size: list[int]
    counts: bytes


@dataclass(frozen=True)
class Detections:
    """K detections in one image.

    `boxes` [K, 4] x1, y1, x2, y2 in pixels of the upright image, `scores` [K] in [0, 1], `labels` [K] class indices;
    `masks`, for instance segmentation, are K run-length encodings of the whole image as COCO writes them
    (`{"size": [height, width], "counts": bytes}`).
    """

    boxes: Boxes
    scores: Scores
    labels: Labels
    masks: Sequence[Rle] | None = None

    def above(self, threshold: float) -> Detections:
        """The detections whose score is greater than the threshold, in the same order."""
        return self.take(np.flatnonzero(self.scores > threshold))

    def take(self, index: Indices) -> Detections:
        """These detections, in this order."""
        masks = None if self.masks is None else [self.masks[place] for place in index.tolist()]
        return Detections(self.boxes[index], self.scores[index], self.labels[index], masks=masks)


@dataclass(frozen=True)
class GroundTruth:
    """G annotated objects in one image.

    `boxes` [G, 4], `labels` [G] and `masks` as in Detections; `crowd` [G] marks a region of many objects, which
    metrics ignore; `areas` [G] in pixels, the mask's where there is one.
    """

    boxes: Boxes
    labels: Labels
    crowd: Flags
    areas: npt.NDArray[np.float32]
    masks: Sequence[Rle] | None = None


@dataclass(frozen=True)
class ImageDetections:
    """The detections in one image, and the image's size in pixels."""

    detections: Detections
    width: int
    height: int


def detections_above(detections: Detections, threshold: float | Thresholds) -> Detections:
    """The detections above one threshold, or above that of their class [C], in the same order."""
    if isinstance(threshold, float | int):
        return detections.above(threshold)
    return detections.take(np.flatnonzero(detections.scores > threshold[detections.labels]))


def concatenate_detections(images: Sequence[Detections]) -> tuple[Indices, Detections]:
    """The detections of all images one after the other, and [D] the index of the image of each."""
    image = np.repeat(np.arange(len(images)), [len(detections.scores) for detections in images])
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(detections.boxes for detections in images)])
    scores = np.concatenate([np.zeros(0, np.float32), *(detections.scores for detections in images)])
    labels = np.concatenate([np.zeros(0, np.int64), *(detections.labels for detections in images)])
    return image, Detections(boxes, scores, labels, masks=_all_masks(images))


def concatenate_ground_truth(images: Sequence[GroundTruth]) -> tuple[Indices, GroundTruth]:
    """The objects of all images one after the other, and [O] the index of the image of each."""
    image = np.repeat(np.arange(len(images)), [len(truth.labels) for truth in images])
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(truth.boxes for truth in images)])
    labels = np.concatenate([np.zeros(0, np.int64), *(truth.labels for truth in images)])
    crowd = np.concatenate([np.zeros(0, np.bool_), *(truth.crowd for truth in images)])
    areas = np.concatenate([np.zeros(0, np.float32), *(truth.areas for truth in images)])
    return image, GroundTruth(boxes, labels, crowd=crowd, areas=areas, masks=_all_masks(images))


def _all_masks(images: Sequence[Detections] | Sequence[GroundTruth]) -> list[Rle] | None:
    if any(image.masks is None for image in images):
        return None
    return [mask for image in images for mask in image.masks or ()]
