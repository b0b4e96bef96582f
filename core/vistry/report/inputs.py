"""What the sections about a task are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vistry.evaluation.detection.types import Detections, GroundTruth, Kind
from vistry.evaluation.operating_point import Thresholds
from vistry.hyperparameter.values import Hyperparameters


@dataclass(frozen=True)
class ReportInputs:
    """The best epoch's predictions for the validation set.

    `images`: N paths. `tensors`: predictions and targets by name, as the task's `tensors` made them.
    `hyperparameters`: the run's values by name. `thresholds`: [C] those that were chosen for the run, None without any.
    """

    images: Sequence[str]
    classes: Sequence[str]
    tensors: Mapping[str, np.ndarray[Any, Any]]
    hyperparameters: Hyperparameters
    thresholds: Thresholds | None = None


@dataclass(frozen=True)
class DetectionReportInputs:
    """A detector's predictions for the validation set, and how they are compared with the objects.

    `images`: N paths, with the objects and the detections of each. `predictions` hold all detections down to a score
    near 0; a user is given those above `score_threshold`, one for all classes or [C] one for each. `kind`: whether
    boxes or masks are compared.
    """

    images: Sequence[str]
    classes: Sequence[str]
    ground_truth: Sequence[GroundTruth]
    predictions: Sequence[Detections]
    iou_threshold: float = 0.5
    score_threshold: float | Thresholds = 0.3
    kind: Kind = "box"

    @property
    def limits(self) -> Thresholds:
        """[C] the score of each class above which a user is given a detection."""
        # In single precision, as scores are: a detection whose score is the threshold itself isn't above it.
        return np.broadcast_to(np.asarray(self.score_threshold, np.float32), len(self.classes)).astype(np.float64)

    @property
    def threshold_in_words(self) -> str:
        """The threshold as a sentence names it."""
        values = {f"{value:g}" for value in np.ravel(self.score_threshold).tolist()}
        return values.pop() if len(values) == 1 else "the threshold of its class"
