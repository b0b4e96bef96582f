"""ROC and precision-recall curves with the area under them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Points `x` [P] and `y` [P] in [0, 1] from left to right, and the area under them."""

    x: Values
    y: Values
    area: float

    def thin(self, points: int) -> Curve:
        """The same curve drawn with at most this many points, evenly spread along it; ends and area stay."""
        if len(self.x) <= points:
            return self
        length = np.cumsum(np.abs(np.diff(self.x, prepend=self.x[0])) + np.abs(np.diff(self.y, prepend=self.y[0])))
        indices = np.unique(np.searchsorted(length, np.linspace(0, length[-1], points - 1)))
        indices = np.union1d(indices, len(self.x) - 1)
        return Curve(self.x[indices], self.y[indices], self.area)


def roc(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> Curve | None:
    """True positive rate over false positive rate for truth [N] and scores [N]; None where truth has one kind only."""
    if truth.all() or not truth.any():
        return None
    true, false = _positives(truth, scores)
    x = np.concatenate(([0.0], false / false[-1]))
    y = np.concatenate(([0.0], true / true[-1]))
    return Curve(x, y, float(np.trapezoid(y, x)))


def precision_recall(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> Curve | None:
    """Precision over recall for truth [N] and scores [N]; None where nothing is true.

    The area is the average precision: the sum of precision times the step in recall, without interpolation. A
    precision holds from the recall before it to its own.
    """
    if not truth.any():
        return None
    true, false = _positives(truth, scores)
    recall, precision = true / true[-1], true / (true + false)
    area = float((np.diff(recall, prepend=0.0) * precision).sum())
    return Curve(np.concatenate(([0.0], recall)), np.concatenate((precision[:1], precision)), area)


def _positives(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> tuple[Values, Values]:
    """[P] true and false positives where everything from the p-th highest distinct score up is taken."""
    order = np.argsort(-scores, kind="stable")
    last_of_score = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    true = np.cumsum(truth[order])[last_of_score].astype(np.float64)
    return true, last_of_score + 1 - true
