"""Precision, recall and F1 of each class, and F1 at any threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassScores:
    """One class: `support` images have it, `predicted` images got it; a score is None where it is undefined."""

    support: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None


def class_scores(truth: Flags, predicted: Flags) -> list[ClassScores]:
    """The scores of every class from truth [N, C] and prediction [N, C]."""
    true = (truth & predicted).sum(axis=0).tolist()
    return [_scores(*counts) for counts in zip(true, truth.sum(axis=0), predicted.sum(axis=0), strict=True)]


def _scores(true: int, support: int, predicted: int) -> ClassScores:
    precision, recall = _ratio(true, predicted), _ratio(true, support)
    return ClassScores(
        int(support), int(predicted), precision=precision, recall=recall, f1=_ratio(2 * true, support + predicted)
    )


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


@dataclass(frozen=True)
class ThresholdScan:
    """F1 at each of T thresholds: `micro` [T] over all classes, `by_class` [T, C]; NaN for a class no image has."""

    thresholds: Values
    micro: Values
    by_class: Values

    @property
    def macro(self) -> Values:
        """[T] The mean over the classes that have F1; NaN where none has."""
        usable = self.by_class[:, ~np.isnan(self.by_class[0])]
        return np.asarray(usable.mean(axis=1)) if usable.size else np.full(len(self.thresholds), np.nan)

    def best(self, label: int) -> tuple[float, float] | None:
        """The threshold with a class's highest F1, the middle one of equals, and that F1; None where undefined."""
        values = self.by_class[:, label]
        if np.isnan(values[0]):
            return None
        equals = np.flatnonzero(values == values.max())
        middle = equals[len(equals) // 2]
        return float(self.thresholds[middle]), float(values[middle])


def scan_thresholds(truth: Flags, probabilities: npt.NDArray[np.floating], thresholds: Values) -> ThresholdScan:
    """F1 where a class is predicted above each threshold, from truth [N, C] and probabilities [N, C]."""
    support = truth.sum(axis=0)
    by_class, micro = [], []
    for threshold in thresholds:
        predicted = probabilities > threshold
        true, guessed = (truth & predicted).sum(axis=0), predicted.sum(axis=0)
        by_class.append(_f1(true, support, guessed))
        micro.append(_f1(true.sum(), support.sum(), guessed.sum()))
    return ThresholdScan(thresholds, np.asarray(micro), np.asarray(by_class))


def _f1(true: Counts, support: Counts, predicted: Counts) -> Values:
    return np.where(support > 0, 2 * true / np.maximum(support + predicted, 1), np.nan)
