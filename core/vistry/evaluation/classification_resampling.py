"""The primary metrics of classification as functions of how often each image is taken, for the bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from vistry.evaluation.bootstrap import Counts, Statistic, Values, mean_of_images
from vistry.evaluation.classification import image_iou, likeliest, probable
from vistry.evaluation.operating_point import Thresholds

Flags = npt.NDArray[np.bool_]
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Resampled:
    """Truth [N, C] and probabilities [N, C] of N images, one label an image or, multi-label, any number.

    Each method takes counts [R, N] of how often an image is taken, and returns [R] what `multiclass_metrics` or
    `multilabel_metrics` say of those images, NaN where they leave the metric out.
    """

    truth: Flags
    probabilities: Probabilities
    multilabel: bool
    thresholds: Thresholds | None = None

    def statistic(self, name: str) -> Statistic | None:
        """A metric by its name; None for one that isn't here."""
        images, classes = self.truth.shape
        if name == "accuracy":
            return mean_of_images((self.truth == self._predicted).all(axis=1))
        if name == "iou" and self.multilabel:
            return mean_of_images(image_iou(self.truth, self._predicted))
        functions: dict[str, Callable[[Counts], Values]] = {
            "precision_score_weighted": self.weighted_precision,
            "AUC_weighted": self.weighted_auc,
            "average_precision_score_weighted": self.weighted_average_precision,
        }
        if self.multilabel or classes > 1:
            functions["norm_macro_recall"] = self.normalised_recall
        return Statistic(functions[name], images, columns=max(images, classes)) if name in functions else None

    def weighted_precision(self, counts: Counts) -> Values:
        """Precision, its mean over the classes weighted by their images."""
        guessed = counts @ self._predicted.astype(np.float64)
        return _mean(_ratio(counts @ self._hits, guessed), self._support(counts))

    def normalised_recall(self, counts: Counts) -> Values:
        """Recall, its mean over the classes that the images have, moved so that chance is 0."""
        support, chance = self._support(counts), 1 / (2 if self.multilabel else self.truth.shape[1])
        recall = _mean(_ratio(counts @ self._hits, support), (support > 0).astype(np.float64))
        return np.maximum((recall - chance) / (1 - chance), 0.0)

    def weighted_auc(self, counts: Counts) -> Values:
        """The area under the ROC curve, weighted by images, over the classes that have both kinds of them."""
        areas, support = self._by_class(counts, _Ranks.area_under_roc), self._support(counts)
        return _mean(areas, np.where(_has_both(counts, support), support, 0.0))

    def weighted_average_precision(self, counts: Counts) -> Values:
        """Average precision, weighted by images; NaN where no class has both kinds of them."""
        precision, support = self._by_class(counts, _Ranks.average_precision), self._support(counts)
        return np.where(_has_both(counts, support).any(axis=1), _mean(precision, support), np.nan)

    @cached_property
    def _predicted(self) -> Flags:
        if self.multilabel:
            return probable(self.probabilities, self.thresholds)
        return np.asarray(np.eye(self.truth.shape[1], dtype=bool)[likeliest(self.probabilities, self.thresholds)])

    @cached_property
    def _hits(self) -> Values:
        return (self.truth & self._predicted).astype(np.float64)

    @cached_property
    def _ranks(self) -> list[_Ranks]:
        return [_Ranks.of(*column) for column in zip(self.truth.T, self.probabilities.T, strict=True)]

    def _support(self, counts: Counts) -> Values:
        return np.asarray(counts @ self.truth.astype(np.float64))

    def _by_class(self, counts: Counts, area: Callable[[_Ranks, Counts], Values]) -> Values:
        return np.stack([area(ranks, counts) for ranks in self._ranks], axis=1)


@dataclass(frozen=True)
class _Ranks:
    """One class's images from the highest score down: their rows [N], truth [N], and the last one of each score."""

    order: npt.NDArray[np.intp]
    truth: Flags
    ends: npt.NDArray[np.intp]

    @classmethod
    def of(cls, truth: Flags, scores: npt.NDArray[np.floating]) -> _Ranks:
        order = np.argsort(-scores, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
        return cls(order, truth[order], ends)

    def area_under_roc(self, counts: Counts) -> Values:
        """The share of pairs, an image of the class and one without it, in the right order; equal scores count half."""
        true, false = self._found(counts)
        before = true - np.diff(true, axis=1, prepend=0.0) / 2
        pairs = (np.diff(false, axis=1, prepend=0.0) * before).sum(axis=1)
        return _ratio(pairs, true[:, -1] * false[:, -1])

    def average_precision(self, counts: Counts) -> Values:
        """The sum of precision times the step in recall."""
        true, false = self._found(counts)
        steps = np.diff(true, axis=1, prepend=0.0) * _ratio(true, true + false)
        return _ratio(steps.sum(axis=1), true[:, -1])

    def _found(self, counts: Counts) -> tuple[Values, Values]:
        """[R, S] how many images with and without the class there are down to each of S scores."""
        taken = counts[:, self.order]
        every = np.cumsum(taken, axis=1)[:, self.ends]
        true = np.cumsum(taken * self.truth, axis=1)[:, self.ends]
        return true, every - true


def _has_both(counts: Counts, support: Values) -> Flags:
    both: Flags = (support > 0) & (support < counts.sum(axis=1, keepdims=True))
    return both


def _ratio(part: Values, whole: Values) -> Values:
    return np.where(whole > 0, part / np.maximum(whole, 1.0), 0.0)


def _mean(values: Values, weights: Values) -> Values:
    """[R] the mean over classes of [R, C], NaN where all weights are 0."""
    total = weights.sum(axis=1)
    return np.where(total > 0, (values * weights).sum(axis=1) / np.maximum(total, 1.0), np.nan)
