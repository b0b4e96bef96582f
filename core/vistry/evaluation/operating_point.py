"""An operating point: the score above which answers count, chosen for a precision, a recall or the best F1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vistry.evaluation.resampling import resampled_sums

Aim = Literal["precision", "recall", "f1"]
Interval = tuple[float, float]
Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Thresholds = npt.NDArray[np.float64]
"""[C] the score of each class above which it is predicted."""

# Figures are told apart only beyond this: 0.95 is reached by 19 of 20, whatever the rounding.
_ROUNDING = 1e-9
_DIGITS = range(2, 18)


@dataclass(frozen=True)
class Answers:
    """What a model says of N images: D answers, each about one class, with its score and whether it is right.

    `scores` [D] float32, `labels` [D] class indices, `right` [D] bool, `image` [D] index of the image; `truths` [N, C]
    int64 counts what there is to find in each image: its labels, or its objects.
    """

    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]
    image: npt.NDArray[np.int64]
    truths: Counts

    def of_class(self, label: int) -> Answers:
        """The answers about one class, and what there is of it to find."""
        own = self.labels == label
        truths = np.zeros_like(self.truths)
        truths[:, label] = self.truths[:, label]
        return Answers(self.scores[own], self.labels[own], right=self.right[own], image=self.image[own], truths=truths)


@dataclass(frozen=True)
class Figures:
    """Precision, recall and F1, each None where it is undefined: without answers, or without anything to find."""

    precision: float | None
    recall: float | None
    f1: float | None

    @classmethod
    def of_counts(cls, right: float, answers: float, truths: float) -> Figures:
        """Compute the figures of `right` answers among `answers`, where there are `truths` to find."""
        return cls(
            precision=float(right / answers) if answers else None,
            recall=float(right / truths) if truths else None,
            f1=float(2 * right / (answers + truths)) if answers + truths else None,
        )


@dataclass(frozen=True)
class MeasuredFigures:
    """Figures with the 95 % interval of each, None where undefined."""

    figures: Figures
    precision_interval: Interval | None
    recall_interval: Interval | None
    f1_interval: Interval | None


@dataclass(frozen=True)
class Curve:
    """P operating points, one for each distinct score from the highest down: what counting answers from it on gives.

    `scores`, `precision`, `recall` and `f1` are each [P].
    """

    scores: Values
    precision: Values
    recall: Values
    f1: Values

    def best(self, aim: Aim, target: float | None = None) -> int | None:
        """The point that fits an aim best; None where none reaches the target.

        For a precision, that of the highest recall among those which reach it; for a recall, that of the highest
        precision; for F1 that of the highest. The other figure decides between equals.
        """
        own = {"precision": self.precision, "recall": self.recall, "f1": self.f1}[aim]
        # Precision rises and falls along the curve, so the first point that reaches a target may not be the best one.
        usable = np.ones(len(own), np.bool_) if target is None else own >= target - _ROUNDING
        if not usable.any():
            return None
        first, second = {
            "precision": (self.recall, self.precision),
            "recall": (self.precision, self.recall),
            "f1": (self.f1, self.precision),
        }[aim]
        candidates = np.flatnonzero(usable)
        # lexsort sorts by its last key first, and the sorting is stable: of full equals the highest threshold stays.
        order = np.lexsort((-second[candidates], -first[candidates]))
        return int(candidates[order[0]])

    def threshold(self, index: int) -> float:
        """The threshold of a point: the shortest number between its score and the next lower one."""
        lower = self.scores[index + 1] if index + 1 < len(self.scores) else 0.0
        return _simplest_between(float(lower), float(self.scores[index]))

    def highest(self, aim: Aim) -> int:
        """The point with the highest value of an aim; of equals, that with the best other figure."""
        own = self.precision if aim == "precision" else self.recall
        other = self.recall if aim == "precision" else self.precision
        return int(np.lexsort((-other, -own))[0])


def curve_of(answers: Answers) -> Curve:
    """Every operating point of answers.

    Answers of score 0 never count, since a threshold is at least 0 and answers count above it.
    """
    order = np.argsort(-answers.scores, kind="stable")
    scores = answers.scores[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)[: len(scores)]
    last = last[scores[last] > 0]
    right = np.cumsum(answers.right[order])[last].astype(np.float64)
    count, truths = last + 1.0, float(answers.truths.sum())
    return Curve(
        scores=scores[last].astype(np.float64),
        precision=right / count,
        recall=right / max(truths, 1.0),
        f1=2 * right / (count + truths),
    )


def _simplest_between(low: float, high: float) -> float:
    """The number of the fewest digits near the middle that lets `high` count and `low` not, in single precision too."""
    # Scores are in single precision and programs compare in either one, so both have to keep the two apart.
    middle = (low + high) / 2
    for digits in _DIGITS:
        value = round(middle, digits)
        if low <= value < high and low <= float(np.float32(value)) < high:
            return value
    return low


def figures_at(answers: Answers, thresholds: Thresholds) -> Figures:
    """The figures where an answer counts above the threshold of its class."""
    return Figures.of_counts(*_counts(answers, thresholds).sum(axis=0).tolist())


def measured_at(answers: Answers, thresholds: Thresholds) -> MeasuredFigures:
    """The same with 95 % intervals, from resampling the images; the thresholds stay."""
    counts = _counts(answers, thresholds)
    right, answered, truths = resampled_sums(counts).T
    return MeasuredFigures(
        Figures.of_counts(*counts.sum(axis=0).tolist()),
        precision_interval=_interval(right, answered),
        recall_interval=_interval(right, truths),
        f1_interval=_interval(2 * right, answered + truths),
    )


def _counts(answers: Answers, thresholds: Thresholds) -> Counts:
    """[N, 3] right answers, answers, and what there is to find in each image."""
    above = answers.scores > thresholds[answers.labels]
    images = len(answers.truths)
    right = np.bincount(answers.image[above & answers.right], minlength=images)
    answered = np.bincount(answers.image[above], minlength=images)
    return np.stack([right, answered, answers.truths.sum(axis=1)], axis=1).astype(np.int64)


def _interval(parts: Counts, wholes: Counts) -> Interval | None:
    defined = wholes > 0
    if not defined.any():
        return None
    low, high = np.quantile(parts[defined] / wholes[defined], (0.025, 0.975)).tolist()
    return low, high
