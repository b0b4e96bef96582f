"""The sections about a detector against figures worked out by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from vistry.evaluation.detection.types import Detections, GroundTruth
from vistry.report.inputs import DetectionReportInputs
from vistry.report.section import Section
from vistry.report.tasks.detection import detection_sections

DASH = "|\N{EN DASH}"
A, B, C = (0, 0, 20, 20), (30, 0, 70, 40), (10, 50, 40, 80)


def ground_truth_of(*rows: tuple[Any, ...]) -> GroundTruth:
    boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return GroundTruth(boxes, np.array([row[1] for row in rows], np.int64), np.zeros(len(rows), np.bool_), areas)


def found_of(*rows: tuple[Any, ...]) -> Detections:
    boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
    scores = np.array([row[2] for row in rows], np.float32)
    return Detections(boxes, scores, np.array([row[1] for row in rows], np.int64))


@pytest.fixture
def inputs() -> DetectionReportInputs:
    """Two images: cat A found, cat B taken for a dog, dog C found with 0.1 only; and a cat where nothing is."""
    truth = [ground_truth_of((A, 0), (B, 0)), ground_truth_of((C, 1))]
    first = found_of((A, 0, 0.9), (B, 1, 0.8), ((0, 0, 20, 16), 0, 0.5))
    second = found_of(((60, 60, 75, 75), 0, 0.7), (C, 1, 0.1))
    return DetectionReportInputs(("/gone/one.png", "/gone/two.png"), ("cat", "dog"), truth, [first, second])


@pytest.fixture
def text(section_texts: Callable[..., dict[str, str]], inputs: DetectionReportInputs) -> dict[str, str]:
    return section_texts(detection_sections(inputs))


class Text(HTMLParser):
    """The text of a page, cells and lines apart."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


@pytest.fixture
def section_texts() -> Callable[[Sequence[Section]], dict[str, str]]:
    """The text of each section by its anchor, its pieces separated by a bar."""

    def texts(sections: Sequence[Section]) -> dict[str, str]:
        by_anchor = {}
        for section in sections:
            reader = Text()
            reader.feed(section.markup())
            by_anchor[section.anchor] = "|".join(reader.parts).replace("\N{NO-BREAK SPACE}", " ")
        return by_anchor

    return texts


def test_sections(text: dict[str, str]) -> None:
    assert list(text) == ["sizes", "confusion", "misses", "false-alarms", "classes", "curves", "thresholds"]


def test_sizes(text: dict[str, str]) -> None:
    """Cats: recall .5 at precision 1. Dogs: all found, the first detection wrong. By size the class means differ."""
    sizes = text["sizes"]
    cats, dogs = 51 / 101, 0.5
    assert f"all|3|{(cats + dogs) / 2:.3f}|{(cats + dogs) / 2:.3f}|{(cats + dogs) / 2:.3f}|0.750" in sizes
    assert "small (below 32²)|2|" in sizes
    assert "medium (32² to 96²)|1|0.000|0.000|0.000|0.000" in sizes
    assert f"large (from 96²)|0{4 * DASH}" in sizes


def test_what_a_user_is_given(text: dict[str, str]) -> None:
    assert f"all|5|{(1 / 3 + 1 / 2) / 2:.3f}|0.750|0.500" in text["sizes"]
    assert f"with a score above 0.3|4|{(1 / 3 + 0) / 2:.3f}|0.250|0.250" in text["sizes"]


def test_confusion(text: dict[str, str]) -> None:
    confusion = text["confusion"]
    assert "1 of 3 objects found (33.3 %) with a score above 0.3 and an IoU of at least 0.5" in confusion
    assert "cat predicted as cat: 1 of 2 objects (50.0 %)" in confusion
    assert "cat predicted as dog: 1 of 2 objects (50.0 %)" in confusion
    assert "dog predicted as missed: 1 of 1 object (100.0 %)" in confusion
    assert "background predicted as cat: 2 of 2 objects (100.0 %)" in confusion


def test_misses(text: dict[str, str]) -> None:
    misses = text["misses"]
    assert "2 of 2 objects that no detection above 0.3 found" in misses
    assert misses.index("cat|0.00|not found") < misses.index("dog|0.10|found, but with a low score")


def test_false_alarms(text: dict[str, str]) -> None:
    alarms = text["false-alarms"]
    assert "3 of 3 false alarms with a score above 0.3" in alarms
    order = ["dog|0.80|no such object there", "cat|0.70|no such object there", "cat|0.50|found a second time"]
    assert [alarms.index(line) for line in order] == sorted(alarms.index(line) for line in order)


def test_classes(text: dict[str, str]) -> None:
    assert (
        "class|objects|found|precision|recall|AP at 0.5|AP .5 to .95|cat|2|3|0.333|0.500|0.500|0.505" in text["classes"]
    )
    assert "dog|1|1|0.000|0.000|0.500|0.500" in text["classes"]


def test_charts(text: dict[str, str]) -> None:
    assert "cat| 0.500|dog| 0.500" in text["curves"]
    assert "box_score_threshold = 0.3" in text["thresholds"]


def test_without_the_library_the_rest_stands(
    section_texts: Callable[..., dict[str, str]], inputs: DetectionReportInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hotcoco", None)
    text = section_texts(detection_sections(inputs))
    assert "pip install 'vistry[detection]'" in text["sizes"]
    assert "AP .5 to .95" not in text["classes"]
    (only,) = detection_sections(replace(inputs, kind="mask"))
    assert "pip install 'vistry[detection]'" in only.note


def test_nothing_there_and_nothing_found(section_texts: Callable[..., dict[str, str]]) -> None:
    empty = DetectionReportInputs(("/gone/one.png",), ("cat",), [ground_truth_of()], [found_of()])
    text = section_texts(detection_sections(empty))
    assert "There are none: every object was found." in text["misses"]
    assert "There are none: every detection is an object." in text["false-alarms"]
    assert f"cat|0|0{4 * DASH}" in text["classes"]
    assert "undefined: there are no objects" in text["curves"]


def test_names_are_escaped(section_texts: Callable[..., dict[str, str]], inputs: DetectionReportInputs) -> None:
    named = replace(inputs, classes=("<script>", "dog"))
    assert all("<script>" not in section.markup() for section in detection_sections(named))


@pytest.fixture
def grey(tmp_path: Path) -> str:
    Image.new("RGB", (200, 100), (128, 128, 128)).save(tmp_path / "grey.png")
    return str(tmp_path / "grey.png")


def test_the_gallery_draws_boxes_and_masks(inputs: DetectionReportInputs, grey: str) -> None:
    def masked(shapes: Any) -> Any:
        masks = []
        for x1, y1, x2, y2 in shapes.boxes.astype(int):
            mask = np.zeros((100, 200), np.uint8, order="F")
            mask[y1:y2, x1:x2] = 1
            masks.append(coco_mask.encode(mask))
        return replace(shapes, masks=masks)

    truth, detections = [masked(one) for one in inputs.ground_truth], [masked(one) for one in inputs.predictions]
    whole = replace(inputs, images=(grey, grey), ground_truth=truth, predictions=detections, kind="mask")
    by_anchor = {section.anchor: section.markup() for section in detection_sections(whole)}
    assert by_anchor["misses"].count("data:image/jpeg") == 2
    assert by_anchor["false-alarms"].count("data:image/jpeg") == 3
    boxes = {section.anchor: section.markup() for section in detection_sections(replace(whole, kind="box"))}
    assert boxes["misses"] != by_anchor["misses"]
    assert boxes["classes"] == by_anchor["classes"]
