"""The page of a multi-label run against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import vistry


@pytest.fixture
def page(page_of: Callable[..., Any], multilabel: Any) -> Any:
    return page_of(multilabel)


def test_every_class_with_its_best_threshold(page: Any) -> None:
    header, *rows = page.tables["classes"][0]
    assert header[-2:] == ["best threshold", "its F1"]
    assert rows[0][:8] == ["red", "2", "2", "0.500", "0.500", "0.500", "0.833", "0.750"]
    assert rows[1] == ["round", "2", "1", "1.000", "0.500", "0.667", "1.000", "1.000", "0.26", "1.000"]


def test_mistakes_are_of_one_class_on_one_image(page: Any) -> None:
    text = page.sections["mistakes"]
    assert "3 of 3 mistakes" in text
    assert "75.0\N{NO-BREAK SPACE}% of the images" in text
    first, second, third = (text.index(figure) for figure in ("red0.70", "round0.31", "red0.40"))
    assert first < second < third
    assert text.index("found, but not labelled") < second < text.index("labelled, but not found")
    assert "photo2.jpg" in text[:second]


def test_sections_of_the_task(page: Any) -> None:
    assert "F1 at each threshold" in page.sections["thresholds"]
    assert "round 1.000" in page.sections["curves"]
    assert "expected calibration error" in page.sections["calibration"]
    assert "confusion" not in page.sections


def test_a_class_nobody_has_and_an_image_with_nothing(page_of: Callable[..., Any], multilabel: Any) -> None:
    page = page_of(replace(multilabel, targets=np.array([[1, 0], [1, 0], [0, 0], [0, 0]], np.float32)))
    row = page.tables["classes"][0][2]
    assert row == ["round", "0", "1", "0.000", "\N{EN DASH}", "0.000", *["\N{EN DASH}"] * 4]


def test_no_mistakes(page_of: Callable[..., Any], multilabel: Any) -> None:
    page = page_of(replace(multilabel, predictions=np.abs(multilabel.targets - np.float32(0.1))))
    assert "There are none" in page.sections["mistakes"]
    assert "photo" not in page.sections["mistakes"]


def test_a_chosen_threshold_decides(
    make_run: Callable[..., Any], parsed_page: Callable[..., Any], multilabel: Any
) -> None:
    """Red at 0.9, 0.4, 0.7 and 0.1, of which the first two are right: above 0.25 one too many is."""
    run = make_run(multilabel)
    vistry.threshold(run.folder, recall=1.0, class_name="red")
    page = parsed_page(run)
    row = page.tables["classes"][0][1]
    assert row[:6] == ["red", "2", "3", "0.667", "1.000", "0.800"]
    [header, point] = page.tables["operating-points"][0]
    assert header[:4] == ["for", "wanted", "threshold", "precision"]
    assert point[:4] == ["red", "recall 1", "0.25", "0.667"]
    assert [point[5], point[7]] == ["1.000", "0.800"]
    assert "2 of 2 mistakes" in page.sections["mistakes"]
    places = [str(path["d"]) for path in page.all("path") if path.get("class") == "mark"]
    assert len([place for place in places if place.endswith("V16.0")]) == 2
