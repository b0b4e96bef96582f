"""Annotated objects that are probably wrong, from detections of models that never saw the image.

As ObjectLab (Tkachenko, Thyagarajan and Mueller, "ObjectLab: Automated Diagnosis of Mislabeled Images in Object
Detection Data", 2023) it tells apart objects that were overlooked, badly located and given another class; as confident
learning (evaluation/label_errors.py) it trusts a detection by a threshold of its class, here the mean score of the
class's hits. A class without a hit isn't learned, and nothing is said about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vistry.evaluation.detection.iou import IouMatrix, box_iou, iou_matrix
from vistry.evaluation.detection.types import Detections, GroundTruth, Kind
from vistry.evaluation.operating_point import Thresholds

MISSING, CLASS, LOCATION, NOT_FOUND = "missing", "class", "location", "not found"
# IoU from which on two outlines are of one object, and below which they have nothing to do with each other.
SAME, APART = 0.5, 0.1
# Share of a detection that lies in a crowd, from which on it may be one of its objects.
IN_CROWD = 0.5


@dataclass(frozen=True)
class WrongObject:
    """An annotated object that is probably wrong, or one that is probably missing.

    `kind` is MISSING (a sure detection where nothing is annotated), CLASS (one on an object of another class), LOCATION
    (one that overlaps an object of its class by less than half) or NOT_FOUND (an object that no detection found).
    `given` and `suggested` are class indices, None where there is none; `score` is the detection's, or of an object
    that wasn't found the best score times IoU; `iou` is between the two. `box` is in pixels, the detection's where
    there is one; `suspicion` is in [0, 1].
    """

    image: int
    kind: str
    given: int | None
    suggested: int | None
    score: float
    iou: float
    box: tuple[float, float, float, float]
    suspicion: float


def wrong_objects(
    ground_truth: Sequence[GroundTruth], predictions: Sequence[Detections], given: Thresholds, kind: Kind = "box"
) -> list[WrongObject]:
    """Find the objects of N images that are probably wrong, the most suspect first.

    given: [C] the score of each class above which a user is given a detection: an object is found by one above it.
    """
    images = [_Image(truth, detections, kind) for truth, detections in zip(ground_truth, predictions, strict=True)]
    limits = _Limits(_sure(images, len(given)), given, _mean_quality(images, len(given)))
    wrong = [one for at, image in enumerate(images) for one in _wrong_in(at, image, limits)]
    return sorted(wrong, key=lambda one: (-one.suspicion, one.image))


@dataclass(frozen=True)
class _Limits:
    """By class [C]: the score of a sure detection, that of one a user is given, and how well objects are found."""

    sure: npt.NDArray[np.float64]
    given: Thresholds
    quality: npt.NDArray[np.float64]


class _Image:
    """The objects and detections of one image, and [D, G] the IoU of each two."""

    def __init__(self, truth: GroundTruth, detections: Detections, kind: Kind):
        self.truth, self.detections = truth, detections
        rows, columns = np.arange(len(detections.labels)), np.arange(len(truth.labels))
        self.iou: IouMatrix = iou_matrix(detections, truth, kind=kind, rows=rows, columns=columns).copy()
        self.iou[:, truth.crowd] = 0
        self.same_class = detections.labels[:, None] == truth.labels
        self.in_crowd = _share_inside(detections.boxes, truth.boxes[truth.crowd]) >= IN_CROWD

    def quality(self) -> npt.NDArray[np.float64]:
        """[G] the best score times IoU of a detection of the object's class."""
        product = self.iou * self.same_class * self.detections.scores[:, None].astype(np.float64)
        return np.asarray(product.max(axis=0, initial=0.0))


def _sure(images: Sequence[_Image], classes: int) -> npt.NDArray[np.float64]:
    """[C] the mean score of each class's hits; infinite where there is none."""
    sums, counts = np.zeros(classes), np.zeros(classes)
    for image in images:
        product = np.where((image.iou >= SAME) & image.same_class, image.detections.scores[:, None], 0.0)
        best = product.max(axis=0, initial=0.0)
        np.add.at(sums, image.truth.labels, best)
        np.add.at(counts, image.truth.labels, best > 0)
    return np.asarray(np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0))


