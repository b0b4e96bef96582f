"""What was found in images and what is in them, as arrays in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.offsets import offsets_from_counts
from vistry.evaluation.detection.types import (
    Detections,
    GroundTruth,
    ImageDetections,
    Rle,
    concatenate_detections,
    concatenate_ground_truth,
)

Arrays = dict[str, npt.NDArray[Any]]


def to_tensors(predictions: Sequence[ImageDetections], truth: Sequence[GroundTruth]) -> Arrays:
    """N images as arrays: sizes [N, 2] (width, height), and their detections and objects one after the other.

    `*_starts` [N + 1] say where those of each image begin; `*_masks` [B] uint8 are COCO's compressed run lengths, those
    of each object from `*_mask_starts` [K + 1] on.
    """
    per_image = [one.detections for one in predictions]
    _, detections = concatenate_detections(per_image)
    _, objects = concatenate_ground_truth(truth)
    return {
        "sizes": np.array([(one.width, one.height) for one in predictions], dtype=np.int32).reshape(-1, 2),
        "found_starts": offsets_from_counts([len(one.scores) for one in per_image]),
        "found_boxes": detections.boxes,
        "found_scores": detections.scores,
        "found_labels": detections.labels,
        **_mask_arrays("found", detections.masks),
        "true_starts": offsets_from_counts([len(one.labels) for one in truth]),
        "true_boxes": objects.boxes,
        "true_labels": objects.labels,
        "true_crowd": objects.crowd,
        "true_areas": objects.areas,
        **_mask_arrays("true", objects.masks),
    }


def from_tensors(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[list[Detections], list[GroundTruth]]:
    """The inverse of `to_tensors`, without the images' sizes."""
    sizes = arrays["sizes"].tolist()
    detection_starts, truth_starts = arrays["found_starts"].tolist(), arrays["true_starts"].tolist()
    detections = [
        Detections(
            arrays["found_boxes"][start:end],
            arrays["found_scores"][start:end],
            arrays["found_labels"][start:end],
            masks=_masks("found", arrays, start=start, end=end, size=size),
        )
        for (start, end), size in zip(pairwise(detection_starts), sizes, strict=True)
    ]
    truth = [
        GroundTruth(
            arrays["true_boxes"][start:end],
            arrays["true_labels"][start:end],
            crowd=arrays["true_crowd"][start:end],
            areas=arrays["true_areas"][start:end],
            masks=_masks("true", arrays, start=start, end=end, size=size),
        )
        for (start, end), size in zip(pairwise(truth_starts), sizes, strict=True)
    ]
    return detections, truth


def _mask_arrays(prefix: str, masks: Sequence[Rle] | None) -> Arrays:
    if masks is None:
        return {}
    counts = [np.frombuffer(mask["counts"], dtype=np.uint8) for mask in masks]
    starts = offsets_from_counts([len(count) for count in counts])
    return {f"{prefix}_mask_starts": starts, f"{prefix}_masks": np.concatenate([np.zeros(0, np.uint8), *counts])}


def _masks(
    prefix: str, arrays: Mapping[str, npt.NDArray[Any]], start: int, end: int, size: Sequence[int]
) -> list[Rle] | None:
    if f"{prefix}_masks" not in arrays:
        return None
    starts, counts = arrays[f"{prefix}_mask_starts"], arrays[f"{prefix}_masks"]
    width, height = size
    return [
        {"size": [height, width], "counts": counts[starts[place] : starts[place + 1]].tobytes()}
        for place in range(start, end)
    ]
