"""The sections about a detector against figures worked out by hand."""

from __future__ import annotations

import base64
import io
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
from vistry.report.detection_picture import COLOURS, Outline, object_picture
from vistry.report.inputs import DetectionReportInputs
from vistry.report.section import Section
from vistry.report.tasks.detection import detection_sections

DASH = "|\N{EN DASH}"
A, B, C = (0, 0, 20, 20), (30, 0, 70, 40), (10, 50, 40, 80)


def truth_of(*rows: tuple[Any, ...]) -> GroundTruth:
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
    truth = [truth_of((A, 0), (B, 0)), truth_of((C, 1))]
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
        found = {}
        for section in sections:
            reader = Text()
            reader.feed(section.markup())
            found[section.anchor] = "|".join(reader.parts).replace("\N{NO-BREAK SPACE}", " ")
        return found

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
    empty = DetectionReportInputs(("/gone/one.png",), ("cat",), [truth_of()], [found_of()])
    text = section_texts(detection_sections(empty))
    assert "There are none: every object was found." in text["misses"]
    assert "There are none: every detection is an object." in text["false-alarms"]
    assert f"cat|0|0{4 * DASH}" in text["classes"]
    assert "undefined: there are no objects" in text["curves"]


def test_names_are_escaped(section_texts: Callable[..., dict[str, str]], inputs: DetectionReportInputs) -> None:
    named = replace(inputs, classes=("<script>", "dog"))
    assert all("<script>" not in section.markup() for section in detection_sections(named))


def pixels_of(uri: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB")).astype(int)


def near(pixels: Any, colour: tuple[int, int, int]) -> Any:
    return np.abs(pixels - colour).max(axis=2) < 60


@pytest.fixture
def grey(tmp_path: Path) -> str:
    Image.new("RGB", (200, 100), (128, 128, 128)).save(tmp_path / "grey.png")
    return str(tmp_path / "grey.png")


def test_a_box_is_drawn_where_it_is(grey: str) -> None:
    """The region is 48 pixels wide and starts at (76, 26): a pixel is drawn with 5."""
    picture = object_picture(grey, (90, 40, 110, 60), [Outline((90, 40, 110, 60), "true")])
    assert picture is not None
    drawn = near(pixels_of(picture.uri), COLOURS["true"])
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    assert (picture.width, picture.height) == (240, 240)
    assert np.abs(np.array([rows[0], rows[-1], columns[0], columns[-1]]) - [70, 169, 70, 169]).max() <= 2
    assert not drawn[80:160, 80:160].any()


def test_a_region_stays_in_the_image(grey: str) -> None:
    picture = object_picture(grey, (0, 0, 20, 20), [Outline((0, 0, 20, 20), "predicted")])
    assert picture is not None
    drawn = near(pixels_of(picture.uri), COLOURS["predicted"])
    assert drawn[:, 97:101].any()
    assert not drawn[:, 110:].any()


def test_an_object_larger_than_the_image_is_high(grey: str) -> None:
    picture = object_picture(grey, (0, 0, 200, 100), [Outline((0, 0, 200, 100), "true")])
    assert picture is not None
    pixels = pixels_of(picture.uri)
    assert pixels[:50].max() < 60
    assert near(pixels, COLOURS["true"]).any()


def test_a_mask_is_shaded(grey: str) -> None:
    mask = np.zeros((100, 200), np.bool_)
    mask[45:55, 95:105] = True
    picture = object_picture(grey, (90, 40, 110, 60), [Outline((90, 40, 110, 60), "predicted", mask)])
    assert picture is not None
    pixels = pixels_of(picture.uri)
    assert pixels[120, 120, 0] > pixels[120, 120, 2] + 30
    assert np.abs(pixels[85, 85] - 128).max() < 20


def test_no_picture_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert object_picture(str(tmp_path / "broken.png"), A, []) is None
    assert object_picture(str(tmp_path / "gone.png"), A, []) is None


def test_the_gallery_draws_boxes_and_masks(inputs: DetectionReportInputs, grey: str) -> None:
    def masked(shapes: Any) -> Any:
        masks = []
        for x1, y1, x2, y2 in shapes.boxes.astype(int):
            mask = np.zeros((100, 200), np.uint8, order="F")
            mask[y1:y2, x1:x2] = 1
            masks.append(coco_mask.encode(mask))
        return replace(shapes, masks=masks)

    truth, found = [masked(one) for one in inputs.ground_truth], [masked(one) for one in inputs.predictions]
    whole = replace(inputs, images=(grey, grey), ground_truth=truth, predictions=found, kind="mask")
    by_anchor = {section.anchor: section.markup() for section in detection_sections(whole)}
    assert by_anchor["misses"].count("data:image/jpeg") == 2
    assert by_anchor["false-alarms"].count("data:image/jpeg") == 3
    boxes = {section.anchor: section.markup() for section in detection_sections(replace(whole, kind="box"))}
    assert boxes["misses"] != by_anchor["misses"]
    assert boxes["classes"] == by_anchor["classes"]
