"""What the report of a detector is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.evaluation.detection.types import Detections, GroundTruth, Kind


@dataclass(frozen=True)
class DetectionReportInputs:
    """N images, their objects and all detections in them, class names, and how the two are compared.

    `predictions` hold all detections down to a score near 0; the user is given those above `score_threshold`.
    """

    images: Sequence[str]
    classes: Sequence[str]
    ground_truth: Sequence[GroundTruth]
    predictions: Sequence[Detections]
    iou_threshold: float = 0.5
    score_threshold: float = 0.3
    kind: Kind = "box"
