"""What `evaluate_detections` reports for each metric type, and what it refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from vistry.errors import VistryError
from vistry.evaluation.detection.coco import coco_values, evaluate_coco
from vistry.evaluation.detection.metrics import DetectionProtocol, evaluate_detections

A, B = (0, 0, 10, 10), (20, 0, 30, 10)
CLASSES = ("cat", "dog")
OWN = {"mean_average_precision", "mean_average_precision_at_serving_threshold"}
MEANS = {"precision", "precision_at_serving_threshold", "recall", "recall_at_serving_threshold"}


@pytest.fixture
def image(one_image: Callable[..., Any]) -> Any:
    """Two cats: one found with 0.9, the other exactly with 0.2 and inexactly (0.7) with 0.25."""
    return one_image([(*A, 0), (*B, 0)], [(*A, 0, 0.9), (*B, 0, 0.2), (20, 0, 30, 7, 0, 0.25)])


def test_voc_before_and_after_the_serving_threshold(image: Any) -> None:
    values = evaluate_detections(*image, CLASSES, DetectionProtocol("voc", 0.75, score_threshold=0.3)).values
    assert set(values) == OWN | MEANS
    assert values["mean_average_precision"] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert values["mean_average_precision_at_serving_threshold"] == 0.5
    assert (values["precision"], values["precision_at_serving_threshold"]) == (pytest.approx(2 / 3), 1.0)
    assert (values["recall"], values["recall_at_serving_threshold"]) == (1.0, 0.5)


def test_a_score_equal_to_the_serving_threshold_is_not_served(image: Any) -> None:
    values = evaluate_detections(*image, CLASSES, DetectionProtocol("voc", score_threshold=0.25)).values
    assert values["recall_at_serving_threshold"] == 0.5


def test_coco_reports_its_precision_at_one_half(image: Any) -> None:
    metrics = evaluate_detections(*image, CLASSES, DetectionProtocol("coco", 0.75, score_threshold=0.3))
    assert metrics.voc is None
    assert metrics.values["mean_average_precision"] == 1.0
    assert metrics.values["mean_average_precision_at_serving_threshold"] == pytest.approx(51 / 101)
    assert set(metrics.values) - OWN == set(coco_values(evaluate_coco(*image, 2)))


def test_both_together_keep_the_voc_value(image: Any) -> None:
    both = evaluate_detections(*image, CLASSES, DetectionProtocol("coco_voc", 0.75, score_threshold=0.3))
    voc = evaluate_detections(*image, CLASSES, DetectionProtocol("voc", 0.75, score_threshold=0.3)).values
    assert both.values == coco_values(evaluate_coco(*image, 2)) | voc


def test_none_computes_nothing(image: Any) -> None:
    metrics = evaluate_detections(*image, CLASSES, DetectionProtocol("none"))
    assert (metrics.values, metrics.voc, metrics.coco) == ({}, None, None)


def test_masks_are_compared_as_masks(scene: Callable[..., Any]) -> None:
    every = scene(3, images=20, masks=True)
    names = [str(label) for label in range(every.classes)]
    boxes = evaluate_detections(every.truth, every.found, names, DetectionProtocol("coco_voc")).values
    masks = evaluate_detections(every.truth, every.found, names, DetectionProtocol("coco_voc", kind="mask")).values
    assert boxes["mean_average_precision"] != masks["mean_average_precision"]
    assert boxes["coco_average_precision"] != masks["coco_average_precision"]


@pytest.mark.parametrize("metric", ["voc", "coco", "coco_voc"])
def test_no_images_no_metrics(metric: str) -> None:
    assert evaluate_detections([], [], CLASSES, DetectionProtocol(metric)).values == {}


def refused(truth: Any, found: Any, metric: str = "voc", kind: Any = "box") -> str:
    with pytest.raises(VistryError) as error:
        evaluate_detections(truth, found, CLASSES, DetectionProtocol(metric, kind=kind))
    return str(error.value)


def test_an_unknown_metric_type(image: Any) -> None:
    assert refused(*image, metric="vocs") == "there is no validation_metric_type 'vocs'; did you mean 'voc'?"


def test_predictions_that_do_not_fit(image: Any) -> None:
    truth, (found,) = image
    assert refused(truth, []) == "there are predictions for 0 images and objects for 1"
    labels = "image 1: detection labels are 0 to 2, but there are 2 classes"
    assert refused(truth, [replace(found, labels=np.array([0, 1, 2]))]) == labels
    scores = replace(found, scores=np.array([0.5, np.nan, 0.1], np.float32))
    assert refused(truth, [scores]) == "image 1: a detection has a score or a box that is not a finite number"
    assert refused(truth, [found], kind="mask") == "image 1: 2 objects have 0 masks"


@pytest.mark.parametrize(("metric", "kind"), [("coco", "box"), ("coco_voc", "box"), ("voc", "mask")])
def test_without_the_library(
    scene: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, metric: str, kind: str
) -> None:
    every = scene(1, masks=True, classes=2)
    monkeypatch.setitem(sys.modules, "hotcoco", None)
    assert "pip install 'vistry[detection]'" in refused(every.truth, every.found, metric, kind)
    assert evaluate_detections(every.truth, every.found, CLASSES, DetectionProtocol("voc")).values
