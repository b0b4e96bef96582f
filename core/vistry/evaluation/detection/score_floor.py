"""Down to which score a detector reports what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCORE_FLOOR = 0.01


def score_floor(hyperparameters: Mapping[str, Any]) -> float:
    """The score from which on a model's detections are kept: what is served, and below it what metrics need.

    Average precision is an area under a curve that a threshold fit for users would cut off.
    """
    served: float = hyperparameters["box_score_threshold"]
    return min(SCORE_FLOOR, served)
