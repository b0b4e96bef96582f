"""What the sections about a task are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vistry.evaluation.detection.types import Detections, GroundTruth, Kind
from vistry.hyperparameter.values import Hyperparameters


@dataclass(frozen=True)
class ReportInputs:
    """The best epoch's predictions for the validation set.

    `images`: N paths. `tensors`: predictions and targets by name, as the task's `tensors` made them.
    `hyperparameters`: the run's values by name.
    """

    images: Sequence[str]
    classes: Sequence[str]
    tensors: Mapping[str, np.ndarray[Any, Any]]
    hyperparameters: Hyperparameters


@dataclass(frozen=True)
class DetectionReportInputs:
    """A detector's predictions for the validation set, and how they are compared with the objects.

    `images`: N paths, with the objects and the detections of each. `predictions` hold all detections down to a score
    near 0; a user is given those above `score_threshold`. `kind`: whether boxes or masks are compared.
    """

    images: Sequence[str]
    classes: Sequence[str]
    ground_truth: Sequence[GroundTruth]
    predictions: Sequence[Detections]
    iou_threshold: float = 0.5
    score_threshold: float = 0.3
    kind: Kind = "box"
