"""The page of a data set: whole in itself, escaped, bounded, and with the pictures that it says it has."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vistry.data.doctor import Diagnosis, examine
from vistry.report import data_page as module
from vistry.report.boxed_picture import row_picture
from vistry.report.data_page import data_page
from vistry.report.detection_picture import COLOURS

MULTICLASS = "image_classification"
DETECTION = "image_object_detection"
HOSTILE = "<script>throw 1<_script>&\"'"
Photo = Callable[..., Path]


def box(name: str, left: float, right: float) -> dict[str, object]:
    return {"label": name, "topX": left, "topY": 0.25, "bottomX": right, "bottomY": 0.75}


@pytest.fixture
def boxes(photo: Photo, jsonl: Callable[..., Path]) -> Diagnosis:
    """Two images with a box of each of two classes, one image that is broken, and one whose box is swapped."""
    for seed in range(4):
        photo(f"{seed}.png", seed, size=(240, 120))
    good = [box("nut", 0.1, 0.4), box(HOSTILE, 0.6, 0.9)]
    path = jsonl(("0.png", good), ("1.png", good), ("2.png", good), ("3.png", [*good, box("nut", 0.4, 0.1)]))
    (path.parent / "2.png").write_bytes(b"<html>")
    return examine(path, DETECTION)


def pictures(html: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


def share_of_colour(picture: Image.Image, kind: str) -> float:
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    return float((np.abs(pixels - COLOURS[kind]).sum(axis=2) < 90).mean())


def test_it_asks_nothing_of_the_network_and_runs_no_script_but_its_own(boxes: Diagnosis) -> None:
    html = data_page(boxes)
    assert "default-src 'none'" in unescape(html)
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert html.count("<script") == 1


def test_names_from_outside_are_escaped(boxes: Diagnosis) -> None:
    html = data_page(boxes)
    assert HOSTILE not in html
    assert "&lt;script&gt;throw 1&lt;_script&gt;&amp;" in html


def test_it_counts_and_measures(boxes: Diagnosis) -> None:
    html = data_page(boxes)
    for words in ("Sizes of images", "Aspect of a box", "Objects in an image", "training: about 2 images"):
        assert words in html
    assert re.search(r"<title>[\d.]+ to [\d.]+: 6 boxes</title>", html)


def test_pictures_of_a_class_have_its_boxes_in_another_colour(boxes: Diagnosis) -> None:
    table = boxes.table
    label = table.classes.index("nut")
    drawn = row_picture(table, 0, label)
    assert drawn is not None
    (picture,) = pictures(f'src="{drawn.uri}"')
    left, right = picture.crop((0, 0, 120, 120)), picture.crop((120, 0, 240, 120))
    assert share_of_colour(left, "predicted") > 5 * share_of_colour(right, "predicted")
    assert share_of_colour(right, "true") > 0


def test_findings_have_the_pictures_they_are_about(boxes: Diagnosis) -> None:
    findings = data_page(boxes).partition('id="findings"')[2].partition("</section>")[0]
    assert "image-unreadable" in findings
    assert "no picture: " in findings  # of the broken file
    assert "box-swapped" in findings
    assert len(pictures(findings)) >= 1


def test_the_same_pictures_are_drawn_each_time_and_only_a_few(class_folders: Path) -> None:
    diagnosis = examine(class_folders, MULTICLASS)
    html = data_page(diagnosis)
    assert html == data_page(diagnosis)
    assert len(pictures(html)) == 2 * module.MOST_OF_CLASS


def test_pictures_stay_within_their_budget(class_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PICTURE_BUDGET", 10_000)
    html = data_page(examine(class_folders, MULTICLASS))
    assert 0 < sum(map(len, re.findall(r"base64,[^\"]+", html))) <= 10_000


def test_data_of_which_nothing_is_usable(tmp_path: Path, photo: Photo) -> None:
    (photo("cat/hollow.png").parent / "hollow.png").write_bytes(b"")
    html = data_page(examine(tmp_path, MULTICLASS))
    assert "data-empty" in html
