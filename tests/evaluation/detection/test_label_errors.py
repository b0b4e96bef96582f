"""Annotated objects that are wrong, against mistakes that were made on purpose in boxes that a detector finds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from vistry.evaluation.detection.label_errors import CLASS, LOCATION, MISSING, NOT_FOUND, WrongObject, wrong_objects
from vistry.evaluation.detection.types import Detections, GroundTruth

Box = tuple[float, float, float, float]
PLACES: Sequence[Box] = ((0, 0, 20, 20), (40, 0, 60, 20), (0, 40, 20, 60))
LIMITS = np.array([0.3, 0.3])


def truth(boxes: Sequence[Box], labels: Sequence[int], crowd: Sequence[bool] | None = None) -> GroundTruth:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    flags = np.array([False] * len(labels) if crowd is None else crowd, bool)
    return GroundTruth(corners, np.array(labels, np.int64), crowd=flags, areas=areas)


def found(boxes: Sequence[Box], labels: Sequence[int], scores: Sequence[float]) -> Detections:
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(labels))


def judged(objects: GroundTruth, detections: Detections) -> list[WrongObject]:
    """What is wrong with one image, beside eight others of which a detector finds everything with a score of .8."""
    good = [truth(PLACES, [0, 1, 0]) for _ in range(8)]
    seen = [found(PLACES, [0, 1, 0], [0.8] * 3) for _ in range(8)]
    return wrong_objects([*good, objects], [*seen, detections], LIMITS)


def test_nothing_is_wrong_where_everything_is_found() -> None:
    assert judged(truth(PLACES, [0, 1, 0]), found(PLACES, [0, 1, 0], [0.8] * 3)) == []


def test_an_object_that_nobody_annotated() -> None:
    (only,) = judged(truth(PLACES[:2], [0, 1]), found(PLACES, [0, 1, 0], [0.8, 0.8, 0.9]))
    assert (only.image, only.kind, only.given, only.suggested) == (8, MISSING, None, 0)
    assert only.box == PLACES[2]
    assert only.suspicion == pytest.approx(0.9)


def test_an_unsure_detection_is_no_reason() -> None:
    assert judged(truth(PLACES[:2], [0, 1]), found(PLACES, [0, 1, 0], [0.8, 0.8, 0.6])) == []


def test_an_object_of_another_class() -> None:
    (only,) = judged(truth(PLACES, [0, 0, 0]), found(PLACES, [0, 1, 0], [0.8, 0.85, 0.8]))
    assert (only.kind, only.given, only.suggested) == (CLASS, 0, 1)
    assert only.iou == pytest.approx(1)


def test_a_badly_placed_object() -> None:
    placed = [(0, 0, 20, 20), (52, 0, 72, 20), (0, 40, 20, 60)]  # shares 8 of 32 columns
    (only,) = judged(truth(placed, [0, 1, 0]), found(PLACES, [0, 1, 0], [0.8] * 3))
    assert (only.kind, only.given, only.suggested) == (LOCATION, 1, 1)
    assert only.iou == pytest.approx(0.25)
    assert only.suspicion == pytest.approx(0.8 * 0.75)


def test_an_annotation_of_nothing() -> None:
    (only,) = judged(truth([*PLACES, (80, 80, 99, 99)], [0, 1, 0, 1]), found(PLACES, [0, 1, 0], [0.8] * 3))
    assert (only.kind, only.given, only.suggested, only.box) == (NOT_FOUND, 1, None, (80, 80, 99, 99))
    assert only.suspicion == pytest.approx(0.8 * 9 / 10)  # the mean over the class, this object among them


def test_a_second_detection_of_a_place_is_not_told_twice() -> None:
    boxes = [*PLACES, (0, 41, 20, 61)]
    wrong = judged(truth(PLACES[:2], [0, 1]), found(boxes, [0, 1, 0, 1], [0.8, 0.8, 0.9, 0.85]))
    assert [one.suggested for one in wrong] == [0]


def test_what_lies_in_a_crowd_is_no_missing_object() -> None:
    objects = truth([*PLACES[:2], (0, 30, 90, 99)], [0, 1, 0], crowd=[False, False, True])
    assert judged(objects, found(PLACES, [0, 1, 0], [0.8, 0.8, 0.9])) == []


def test_a_class_that_is_never_found_says_nothing() -> None:
    objects = [truth(PLACES[:1], [1]) for _ in range(4)]
    nothing = [found(PLACES[1:2], [1], [0.9]) for _ in range(4)]
    assert wrong_objects(objects, nothing, LIMITS) == []