def _mean_quality(images: Sequence[_Image], classes: int) -> npt.NDArray[np.float64]:
    """[C] how well the objects of each class are found on average; 0 where there are none."""
    sums, counts = np.zeros(classes), np.zeros(classes)
    for image in images:
        real = ~image.truth.crowd
        np.add.at(sums, image.truth.labels[real], image.quality()[real])
        np.add.at(counts, image.truth.labels[real], 1)
    return np.asarray(np.divide(sums, counts, out=np.zeros(classes), where=counts > 0))


def _wrong_in(at: int, image: _Image, limits: _Limits) -> Iterator[WrongObject]:
    explained = np.zeros(len(image.truth.labels), dtype=bool)
    for one, target in _wrong_detections(at, image, limits.sure):
        if target is not None:
            explained[target] = True
        yield one
    yield from _not_found(at, image, explained, limits=limits)


def _wrong_detections(
    at: int, image: _Image, sure: npt.NDArray[np.float64]
) -> Iterator[tuple[WrongObject, int | None]]:
    """What sure detections say, each with the object that it is about; of several on one place only the surest."""
    detections, truth = image.detections, image.truth
    taken: list[int] = []
    for row in np.argsort(-detections.scores, kind="stable").tolist():
        score, label = float(detections.scores[row]), int(detections.labels[row])
        if score < sure[label] - 1e-6 or image.in_crowd[row]:
            continue
        box = detections.boxes[[row]]
        # Two classes on one place are one question to whoever looks at it.
        if len(taken) and box_iou(box, detections.boxes[taken]).max() >= SAME:
            continue
        taken.append(row)
        overlaps = image.iou[row]
        target = int(overlaps.argmax()) if len(overlaps) else None
        iou = 0.0 if target is None else float(overlaps[target])
        own = float((overlaps * image.same_class[row]).max(initial=0.0))
        if own >= SAME:
            continue
        kind, other = _kind(image, row, iou=iou, own=own)
        about = None if kind == MISSING else other
        wrong = WrongObject(
            image=at,
            kind=kind,
            given=None if about is None else int(truth.labels[about]),
            suggested=label,
            score=score,
            iou=0.0 if about is None else float(overlaps[about]),
            box=_corners(box[0]),
            suspicion=score * (1 - own) if kind == LOCATION else score,
        )
        yield wrong, about


def _kind(image: _Image, row: int, *, iou: float, own: float) -> tuple[str, int | None]:
    """What a sure detection that hits nothing says, and which object it is about."""
    overlaps = image.iou[row]
    if iou >= SAME:
        return CLASS, int(overlaps.argmax())
    if own >= APART:
        return LOCATION, int((overlaps * image.same_class[row]).argmax())
    return MISSING, None


def _not_found(at: int, image: _Image, explained: npt.NDArray[np.bool_], *, limits: _Limits) -> Iterator[WrongObject]:
    detections, truth, quality = image.detections, image.truth, limits.quality
    is_given = detections.scores > limits.given[detections.labels]
    hits = ((image.iou >= SAME) & image.same_class & is_given[:, None]).any(axis=0)
    own = image.quality()
    for column in np.flatnonzero(~hits & ~truth.crowd & ~explained).tolist():
        label = int(truth.labels[column])
        suspicion = float(quality[label] - own[column])
        if suspicion > 0:
            yield WrongObject(
                image=at,
                kind=NOT_FOUND,
                given=label,
                suggested=None,
                score=float(own[column]),
                iou=float((image.iou[:, column] * image.same_class[:, column]).max(initial=0.0)),
                box=_corners(truth.boxes[column]),
                suspicion=suspicion,
            )


def _share_inside(boxes: npt.NDArray[np.float32], crowds: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """[D] the largest share of each box that lies in one of the crowds."""
    if not len(crowds):
        return np.zeros(len(boxes))
    a, b = boxes.astype(np.float64)[:, None], crowds.astype(np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    area = (a[..., 2:] - a[..., :2]).clip(0).prod(axis=2)
    return np.asarray((sides.clip(0).prod(axis=2) / np.maximum(area, 1e-9)).max(axis=1, initial=0.0))


def _corners(box: npt.NDArray[np.floating]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2
