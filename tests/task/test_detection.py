"""What both tasks about objects make of a detector's outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from vistry.data.masks.rle import rings_to_mask
from vistry.errors import DataError
from vistry.evaluation.detection.types import Detections, ImageDetections
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.views import ResizeInfo
from vistry.task.detection import ImageInstanceSegmentation, ImageObjectDetection, above_score_threshold, box_entries
from vistry.testing.samples import eight_rows

CLASSES = ("can", "carton")
VALUES = Hyperparameters.of(
    {"box_score_threshold": 0.3, "max_number_of_polygon_points": 100, "mask_pixel_score_threshold": 0.5}
)
NOT_MEASURED = Hyperparameters.of({"validation_metric_type": "none"})
# A network is given 50 x 100 pixels that show 100 x 200 pixels of the image: each is two wide and high.
FRAME = ResizeInfo(height=50, width=100, source_height=100, source_width=200)


def output(boxes: list[list[float]], **more: Any) -> dict[str, Any]:
    """One image's outputs, all with the label 1, with scores from 0.9 down."""
    scores = torch.linspace(0.9, 0.1, len(boxes))
    return {"boxes": torch.tensor(boxes), "scores": scores, "labels": torch.ones(len(boxes), dtype=torch.long), **more}


def test_boxes_come_back_in_pixels_of_the_image_and_end_at_its_edges() -> None:
    outputs = [output([[10, 5, 20, 15], [-4, -4, 200, 60], [100, 10, 120, 20]])]
    (detections,) = ImageObjectDetection().build_postprocess(VALUES)(outputs, [FRAME])
    # The third box lies beyond the right edge.
    np.testing.assert_array_equal(detections.boxes, [[20, 10, 40, 30], [0, 0, 200, 100]])
    np.testing.assert_allclose(detections.scores, [0.9, 0.5])
    assert detections.labels.tolist() == [1, 1]
    assert detections.masks is None


def test_arrays_of_all_images_are_split_and_their_empty_rows_left_out() -> None:
    outputs = {
        "boxes": np.array([[[0, 0, 1, 1], [0, 0, 2, 2]], [[0, 0, 3, 3], [0, 0, 4, 4]]], np.float32),
        "scores": np.array([[0.5, 0.0], [0.0, 0.25]], np.float32),
        "labels": np.array([[1, -1], [-1, 0]]),
    }
    first, second = ImageObjectDetection().build_postprocess(VALUES)(outputs, [FRAME, FRAME])
    assert (first.labels.tolist(), first.scores.tolist(), first.boxes.tolist()) == ([1], [0.5], [[0, 0, 2, 2]])
    assert (second.labels.tolist(), second.scores.tolist(), second.boxes.tolist()) == ([0], [0.25], [[0, 0, 8, 8]])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools with numpy 2
def test_masks_fill_their_boxes() -> None:
    outputs = [output([[10, 5, 20, 15]], masks=torch.ones(1, 1, 28, 28))]
    (detections,) = ImageInstanceSegmentation().build_postprocess(VALUES)(outputs, [FRAME])
    (rle,) = detections.masks
    assert rle["size"] == [100, 200]
    rows, columns = np.nonzero(coco_mask.decode(rle))
    assert abs(len(rows) - 20 * 20) <= 2 * 20 + 2 * 20 + 4
    assert (np.abs([rows.min() - 10, rows.max() - 29, columns.min() - 20, columns.max() - 39]) <= 1).all()


@pytest.fixture
def prediction(detections: Callable[..., Detections]) -> ImageDetections:
    boxes = [[0, 0, 20, 50], [20, 10, 100, 40], [0, 0, 4, 4], [0, 0, 200, 50]]
    return ImageDetections(detections(boxes, [0.31, 0.9, 0.3, 0.5], [1, 0, 0, 1]), 200, 50)


def test_a_user_is_given_what_is_above_the_threshold_the_best_first(prediction: ImageDetections) -> None:
    np.testing.assert_allclose(above_score_threshold(prediction, VALUES).scores, [0.9, 0.5, 0.31])
    response = ImageObjectDetection().response(prediction, CLASSES, VALUES)
    assert [entry["label"] for entry in response["boxes"]] == ["can", "carton", "carton"]
    assert response["boxes"][0]["box"] == {"topX": 0.1, "topY": 0.2, "bottomX": 0.5, "bottomY": 0.8}


