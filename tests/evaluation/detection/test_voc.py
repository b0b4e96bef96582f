"""The VOC metric: cases worked out by hand, and a second evaluator written from the definition."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from vistry.evaluation.detection.voc import evaluate_voc, voc_values

A, B = (0, 0, 10, 10), (20, 0, 30, 10)


def ranking_of(scene: tuple[Any, Any], iou: float = 0.5, classes: int = 1, label: int = 0) -> Any:
    return evaluate_voc(*scene, classes, iou).rankings[label]


def test_average_precision_by_hand(one_image: Callable[..., Any]) -> None:
    found = [(*A, 0, 0.9), (40, 0, 50, 10, 0, 0.8), (*B, 0, 0.7)]
    ranking = ranking_of(one_image([(*A, 0), (*B, 0), (60, 60, 70, 70, 0)], found))
    assert ranking.hits.tolist() == [True, False, True]
    assert ranking.precision == pytest.approx(2 / 3)
    assert ranking.recall == pytest.approx(2 / 3)
    assert ranking.average_precision == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)


def test_the_envelope_lifts_a_precision_that_rises_later(one_image: Callable[..., Any]) -> None:
    found = [(40, 0, 50, 10, 0, 0.9), (*A, 0, 0.8), (*B, 0, 0.7)]
    assert ranking_of(one_image([(*A, 0), (*B, 0)], found)).average_precision == pytest.approx(2 / 3)


def test_the_second_detection_of_an_object_is_a_false_alarm(one_image: Callable[..., Any]) -> None:
    ranking = ranking_of(one_image([(*A, 0), (*B, 0)], [(*A, 0, 0.9), (0, 0, 10, 9, 0, 0.8)]))
    assert ranking.hits.tolist() == [True, False]


def test_only_the_best_object_is_looked_at(one_image: Callable[..., Any]) -> None:
    """The second detection overlaps A by 0.6 as well, but B more, which is taken."""
    objects = [(0, 0, 10, 10, 0), (0, 2, 10, 12, 0)]
    ranking = ranking_of(one_image(objects, [(0, 2, 10, 12, 0, 0.9), (0, 1.5, 10, 11.5, 0, 0.8)]))
    assert ranking.hits.tolist() == [True, False]


@pytest.mark.parametrize(("iou", "hit"), [(0.5, True), (0.51, False)])
def test_an_overlap_equal_to_the_threshold_is_enough(one_image: Callable[..., Any], iou: float, hit: bool) -> None:
    assert ranking_of(one_image([(*A, 0)], [(0, 0, 10, 5, 0, 0.9)]), iou).hits.tolist() == [hit]


def test_of_equal_scores_the_first_has_the_object(one_image: Callable[..., Any]) -> None:
    truth, found = one_image([(*A, 0)], [(0, 0, 10, 6, 0, 0.5), (*A, 0, 0.5)])
    assert evaluate_voc(truth, found, 1, 0.5).hits.tolist() == [True, False]


def test_crowds_are_neither_missed_nor_wrongly_found(one_image: Callable[..., Any]) -> None:
    crowd, inside = (40, 40, 90, 90, 0), (50, 50, 60, 60, 0, 0.95)
    truth, found = one_image([(*A, 0), crowd], [inside, (*A, 0, 0.9)], crowd=(1,))
    result = evaluate_voc(truth, found, 1, 0.5)
    assert result.ignored.tolist() == [True, False]
    assert (result.rankings[0].objects, result.rankings[0].average_precision) == (1, 1.0)


@pytest.mark.parametrize(
    ("objects", "found", "precision", "recall", "average"),
    [
        ([(*A, 0)], [], None, 0.0, 0.0),
        ([], [(*A, 0, 0.9)], 0.0, None, None),
        ([], [], None, None, None),
        ([(*A, 1)], [(*A, 0, 0.9)], 0.0, None, None),
    ],
)
def test_what_is_undefined(
    one_image: Callable[..., Any], objects: Any, found: Any, precision: Any, recall: Any, average: Any
) -> None:
    ranking = ranking_of(one_image(objects, found), classes=2)
    assert (ranking.precision, ranking.recall, ranking.average_precision) == (precision, recall, average)


def test_undefined_classes_are_left_out_of_the_means(one_image: Callable[..., Any]) -> None:
    truth, found = one_image([(*A, 0), (*B, 1)], [(*A, 0, 0.9), (*A, 2, 0.9)])
    values = voc_values(evaluate_voc(truth, found, 4, 0.5).rankings)
    assert values == {"mean_average_precision": 0.5, "precision": 0.5, "recall": 0.5}


def test_means_are_over_the_classes_with_objects(one_image: Callable[..., Any]) -> None:
    """Class 1 is never detected, which is a precision of 0; class 2 is detected where nothing is, and not counted."""
    truth, found = one_image([(*A, 0), (*B, 1)], [(*A, 0, 0.9), (*A, 2, 0.9), (*B, 2, 0.8)])
    values = voc_values(evaluate_voc(truth, found, 3, 0.5).rankings)
    assert values == {"mean_average_precision": 0.5, "precision": 0.5, "recall": 0.5}
    only_first = voc_values(evaluate_voc(*one_image([(*A, 0)], [(*A, 0, 0.9), (*A, 2, 0.9)]), 3, 0.5).rankings)
    assert only_first == {"mean_average_precision": 1.0, "precision": 1.0, "recall": 1.0}


def test_nothing_at_all_defines_nothing() -> None:
    assert voc_values(evaluate_voc([], [], 2, 0.5).rankings) == {}


def slow_iou(truth: Any, found: Any, kind: str, row: int, column: int) -> float:
    if kind == "mask":
        seen, there = coco_mask.decode(found.masks[row]) > 0, coco_mask.decode(truth.masks[column]) > 0
        return float((seen & there).sum() / (seen | there).sum())
    a, b = found.boxes[row].astype(float), truth.boxes[column].astype(float)
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = width * height if width > 0 and height > 0 else 0.0
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))


def slow_voc(scene: Any, label: int, threshold: float, kind: str) -> tuple[float, float, float]:
    """Precision, recall and average precision of a class, -1 where undefined: one detection after the other."""
    objects = sum(int(((truth.labels == label) & ~truth.crowd).sum()) for truth in scene.truth)
    rows = [(image, row) for image, found in enumerate(scene.found) for row in np.flatnonzero(found.labels == label)]
    rows.sort(key=lambda pair: -scene.found[pair[0]].scores[pair[1]])
    taken: set[tuple[int, int]] = set()
    points, true, false = [], 0, 0
    for image, row in rows:
        truth, found = scene.truth[image], scene.found[image]
        best, best_iou = None, 0.0
        for column in range(len(truth.labels)):
            if truth.labels[column] == label:
                iou = slow_iou(truth, found, kind, int(row), column)
                if iou > best_iou:
                    best, best_iou = column, iou
        if best is not None and truth.crowd[best]:
            continue
        if best is not None and best_iou >= threshold and (image, best) not in taken:
            taken.add((image, best))
            true += 1
        else:
            false += 1
        points.append((true / max(objects, 1), true / (true + false)))
    precision = true / (true + false) if points else -1.0
    if not objects:
        return precision, -1.0, -1.0
    recalls = sorted({0.0, *(recall for recall, _ in points)})
    area = sum(
        (after - before) * max(height for recall, height in points if recall >= after)
        for before, after in pairwise(recalls)
    )
    return precision, true / objects, area


def check(scene: Any, threshold: float, kind: str) -> None:
    result = evaluate_voc(scene.truth, scene.found, scene.classes, threshold, kind)
    for label, ranking in enumerate(result.rankings):
        numbers = [ranking.precision, ranking.recall, ranking.average_precision]
        defined = [-1.0 if number is None else number for number in numbers]
        assert defined == pytest.approx(slow_voc(scene, label, threshold, kind))


@settings(max_examples=80)
@given(st.integers(0, 2**31), st.integers(1, 6), st.sampled_from([1, 3, 50]), st.sampled_from([0.1, 0.5, 0.75, 1.0]))
def test_boxes_against_the_definition(
    scene: Callable[..., Any], seed: int, images: int, scores: int, threshold: float
) -> None:
    check(scene(seed, images, scores=scores), threshold, "box")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("seed", range(6))
def test_masks_against_the_definition(scene: Callable[..., Any], seed: int) -> None:
    check(scene(seed, masks=True), 0.5, "mask")


@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.2, 0.5, 0.99]))
@settings(max_examples=30)
def test_a_threshold_afterwards_is_a_threshold_before(scene: Callable[..., Any], seed: int, threshold: float) -> None:
    every = scene(seed)
    rankings = evaluate_voc(every.truth, every.found, every.classes, 0.5).rankings
    after = [ranking.above(threshold) for ranking in rankings]
    kept = [found.above(threshold) for found in every.found]
    before = evaluate_voc(every.truth, kept, every.classes, 0.5).rankings
    assert voc_values(after) == voc_values(before)
