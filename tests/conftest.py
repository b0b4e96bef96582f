"""Fixtures that the tests of several rooms share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from pycocotools import mask as coco
from vistry.evaluation.detection.types import Detections


def make_detections(
    boxes: Sequence[Sequence[float]],
    scores: Sequence[float],
    labels: Sequence[int],
    masks: Sequence[npt.NDArray[np.bool_]] | None = None,
) -> Detections:
    encoded = None if masks is None else [coco.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(corners, np.array(scores, np.float32), np.array(labels, np.int64), encoded)


@pytest.fixture
def detections() -> Callable[..., Detections]:
    """Boxes, scores, labels and masks [H, W] to Detections."""
    return make_detections