def test_one_image_in_a_few_words(prediction: ImageDetections) -> None:
    task = ImageObjectDetection()
    assert task.summary_line(prediction, CLASSES, VALUES) == "2 carton, 1 can"
    assert task.summary_line(prediction, CLASSES, VALUES.changed({"box_score_threshold": 0.95})) == "nothing found"


@pytest.mark.parametrize(("metric_type", "measured"), [("voc", True), ("coco", True), ("none", False)])
def test_none_measures_nothing(metric_type: str, measured: bool) -> None:
    assert ImageObjectDetection().is_measured(Hyperparameters.of({"validation_metric_type": metric_type})) is measured


def test_splits_of_crowds_alone_are_refused() -> None:
    table = eight_rows("image_object_detection", 32)
    assert table.objects is not None
    crowds = replace(table, objects=replace(table.objects, crowd=np.ones(8, np.bool_)))
    bare = replace(table, objects=None)
    task, measured = ImageObjectDetection(), Hyperparameters.of({"validation_metric_type": "voc"})
    task.check(table, table, measured)
    task.check(table, crowds, NOT_MEASURED)
    for refused in (crowds, bare):
        with pytest.raises(DataError, match="none of the 8 training images has an object that isn't a crowd"):
            task.check(refused, table, NOT_MEASURED)
        with pytest.raises(DataError, match="none of the 8 validation images has an object that isn't a crowd"):
            task.check(table, refused, measured)


def test_boxes_are_fractions_of_the_image(detections: Callable[..., Detections]) -> None:
    objects = detections([[20, 10, 100, 40], [0, 0, 200, 50]], [0.5, 0.25], [1, 0])
    assert box_entries(objects, CLASSES, (200, 50)) == [
        {"box": {"topX": 0.1, "topY": 0.2, "bottomX": 0.5, "bottomY": 0.8}, "label": "carton", "score": 0.5},
        {"box": {"topX": 0.0, "topY": 0.0, "bottomX": 1.0, "bottomY": 1.0}, "label": "can", "score": 0.25},
    ]


def test_boxes_end_at_the_edges_of_the_image(detections: Callable[..., Detections]) -> None:
    (entry,) = box_entries(detections([[-3, -1, 205, 60]], [0.5], [0]), CLASSES, (200, 50))
    assert entry["box"] == {"topX": 0.0, "topY": 0.0, "bottomX": 1.0, "bottomY": 1.0}


def test_polygons_are_fractions_and_keep_to_the_limit(detections: Callable[..., Detections]) -> None:
    y, x = np.mgrid[:50, :200]
    round_one, square = np.hypot(x - 60, y - 25) < 20, (x >= 100) & (x < 140) & (y >= 10) & (y < 20)
    objects = detections([[40, 5, 80, 45], [100, 10, 140, 20]], [0.9, 0.8], [0, 1], [round_one, square])
    entries = json.loads(json.dumps(box_entries(objects, CLASSES, (200, 50), max_points=12)))
    assert [len(entry["polygon"]) for entry in entries] == [1, 1]
    assert len(entries[0]["polygon"][0]) == 2 * 12
    points = np.array(entries[1]["polygon"][0]).reshape(-1, 2)
    assert sorted(map(tuple, points.tolist())) == [(0.5, 0.2), (0.5, 0.4), (0.7, 0.2), (0.7, 0.4)]
    exact = box_entries(objects, CLASSES, (200, 50))[0]["polygon"]
    rings = [np.array(ring).reshape(-1, 2) * (200, 50) for ring in exact]
    assert np.array_equal(rings_to_mask(rings, 200, 50, even_odd=True), round_one)


@pytest.mark.parametrize("masks", [None, []])
def test_nothing_found_is_an_empty_list(detections: Callable[..., Detections], masks: Any) -> None:
    assert box_entries(detections([], [], [], masks), CLASSES, (200, 50)) == []


def test_an_empty_mask_has_an_empty_polygon(detections: Callable[..., Detections]) -> None:
    objects = detections([[1, 1, 2, 2]], [0.5], [0], [np.zeros((50, 200), dtype=bool)])
    assert box_entries(objects, CLASSES, (200, 50))[0]["polygon"] == []
