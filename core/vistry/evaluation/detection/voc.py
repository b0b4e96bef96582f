"""The VOC metric: each detection is a hit, a false alarm or ignored, and each class has its average precision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt

from vistry.evaluation.detection.matching import NOTHING, Matching, match
from vistry.evaluation.detection.types import Detections, Flags, GroundTruth, Kind, Scores
from vistry.evaluation.operating_point import Thresholds

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """One class: how many `objects` it has, and its P detections from the highest score down.

    `scores` [P], and `hits` [P] where a detection found an object. Ignored detections and crowds are left out. A
    score is None where it is undefined: precision without detections, the others without objects.
    """

    objects: int
    scores: Scores
    hits: Flags

    def above(self, threshold: float) -> Ranking:
        """The same with the detections whose score is greater than the threshold.

        Hits stay what they are, because an object belongs to the detection with the highest score.
        """
        above = self.scores > threshold
        return Ranking(self.objects, self.scores[above], self.hits[above])

    @property
    def precision(self) -> float | None:
        """The share of the detections that are hits."""
        return float(self.hits.mean()) if len(self.hits) else None

    @property
    def recall(self) -> float | None:
        """The share of the objects that were found."""
        return float(self.hits.sum() / self.objects) if self.objects else None

    @property
    def average_precision(self) -> float | None:
        """The area under the envelope of precision over recall (Everingham et al. 2015, all points)."""
        if not self.objects:
            return None
        recall, precision = self.envelope()
        return float((np.diff(recall, prepend=0.0) * precision).sum())

    def envelope(self) -> tuple[Values, Values]:
        """[P] recall after each detection, and [P] the highest precision at that recall or a greater one."""
        hits = np.cumsum(self.hits)
        precision = hits / np.arange(1, len(hits) + 1)
        return hits / max(self.objects, 1), np.maximum.accumulate(precision[::-1])[::-1]


@dataclass(frozen=True)
class VocResult:
    """What the VOC metric made of each detection: `hits` [D], `ignored` [D]; and a ranking for each class."""

    matching: Matching
    iou_threshold: float
    hits: Flags
    ignored: Flags
    rankings: Sequence[Ranking]


def evaluate_voc(
    ground_truth: Sequence[GroundTruth],
    predictions: Sequence[Detections],
    classes: int,
    iou_threshold: float,
    kind: Kind = "box",
) -> VocResult:
    """Judge every detection of N images.

    Each detection looks only at the object of its class that it overlaps most. If that is a crowd, the detection is
    ignored. If their IoU is at least the threshold and no detection with a higher score found the object, it is a
    hit. Otherwise it is a false alarm. Equal scores keep their order.
    """
    matching = match(ground_truth, predictions, kind)
    order = np.argsort(-matching.scores, kind="stable")
    on_object = matching.target != NOTHING
    ignored = np.zeros(len(order), np.bool_)
    ignored[on_object] = matching.crowd[matching.target[on_object]]
    close = on_object & ~ignored & (matching.overlap >= iou_threshold)
    candidates = order[close[order]]
    _, first = np.unique(matching.target[candidates], return_index=True)
    hits = np.zeros(len(order), np.bool_)
    hits[candidates[first]] = True
    counts = np.bincount(matching.object_labels[~matching.crowd], minlength=classes)
    counted = order[~ignored[order]]
    rankings = [
        _ranking(matching, hits, order=counted, label=label, objects=int(counts[label])) for label in range(classes)
    ]
    return VocResult(matching, iou_threshold, hits=hits, ignored=ignored, rankings=rankings)


def _ranking(matching: Matching, hits: Flags, order: npt.NDArray[np.intp], label: int, objects: int) -> Ranking:
    own = order[matching.labels[order] == label]
    return Ranking(objects, matching.scores[own], hits[own])


def rankings_above(rankings: Sequence[Ranking], threshold: float | Thresholds) -> list[Ranking]:
    """C rankings with the detections above one threshold, or above that of their class [C]."""
    limits = [threshold] * len(rankings) if isinstance(threshold, float | int) else threshold.tolist()
    return [ranking.above(limit) for ranking, limit in zip(rankings, limits, strict=True)]


def voc_values(rankings: Sequence[Ranking]) -> dict[str, float]:
    """`mean_average_precision`, `precision` and `recall`: means over the classes that have objects.

    The precision of such a class without detections counts as 0, as in classification. Where no class has objects they
    are left out.
    """
    present = [ranking for ranking in rankings if ranking.objects]
    means = {
        "mean_average_precision": mean_of(ranking.average_precision for ranking in present),
        "precision": mean_of(ranking.precision or 0.0 for ranking in present),
        "recall": mean_of(ranking.recall for ranking in present),
    }
    return {name: value for name, value in means.items() if value is not None}


def mean_of(values: Iterable[float | None]) -> float | None:
    """The mean of those that are defined; None where none is."""
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined else None
