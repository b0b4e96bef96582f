"""Match each detection with the object it overlaps most: the first step of the VOC metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vistry.evaluation.detection.iou import IouMatrix, iou_matrix
from vistry.evaluation.detection.types import (
    Detections,
    Flags,
    GroundTruth,
    Indices,
    Kind,
    Labels,
    Scores,
    concatenate_detections,
    concatenate_ground_truth,
)

# The index of the object of a detection that matches none.
NOTHING = -1


@dataclass(frozen=True)
class Matching:
    """All D detections and all O objects, images in order.

    `target` [D] is the object of the same class and image that the detection overlaps most, the first of equals, or
    NOTHING; `overlap` [D] is their IoU. `image` [D] and `object_image` [O] are indices of images.
    """

    image: Indices
    labels: Labels
    scores: Scores
    target: Indices
    overlap: npt.NDArray[np.float64]
    object_image: Indices
    object_labels: Labels
    crowd: Flags


def match(ground_truth: Sequence[GroundTruth], predictions: Sequence[Detections], kind: Kind) -> Matching:
    """Match the detections of N images with their objects, by the IoU of boxes or of masks."""
    object_image, objects = concatenate_ground_truth(ground_truth)
    image, detections = concatenate_detections(predictions)
    target, overlap = np.full(len(image), NOTHING), np.zeros(len(image))
    first_detection, first_object = 0, 0
    for truth, image_detections in zip(ground_truth, predictions, strict=True):
        here = slice(first_detection, first_detection + len(image_detections.scores))
        best, overlap[here] = _best_of_class(truth, image_detections, kind)
        target[here] = np.where(best == NOTHING, NOTHING, best + first_object)
        first_detection, first_object = here.stop, first_object + len(truth.labels)
    return Matching(
        image=image,
        labels=detections.labels,
        scores=detections.scores,
        target=target,
        overlap=overlap,
        object_image=object_image,
        object_labels=objects.labels,
        crowd=objects.crowd,
    )


def _best_of_class(truth: GroundTruth, detections: Detections, kind: Kind) -> tuple[Indices, npt.NDArray[np.float64]]:
    if not len(truth.labels) or not len(detections.labels):
        return np.full(len(detections.labels), NOTHING), np.zeros(len(detections.labels))
    table = _within_classes(truth, detections, kind)
    best = table.argmax(axis=1)
    overlap = table[np.arange(len(best)), best]
    return np.where(overlap > 0, best, NOTHING), overlap


def _within_classes(truth: GroundTruth, detections: Detections, kind: Kind) -> IouMatrix:
    """[K, G] IoU, 0 between different classes; masks are compared only where the classes are the same."""
    if kind == "box":
        every = iou_matrix(
            detections, truth, kind=kind, rows=np.arange(len(detections.labels)), columns=np.arange(len(truth.labels))
        )
        return np.asarray(every * (detections.labels[:, None] == truth.labels))
    table = np.zeros((len(detections.labels), len(truth.labels)))
    for label in np.intersect1d(detections.labels, truth.labels):
        rows, columns = np.flatnonzero(detections.labels == label), np.flatnonzero(truth.labels == label)
        table[np.ix_(rows, columns)] = iou_matrix(detections, truth, kind=kind, rows=rows, columns=columns)
    return table
