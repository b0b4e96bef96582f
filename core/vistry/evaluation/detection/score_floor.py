"""Down to which score a detector reports what it found."""

from __future__ import annotations

from vistry.hyperparameter.values import Hyperparameters

SCORE_FLOOR = 0.01


def score_floor(hyperparameters: Hyperparameters) -> float:
    """The score from which on a model's detections are kept: what is served, and below it what metrics need.

    Average precision is an area under a curve that a threshold fit for users would cut off.
    """
    return min(SCORE_FLOOR, hyperparameters.box_score_threshold)
