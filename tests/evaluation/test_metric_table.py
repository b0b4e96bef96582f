"""The table of metrics against what evaluations compute: the names, the ranges and the directions."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
import vistry
from pycocotools import mask as coco_mask
from vistry.evaluation import metric_table
from vistry.evaluation.classification import log_loss, multiclass_metrics, multilabel_metrics
from vistry.evaluation.detection.metrics import DetectionProtocol, evaluate_detections
from vistry.evaluation.detection.types import Boxes, Detections, GroundTruth, Kind, Rle
from vistry.evaluation.metric_table import METRICS

IMAGES, CLASSES = 40, 3
SIDES = (20.0, 60.0, 120.0)  # an object of each of COCO's sizes
SIZE = 256
CLASS_NAMES = [f"class{index}" for index in range(CLASSES)]


def detection(quality: float, kind: Kind, metric_type: str) -> dict[str, float]:
    """An object an image, found by a box that lies further off the lower the quality is."""
    truth, found = [], []
    for index in range(IMAGES):
        side, label = SIDES[index % len(SIDES)], np.array([index % CLASSES])
        here, there = box_at(10, side), box_at(10 + side * (1 - quality), side)
        area = np.array([side**2], dtype=np.float32)
        truth.append(GroundTruth(here, label, np.array([False]), area, [object_mask(here)] if kind == "mask" else None))
        score = np.array([0.9 - index / 100], dtype=np.float32)
        found.append(Detections(there, score, label, [object_mask(there)] if kind == "mask" else None))
    return evaluate_detections(truth, found, CLASS_NAMES, DetectionProtocol(metric_type, 0.5, kind, 0.3)).values


def box_at(left: float, side: float) -> Boxes:
    return np.array([[left, 10, left + side, 10 + side]], dtype=np.float32)


def object_mask(box: Boxes) -> Rle:
    left, top, right, bottom = box[0].astype(int)
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8, order="F")
    mask[top:bottom, left:right] = 1
    return coco_mask.encode(mask)


def classification(task: str, quality: float) -> dict[str, float]:
    random = np.random.default_rng(0)
    labels = np.arange(IMAGES) % CLASSES
    truth = np.eye(CLASSES)[labels]
    noise = random.dirichlet(np.ones(CLASSES), IMAGES)
    scores = (quality * truth + (1 - quality) * noise).astype(np.float32)
    if task == metric_table.MULTICLASS:
        own = log_loss(list(scores), labels, CLASS_NAMES)
        return {**multiclass_metrics(scores, labels.astype(np.int64), CLASSES), "log_loss": own}
    targets = truth.astype(np.float32)
    return {**multilabel_metrics(scores, targets), "log_loss": log_loss(list(scores), targets, CLASS_NAMES)}


def computed(quality: float) -> dict[str, dict[str, float]]:
    """By task, what its evaluations compute of predictions of this quality, 1 for perfect ones."""
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for task in metric_table.CLASSIFICATION:
        values[task] |= classification(task, quality)
    kinds: tuple[Kind, Kind] = ("box", "mask")
    for task, kind in zip(metric_table.OBJECTS, kinds, strict=True):
        for metric_type in ("voc", "coco", "coco_voc"):
            values[task] |= detection(quality, kind, metric_type)
    return values


@pytest.fixture(scope="module")
def perfect() -> dict[str, dict[str, float]]:
    return computed(1.0)


@pytest.fixture(scope="module")
def poor() -> dict[str, dict[str, float]]:
    return computed(0.2)


def test_the_table_and_the_evaluations_have_the_same_names(perfect: dict[str, dict[str, float]]) -> None:
    assert set(perfect) == {task.name for task in vistry.tasks()}
    for task, values in perfect.items():
        assert set(values) == {metric.name for metric in METRICS.values() if task in metric.tasks}, task


def test_perfect_predictions_are_at_the_good_end(perfect: dict[str, dict[str, float]]) -> None:
    for values in perfect.values():
        for name, value in values.items():
            best = METRICS[name].upper if METRICS[name].larger_is_better else METRICS[name].lower
            assert value == pytest.approx(best, abs=1e-6), name


def test_poor_predictions_are_in_range_and_worse(
    perfect: dict[str, dict[str, float]], poor: dict[str, dict[str, float]]
) -> None:
    for task, values in poor.items():
        for name, value in values.items():
            metric = METRICS[name]
            assert metric.lower <= value <= metric.upper, name
            better = perfect[task][name] > value if metric.larger_is_better else perfect[task][name] < value
            assert better, name


def test_a_surely_wrong_prediction_has_the_largest_log_loss() -> None:
    wrong = np.array([[0.0, 1.0]], dtype=np.float32)
    truth = np.array([[1.0, 0.0]], dtype=np.float32)
    upper = METRICS["log_loss"].upper
    assert upper == pytest.approx(-math.log(1e-7))
    assert log_loss(list(wrong), np.array([0]), CLASS_NAMES) == pytest.approx(upper)
    assert log_loss(list(wrong), truth, CLASS_NAMES) == pytest.approx(upper)


def test_every_primary_metric_is_in_the_table() -> None:
    for task in vistry.tasks():
        for name in task.primary_metrics:
            assert task.name in METRICS[name].tasks
            assert METRICS[name].larger_is_better  # early stopping takes the larger value for the better one
