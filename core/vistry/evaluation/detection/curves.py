"""Precision over recall of a detector, class by class."""

from __future__ import annotations

import numpy as np

from vistry.evaluation.curves import Curve
from vistry.evaluation.detection.voc import Ranking


def precision_recall_of(ranking: Ranking) -> Curve | None:
    """The envelope of precision over recall, its area the average precision; None for a class without objects.

    A precision holds from the recall before it to its own; beyond the last recall it is 0.
    """
    area = ranking.average_precision
    if area is None:
        return None
    recall, precision = ranking.envelope()
    steps = np.flatnonzero(np.diff(recall, prepend=0.0))
    reached, height = recall[steps], precision[steps]
    if not len(steps):
        return Curve(np.zeros(1), np.zeros(1), area)
    return Curve(np.append(np.append(0.0, reached), reached[-1]), np.append(np.append(height[0], height), 0.0), area)
