"""All of COCO's numbers against pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from vistry.evaluation.detection.coco import SIZES, coco_values, evaluate_coco

NAMES = [
    "coco_average_precision",
    "coco_average_precision_50",
    "coco_average_precision_75",
    "coco_average_precision_small",
    "coco_average_precision_medium",
    "coco_average_precision_large",
    "coco_average_recall_1",
    "coco_average_recall_10",
    "coco_average_recall_100",
    "coco_average_recall_small",
    "coco_average_recall_medium",
    "coco_average_recall_large",
]


def reference(scene: Any, kind: str) -> COCOeval:
    """The scene evaluated by pycocotools, from its JSON format."""
    images = [{"id": row + 1, "width": 160, "height": 160} for row in range(len(scene.truth))]
    categories = [{"id": label + 1, "name": str(label)} for label in range(scene.classes)]
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for row, (truth, found) in enumerate(zip(scene.truth, scene.found, strict=True)):
        for index, (x1, y1, x2, y2) in enumerate(truth.boxes.tolist()):
            annotation = {"id": len(annotations) + 1, "image_id": row + 1, "category_id": int(truth.labels[index]) + 1}
            annotation |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": float(truth.areas[index])}
            shape = {"segmentation": truth.masks[index]} if kind == "mask" else {}
            annotations.append({**annotation, **shape, "iscrowd": int(truth.crowd[index])})
        for index, (x1, y1, x2, y2) in enumerate(found.boxes.tolist()):
            result = {"image_id": row + 1, "category_id": int(found.labels[index]) + 1}
            place = {"bbox": [x1, y1, x2 - x1, y2 - y1]} if kind == "box" else {"segmentation": found.masks[index]}
            results.append({**result, **place, "score": float(found.scores[index])})
    with contextlib.redirect_stdout(io.StringIO()):
        truth_set = COCO()
        truth_set.dataset = {"images": images, "categories": categories, "annotations": annotations}
        truth_set.createIndex()
        found_set = truth_set.loadRes(results) if results else COCO()
        evaluation = COCOeval(truth_set, found_set, "bbox" if kind == "box" else "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def compare(scene: Any, kind: str) -> None:
    expected = reference(scene, kind)
    result = evaluate_coco(scene.truth, scene.found, scene.classes, kind)
    assert np.array_equal(result.precision, expected.eval["precision"])
    assert np.array_equal(result.recall, expected.eval["recall"])
    values = coco_values(result)
    assert [values.get(name, -1.0) for name in NAMES] == pytest.approx(expected.stats.tolist(), abs=1e-12)


@pytest.mark.parametrize("kind", ["box", "mask"])
@pytest.mark.parametrize("seed", range(10))
def test_twelve_numbers(scene: Callable[..., Any], seed: int, kind: str) -> None:
    compare(scene(seed, images=12, masks=kind == "mask"), kind)


@settings(max_examples=60)
@given(st.integers(0, 2**31), st.integers(1, 8), st.integers(1, 4), st.sampled_from([1, 2, 50]))
def test_twelve_numbers_of_any_boxes(
    scene: Callable[..., Any], seed: int, images: int, classes: int, scores: int
) -> None:
    compare(scene(seed, images, classes, scores=scores), "box")


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.integers(1, 4), st.sampled_from([1, 3]))
def test_twelve_numbers_of_any_masks(scene: Callable[..., Any], seed: int, images: int, scores: int) -> None:
    compare(scene(seed, images, 2, scores=scores, masks=True), "mask")


def test_the_scenes_are_not_trivial(scene: Callable[..., Any]) -> None:
    every = scene(1, images=60)
    values = coco_values(evaluate_coco(every.truth, every.found, every.classes))
    assert set(values) == set(NAMES)
    assert all(0.05 < value < 0.95 for value in values.values())
    assert sum(truth.crowd.sum() for truth in every.truth) > 10
    assert any(not len(truth.labels) for truth in every.truth)
    assert any(not len(found.labels) for found in every.found)


def test_more_than_a_hundred_detections(one_image: Callable[..., Any]) -> None:
    far = [(100.0, 100.0, 110.0 + index / 100, 110.0, 0, 0.9) for index in range(100)]
    truth, found = one_image([(0, 0, 10, 10, 0)], [*far, (0, 0, 10, 10, 0, 0.5)])
    assert evaluate_coco(truth, found, 1).average_recall() == 0.0


def test_sizes_and_classes_by_hand(one_image: Callable[..., Any]) -> None:
    objects = [(0, 0, 10, 10, 0), (20, 20, 70, 70, 0), (0, 0, 10, 10, 1)]
    truth, found = one_image(objects, [(0, 0, 10, 10, 0, 0.9)])
    result = evaluate_coco(truth, found, 2)
    small, medium = result.average_precision(size="small", label=0), result.average_precision(size="medium", label=0)
    assert (small, medium) == pytest.approx((1.0, 0.0))
    assert result.average_precision(size="large") is None
    assert result.average_precision(label=0) == pytest.approx(51 / 101)
    assert result.average_precision(label=1) == 0.0
    assert result.average_precision(0.5) == pytest.approx(51 / 202)
    assert result.average_recall(label=0) == 0.5
    assert SIZES == ("all", "small", "medium", "large")


@pytest.mark.parametrize("crowd", [(), (0,)])
def test_without_objects_nothing_is_defined(one_image: Callable[..., Any], crowd: tuple[int, ...]) -> None:
    truth, found = one_image([(0, 0, 10, 10, 0)] if crowd else [], [(0, 0, 10, 10, 0, 0.9)], crowd)
    assert coco_values(evaluate_coco(truth, found, 1)) == {}


def test_without_detections_all_is_zero(one_image: Callable[..., Any]) -> None:
    truth, found = one_image([(0, 0, 10, 10, 0)], [])
    values = coco_values(evaluate_coco(truth, found, 1))
    assert set(values.values()) == {0.0}
    assert "coco_average_precision_large" not in values
