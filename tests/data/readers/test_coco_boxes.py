"""Boxes of COCO files that contradict their own polygons or areas, and those that don't."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vistry.data.readers.coco_boxes import BoxEvidence
from vistry.data.readers.object_builder import Box

Annotation = dict[str, Any]
Write = Callable[[Box], list[float]]

WRITINGS: dict[str, Write] = {
    "right": lambda box: [box[0], box[1], box[2] - box[0], box[3] - box[1]],
    "corners": lambda box: list(box),
    "centre": lambda box: [
        (box[0] + box[2]) / 2,
        (box[1] + box[3]) / 2,
        box[2] - box[0],
        box[3] - box[1],
    ],
}
WORDS = {"corners": "two corners (x1, y1, x2, y2)", "centre": "the centre, width and height"}


def boxes(count: int = 40) -> Iterator[Box]:
    random = np.random.default_rng(3)
    for _ in range(count):
        x, y, width, height = random.uniform((20, 20, 15, 15), (300, 200, 90, 80)).tolist()
        yield x, y, x + width, y + height


def diamond(box: Box) -> list[list[float]]:
    """A polygon that touches the middle of each side: its area is half of the box's."""
    x1, y1, x2, y2 = box
    return [[x1, (y1 + y2) / 2, (x1 + x2) / 2, y1, x2, (y1 + y2) / 2, (x1 + x2) / 2, y2]]


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def found(annotations: list[Annotation]) -> list[str]:
    evidence = BoxEvidence()
    for number, annotation in enumerate(annotations, start=1):
        x, y, width, height = annotation["bbox"]
        evidence.add({"id": number, **annotation}, (x, y, x + width, y + height), number)
    return [finding.message for finding in evidence.findings(Path("a.json"))]


@pytest.mark.parametrize("writing", ["corners", "centre"])
def test_polygons_show_what_the_numbers_are(writing: str) -> None:
    (message,) = found([{"bbox": WRITINGS[writing](box), "segmentation": diamond(box)} for box in boxes()])
    assert "40 of 40 boxes differ" in message
    assert WORDS[writing] in message


def test_an_area_shows_corners() -> None:
    (message,) = found([{"bbox": list(box), "area": area(box)} for box in boxes()])
    assert WORDS["corners"] in message


@pytest.mark.parametrize(
    "facts",
    [
        lambda box: {"segmentation": diamond(box)},
        lambda box: {"segmentation": diamond(box), "area": area(box) / 2},
        lambda box: {"area": area(box)},
        lambda box: {"area": round(area(box) * 0.6), "segmentation": []},
        lambda box: {"area": 0},
        lambda box: {"segmentation": {"size": [9, 9], "counts": [81]}, "area": area(box) / 2},
        lambda box: {},
    ],
)
def test_right_boxes_are_no_finding(facts: Callable[[Box], Annotation]) -> None:
    assert found([{"bbox": WRITINGS["right"](box), **facts(box)} for box in boxes()]) == []


def test_a_few_wrong_boxes_are_no_finding() -> None:
    several = list(boxes())
    wrong = [{"bbox": list(box), "segmentation": diamond(box)} for box in several[:15]]
    right = [{"bbox": WRITINGS["right"](box), "segmentation": diamond(box)} for box in several[15:]]
    assert found(wrong + right) == []


@pytest.mark.parametrize("scale", [0.5, 2])
def test_boxes_of_another_scale_are_said_without_a_guess(scale: float) -> None:
    scaled = [[scale * number for number in WRITINGS["right"](box)] for box in boxes()]
    pairs = zip(scaled, boxes(), strict=True)
    (message,) = found([{"bbox": bbox, "segmentation": diamond(box)} for bbox, box in pairs])
    assert "look like" not in message


@pytest.mark.parametrize("segmentation", ["12", [5, 6, 7], [["a", "b"]], [None], {"counts": 3}, [[]], 7])
def test_what_is_no_polygon_says_nothing(segmentation: Any) -> None:
    assert found([{"bbox": [1, 2, 30, 40], "segmentation": segmentation, "area": 9}] * 3) == []


def test_crowds_say_nothing() -> None:
    assert found([{"bbox": list(box), "area": area(box), "iscrowd": 1} for box in boxes()]) == []


def test_a_long_file_is_sampled() -> None:
    many = [{"bbox": list(box), "segmentation": diamond(box)} for box in boxes(3_000)]
    (message,) = found(many)
    assert "1040 of 1040 boxes" in message
