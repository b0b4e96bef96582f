"""The hosted product's schema."""

from __future__ import annotations

import json

import numpy as np
import pytest
from vistry.data.masks.rle import mask_of_rings
from vistry.task.detection import box_entries

CLASSES = ("can", "carton")


def test_boxes_are_fractions_of_the_image(detections):
    found = detections([[20, 10, 100, 40], [0, 0, 200, 50]], [0.5, 0.25], [1, 0])
    assert box_entries(found, CLASSES, (200, 50)) == [
        {"box": {"topX": 0.1, "topY": 0.2, "bottomX": 0.5, "bottomY": 0.8}, "label": "carton", "score": 0.5},
        {"box": {"topX": 0.0, "topY": 0.0, "bottomX": 1.0, "bottomY": 1.0}, "label": "can", "score": 0.25},
    ]


def test_boxes_end_at_the_edges_of_the_image(detections):
    (entry,) = box_entries(detections([[-3, -1, 205, 60]], [0.5], [0]), CLASSES, (200, 50))
    assert entry["box"] == {"topX": 0.0, "topY": 0.0, "bottomX": 1.0, "bottomY": 1.0}


def test_polygons_are_fractions_and_keep_to_the_limit(detections):
    y, x = np.mgrid[:50, :200]
    round_one, square = np.hypot(x - 60, y - 25) < 20, (x >= 100) & (x < 140) & (y >= 10) & (y < 20)
    found = detections([[40, 5, 80, 45], [100, 10, 140, 20]], [0.9, 0.8], [0, 1], [round_one, square])
    entries = json.loads(json.dumps(box_entries(found, CLASSES, (200, 50), max_points=12)))
    assert [len(entry["polygon"]) for entry in entries] == [1, 1]
    assert len(entries[0]["polygon"][0]) == 2 * 12
    points = np.array(entries[1]["polygon"][0]).reshape(-1, 2)
    assert sorted(map(tuple, points.tolist())) == [(0.5, 0.2), (0.5, 0.4), (0.7, 0.2), (0.7, 0.4)]
    exact = box_entries(found, CLASSES, (200, 50))[0]["polygon"]
    rings = [np.array(ring).reshape(-1, 2) * (200, 50) for ring in exact]
    assert np.array_equal(mask_of_rings(rings, 200, 50, even_odd=True), round_one)


@pytest.mark.parametrize("masks", [None, []])
def test_nothing_found_is_an_empty_list(detections, masks):
    assert box_entries(detections([], [], [], masks), CLASSES, (200, 50)) == []


def test_an_empty_mask_has_an_empty_polygon(detections):
    found = detections([[1, 1, 2, 2]], [0.5], [0], [np.zeros((50, 200), dtype=bool)])
    assert box_entries(found, CLASSES, (200, 50))[0]["polygon"] == []
