"""Mean average precision as a function of how often each image is taken, for the bootstrap.

Detections are matched with objects once: an image that is taken twice brings its objects and its hits twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vistry.evaluation.bootstrap import Counts, Statistic, Values
from vistry.evaluation.detection.coco import RECALLS, ImageMatches, coco_matches
from vistry.evaluation.detection.types import Detections, Flags, GroundTruth, Indices, Kind
from vistry.evaluation.detection.voc import VocResult, evaluate_voc


@dataclass(frozen=True)
class ClassRanking:
    """One class: the objects of each image [N], and its P detections from the highest score down.

    `image` [P] has the image of each, `hits` [P] whether it found an object. Ignored ones are left out.
    """

    objects: npt.NDArray[np.int64]
    image: Indices
    hits: Flags

    def curve(self, counts: Counts) -> tuple[Values, Values, Values]:
        """[R, H] at each of H hits: how often it is taken, recall, and the highest precision from there on."""
        hits = np.flatnonzero(self.hits)
        taken = counts[:, self.image[hits]]
        true, every = np.cumsum(taken, axis=1), np.cumsum(counts[:, self.image], axis=1)[:, hits]
        precision = true / np.maximum(every, 1.0)
        recall = true / np.maximum(counts @ self.objects, 1.0)[:, None]
        return taken, recall, np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]

    def area(self, counts: Counts) -> Values:
        """[R] the area under the envelope of precision over recall, as VOC has it."""
        taken, _, precision = self.curve(counts)
        return np.asarray((taken * precision).sum(axis=1) / np.maximum(counts @ self.objects, 1.0))

    def mean_over_recalls(self, counts: Counts) -> Values:
        """[R] the mean of precision at 101 recalls, as COCO has it."""
        _, recall, precision = self.curve(counts)
        bounded = np.pad(precision, ((0, 0), (0, 1)))  # a recall that isn't reached has a precision of 0
        rows = zip(recall, bounded, strict=True)
        return np.array([row[np.searchsorted(reached, RECALLS)].mean() for reached, row in rows])


Area = Callable[[ClassRanking, Counts], Values]


def voc_statistic(
    ground_truth: Sequence[GroundTruth], predictions: Sequence[Detections], iou_threshold: float, kind: Kind
) -> Statistic:
    """VOC's mean average precision of N images."""
    labels = [*(image.labels for image in ground_truth), *(image.labels for image in predictions)]
    classes = 1 + max((int(one.max()) for one in labels if len(one)), default=-1)
    voc = evaluate_voc(ground_truth, predictions, classes=classes, iou_threshold=iou_threshold, kind=kind)
    rankings = [_of_voc(voc, label, len(ground_truth)) for label in range(classes)]
    return _mean_over_classes(rankings, ClassRanking.area, len(ground_truth))


def coco_statistic(
    ground_truth: Sequence[GroundTruth], predictions: Sequence[Detections], iou_threshold: float, kind: Kind
) -> Statistic:
    """COCO's mean average precision of N images at one IoU. Raises VistryError where hotcoco is not installed."""
    by_class: dict[int, list[ImageMatches]] = {}
    for one in coco_matches(ground_truth, predictions, iou_threshold, kind=kind):
        by_class.setdefault(one.label, []).append(one)
    rankings = [_of_coco(matches, len(ground_truth)) for matches in by_class.values()]
    return _mean_over_classes(rankings, ClassRanking.mean_over_recalls, len(ground_truth))


def _of_voc(voc: VocResult, label: int, images: int) -> ClassRanking:
    matching = voc.matching
    objects = matching.object_image[(matching.object_labels == label) & ~matching.crowd]
    own = np.flatnonzero((matching.labels == label) & ~voc.ignored)
    own = own[np.argsort(-matching.scores[own], kind="stable")]
    return ClassRanking(np.bincount(objects, minlength=images), matching.image[own], voc.hits[own])


def _of_coco(matches: Sequence[ImageMatches], images: int) -> ClassRanking:
    objects = np.zeros(images, np.int64)
    for one in matches:
        objects[one.image] = one.objects
    image = np.concatenate([np.full(len(one.scores), one.image, np.int64) for one in matches])
    order = np.argsort(-np.concatenate([one.scores for one in matches]), kind="stable")
    hits = np.concatenate([one.hits for one in matches])
    return ClassRanking(objects, image[order], hits[order])


def _mean_over_classes(rankings: Sequence[ClassRanking], area: Area, images: int) -> Statistic:
    """The mean over the classes with objects; NaN where none has any."""
    present = [ranking for ranking in rankings if ranking.objects.any()]

    def mean(counts: Counts) -> Values:
        total, classes = np.zeros(len(counts)), np.zeros(len(counts))
        for ranking in present:
            has_objects = counts @ ranking.objects > 0
            total += np.where(has_objects, area(ranking, counts), 0.0)
            classes += has_objects
        return np.where(classes > 0, total / np.maximum(classes, 1.0), np.nan)

    return Statistic(mean, images, columns=max((len(ranking.hits) for ranking in present), default=1))
