"""Objects in JSON Lines."""

from __future__ import annotations

import pytest
from vistry.data.doctor import examine

DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"topX": 0.1}, "object 1: no 'label' among topX"),
        ({"label": "nut", "topX": 0.1}, "object 1: the box has no topY, bottomX, bottomY"),
        ({"label": None}, "object 1: the label is null, not text or an integer"),
        ({"label": "nut", "isCrowd": "maybe"}, "object 1: 'isCrowd' is 'maybe', not 0 or 1"),
        ({"label": "nut", "polygon": 3}, "object 1: the polygon 3 is not a list of lists of numbers"),
        ({"label": "nut", "polygon": [[0.1, 0.2]]}, "object 1: the polygon has 1 point(s), at least 3 are needed"),
    ],
)
def test_a_bad_object_of_a_line_costs_itself(jsonl, photo, item, message, boxes, messages):
    photo("a.jpg", size=(40, 20))
    good = {"label": "nut", "topX": "0.25", "topY": 0.1, "bottomX": 0.5, "bottomY": 0.5, "isCrowd": "false"}
    diagnosis = examine(jsonl(("a.jpg", [item, good])), DETECTION)
    assert boxes(diagnosis.table) == [("nut", [10, 2, 20, 10])]
    assert messages(diagnosis)[0] == message
    assert diagnosis.findings[0].line == 1


def test_an_inner_ring_of_a_line_is_a_hole(jsonl, photo, masks_of_row, boxes):
    photo("a.jpg", size=(40, 40))
    rings = [[0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9], [0.25, 0.25, 0.5, 0.25, 0.5, 0.5, 0.25, 0.5]]
    table = examine(jsonl(("a.jpg", [{"label": "nut", "polygon": rings}])), SEGMENTATION).table
    assert masks_of_row(table, 0).sum() == 32 * 32 - 10 * 10
    assert boxes(table) == [("nut", [4, 4, 36, 36])]
