"""The confusion matrix of a detector: classes taken for others, missed objects, and detections of background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vistry.evaluation.confusion import Matrix
from vistry.evaluation.detection.iou import IouMatrix, iou_matrix
from vistry.evaluation.detection.matching import Matching
from vistry.evaluation.detection.types import Detections, Flags, GroundTruth, Indices, Kind, Scores
from vistry.evaluation.detection.voc import VocResult
from vistry.evaluation.operating_point import Thresholds


def detection_confusion_matrix(
    ground_truth: Sequence[GroundTruth],
    predictions: Sequence[Detections],
    result: VocResult,
    score_threshold: float | Thresholds,
    kind: Kind = "box",
) -> Matrix:
    """[C + 1, C + 1] counts of objects and of detections with a score greater than the threshold,
    or than that of their class [C].

    Row: the true class, the last row background. Column: the class found, the last column missed. The diagonal has
    the hits of the VOC metric. A detection that isn't a hit takes, in order of score, the free object of another class
    that it overlaps most, if at least by the IoU threshold; the others stand in the background row, and objects that
    nobody took in the missed column. Crowds and what is ignored on them don't count.
    """
    matching, classes = result.matching, len(result.rankings)
    matrix = np.zeros((classes + 1, classes + 1), np.int64)
    limits = score_threshold if isinstance(score_threshold, float | int) else score_threshold[matching.labels]
    above = matching.scores > limits
    hits = above & result.hits
    np.add.at(matrix, (matching.labels[hits], matching.labels[hits]), 1)
    free = ~matching.crowd
    free[matching.target[hits]] = False
    left = above & ~result.hits & ~result.ignored
    for index, detections, objects in _by_image(result, left, free, images=len(predictions)):
        true, predicted = matching.object_labels[objects], matching.labels[detections]
        table = _across_classes(
            ground_truth[index], predictions[index], kind=kind, left_over=(detections, objects), matching=matching
        )
        taken = _greedy(table, matching.scores[detections], result.iou_threshold)
        rows = np.where(taken >= 0, np.append(true, classes)[taken], classes)
        np.add.at(matrix, (rows, predicted), 1)
        missed = np.delete(true, taken[taken >= 0])
        np.add.at(matrix, (missed, np.full(len(missed), classes)), 1)
    return matrix


def _by_image(result: VocResult, left: Flags, free: Flags, images: int) -> list[tuple[int, Indices, Indices]]:
    """Images with detections or objects left over, and which ones, counted over all images."""
    matching = result.matching
    detections, objects = np.flatnonzero(left), np.flatnonzero(free)
    edges = np.arange(images + 1)
    first = np.searchsorted(matching.image[detections], edges)
    start = np.searchsorted(matching.object_image[objects], edges)
    parts = [
        (index, detections[first[index] : first[index + 1]], objects[start[index] : start[index + 1]])
        for index in range(images)
    ]
    return [part for part in parts if len(part[1]) or len(part[2])]


def _across_classes(
    truth: GroundTruth, predictions: Detections, kind: Kind, left_over: tuple[Indices, Indices], matching: Matching
) -> IouMatrix:
    """[R, F] IoU of the detections and objects that are left over in an image, 0 within a class."""
    detections, objects = left_over
    if not len(detections) or not len(objects):
        return np.zeros((len(detections), len(objects)))
    rows = detections - np.searchsorted(matching.image, matching.image[detections[0]])
    columns = objects - np.searchsorted(matching.object_image, matching.object_image[objects[0]])
    differ = matching.labels[detections][:, None] != matching.object_labels[objects]
    return np.asarray(iou_matrix(predictions, truth, kind=kind, rows=rows, columns=columns) * differ)


def _greedy(table: IouMatrix, scores: Scores, iou_threshold: float) -> Indices:
    """[R] the column each row takes, or -1: rows in order of score, each the largest that is still free."""
    taken = np.full(len(table), -1)
    if not table.size:
        return taken
    free = table.copy()
    reaching = free.max(axis=1) >= iou_threshold
    for row in np.argsort(-scores, kind="stable"):
        if reaching[row] and free[row].max() >= iou_threshold:
            taken[row] = free[row].argmax()
            free[:, taken[row]] = 0.0
    return taken
