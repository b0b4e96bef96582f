"""Curves, thresholds and confusion of detectors against cases worked out by hand, and against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.evaluation.detection.confusion import detection_confusion_matrix
from vistry.evaluation.detection.curves import precision_recall_of
from vistry.evaluation.detection.thresholds import THRESHOLDS, scan_scores
from vistry.evaluation.detection.voc import Ranking, evaluate_voc

A, B, C = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)


def ranking(objects: int, *pairs: tuple[float, bool]) -> Ranking:
    scores, hits = np.array(pairs, np.float32).reshape(-1, 2).T
    return Ranking(objects, scores, hits > 0)


def test_a_curve_by_hand() -> None:
    found = precision_recall_of(ranking(4, (0.9, True), (0.8, False), (0.7, True), (0.6, False)))
    assert found is not None
    assert found.x.tolist() == [0, 0.25, 0.5, 0.5]
    assert found.y.tolist() == pytest.approx([1, 1, 2 / 3, 0])
    assert found.area == pytest.approx(0.25 + 0.25 * 2 / 3)


def test_curves_of_nothing() -> None:
    assert precision_recall_of(ranking(0, (0.9, False))) is None
    for empty in (ranking(2), ranking(2, (0.9, False))):
        found = precision_recall_of(empty)
        assert found is not None
        assert (found.x.tolist(), found.y.tolist(), found.area) == ([0], [0], 0)


def test_thresholds_by_hand() -> None:
    rankings = [ranking(2, (0.9, True), (0.5, False)), ranking(0, (0.5, False)), ranking(1)]
    scan = scan_scores(rankings, np.array([0.4, 0.5]))
    assert scan.precision[0].tolist() == pytest.approx([0.5, 0, np.nan], nan_ok=True)
    assert scan.precision[1].tolist() == pytest.approx([1, np.nan, np.nan], nan_ok=True)
    assert scan.recall[1].tolist() == pytest.approx([0.5, np.nan, 0], nan_ok=True)
    assert scan.mean_precision.tolist() == [0.25, 1]
    assert scan.mean_recall.tolist() == [0.25, 0.25]


@settings(max_examples=30)
@given(st.integers(0, 2**31))
def test_a_scan_is_the_scores_at_each_threshold(scene: Callable[..., Any], seed: int) -> None:
    every = scene(seed)
    rankings = evaluate_voc(every.truth, every.found, every.classes, 0.5).rankings
    scan = scan_scores(rankings)
    for row, threshold in enumerate(THRESHOLDS):
        kept = [found.above(threshold) for found in rankings]
        precision = [np.nan if found.precision is None else found.precision for found in kept]
        recall = [np.nan if found.recall is None else found.recall for found in kept]
        assert scan.precision[row].tolist() == pytest.approx(precision, nan_ok=True)
        assert scan.recall[row].tolist() == pytest.approx(recall, nan_ok=True)


def confusion_of(image: Any, score: float = 0.0, iou: float = 0.5, classes: int = 2) -> list[list[int]]:
    truth, found = image
    return detection_confusion_matrix(truth, found, evaluate_voc(truth, found, classes, iou), score).tolist()


def test_confusion_by_hand(one_image: Callable[..., Any]) -> None:
    """A found, B taken for the other class, C missed, and one detection where nothing is."""
    found = [(*A, 0, 0.9), (*B, 1, 0.8), (80, 80, 90, 90, 1, 0.7)]
    image = one_image([(*A, 0), (*B, 0), (*C, 1)], found)
    assert confusion_of(image) == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]
    assert confusion_of(image, score=0.75) == [[1, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert confusion_of(image, score=0.8) == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_an_object_is_taken_once(one_image: Callable[..., Any]) -> None:
    found = [(*A, 1, 0.9), (*A, 0, 0.5), (*A, 1, 0.4)]
    assert confusion_of(one_image([(*A, 0)], found)) == [[1, 0, 0], [0, 0, 0], [0, 2, 0]]
    assert confusion_of(one_image([(*A, 0)], [(*A, 1, 0.9), (*A, 1, 0.4)])) == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_crowds_do_not_count(one_image: Callable[..., Any]) -> None:
    image = one_image([(0, 0, 80, 80, 0)], [(5, 5, 20, 20, 0, 0.9)], crowd=(0,))
    assert confusion_of(image) == [[0, 0, 0], [0, 0, 0], [0, 0, 0]]


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.booleans(), st.sampled_from([0.0, 0.4]))
def test_confusion_adds_up(scene: Callable[..., Any], seed: int, masks: bool, score: float) -> None:
    """Rows are the objects, columns the detections that aren't ignored, the diagonal the hits."""
    every = scene(seed, images=4, masks=masks)
    kind = "mask" if masks else "box"
    result = evaluate_voc(every.truth, every.found, every.classes, 0.5, kind)
    matrix = detection_confusion_matrix(every.truth, every.found, result, score, kind)
    kept = [found.above(score) for found in result.rankings]
    assert matrix.sum(axis=1)[:-1].tolist() == [found.objects for found in kept]
    assert matrix.sum(axis=0)[:-1].tolist() == [len(found.scores) for found in kept]
    assert matrix.diagonal().tolist() == [*(found.hits.sum() for found in kept), 0]
