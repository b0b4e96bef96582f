"""The page of a multi-class run against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image


@pytest.fixture
def page(page_of: Callable[..., Any], multiclass: Any) -> Any:
    return page_of(multiclass)


def test_headline(page: Any) -> None:
    top = page.sections["top"]
    assert "tiny completed" in top
    assert "Image classification: one label for each image" in top
    assert "accuracy0.6667" in top
    assert "3 of 3epoch 2 was the best" in top
    assert "images to train406 to validate, 3 classes" in top
    assert "all epochs are done" in top


def test_every_class(page: Any) -> None:
    header, *rows = page.tables["classes"][0]
    assert header == ["class", "images", "predicted", "precision", "recall", "F1", "AP", "AUC"]
    assert rows[0] == ["ant", "2", "2", "0.500", "0.500", "0.500", "0.583", "0.750"]
    assert rows[1][:6] == ["bee", "2", "3", "0.667", "1.000", "0.800"]
    assert rows[2][:6] == ["cat", "2", "1", "1.000", "0.500", "0.667"]


def test_confusion_matrix(page: Any) -> None:
    text = page.sections["confusion"].replace("\N{NO-BREAK SPACE}", " ")
    assert "4 of 6 images right (66.7 %; 95 % confidence interval 30.0 % to 90.3 %)" in text
    assert "ant predicted as ant: 1 of 2 images (50.0 %)" in text
    assert "bee predicted as bee: 2 of 2 images (100.0 %)" in text
    assert "cat predicted as ant: 1 of 2 images (50.0 %)" in text
    assert "ant predicted as cat" not in text
    assert page.tables["confusion"][0][1:] == [["ant", "bee", "1 of 2"], ["cat", "ant", "1 of 2"]]


def test_the_surest_mistake_comes_first(page: Any) -> None:
    text = page.sections["mistakes"]
    assert "2 of 2 mistakes" in text
    assert text.index("ant0.92") < text.index("cat0.03") < text.index("bee0.55") < text.index("ant0.30")
    assert "photo5.jpg" in text


def test_calibration_and_curves(page: Any) -> None:
    assert "expected calibration error 0.337" in page.sections["calibration"]
    assert "ant 0.750" in page.sections["curves"]
    assert "ant 0.583" in page.sections["curves"]


def test_training(page: Any) -> None:
    text = page.sections["training"]
    assert "best: epoch 2" in text
    assert "training: 0.5 at 2" in text
    assert "learning rate: 0.01 at 1" in text


def test_metrics(page: Any) -> None:
    assert "accuracy0.6667" in page.sections["metrics"]
    rows = {row[0]: row[1:] for row in page.tables["metrics"][0]}
    assert rows["recall"] == ["0.6667", "0.6667", "0.6667"]
    assert rows["precision"][0] == f"{(1 / 2 + 2 / 3 + 1) / 3:.4f}"


def test_hyperparameters_set_by_the_user_come_first(page: Any) -> None:
    own, defaults = page.tables["hyperparameters"]
    assert own[1:] == [["learning_rate set", "0.01", "the command line"]]
    assert defaults[1:] == [["number_of_epochs ", "3", "tables/model_agnostic.toml:12"]]


def test_timings(page: Any) -> None:
    text = page.sections["timings"]
    assert "an epoch's training3 s (median; 2 s to 4 s)" in text
    assert "in all10s" in text
    assert "training images per second13" in text
    assert "bf16 (the processor has it)" in text
    assert "none: trained from scratch" in text


def test_data(page_of: Callable[..., Any], multiclass: Any) -> None:
    finding = {"check": "few", "severity": "warning", "message": "few ants", "remedy": "add some", "line": 3}
    counts = {"images": 3, "classes": {"ant": 3}, "splits": {"train": 3}}
    of_data = {"path": "a", "task": "image_classification", "format": "jsonl", **counts}
    findings = {
        "schema": 1,
        "diagnoses": [
            {
                **of_data,
                "findings": [finding | {"file": "a/b/c.jsonl"}],
                "quarantined": [{"image": "a/b/c.jpg", "reason": "cut short", "check": "image-cut"}],
            },
            {**of_data, "findings": None, "quarantined": "?"},
            "nonsense",
        ],
    }
    page = page_of(replace(multiclass, findings=findings))
    classes, left_out, remarks = page.tables["data"]
    assert classes[1:] == [["ant", "7", "2"], ["bee", "7", "2"], ["cat", "7", "2"]]
    assert left_out[1:] == [["b/c.jpg", "cut short"]]
    assert remarks[1:] == [["warning", "few ants", "b/c.jsonl:3", "add some"]]
    assert "1 image left out" in page.sections["data"]


@pytest.mark.parametrize("findings", [None, [], "text", {"schema": 1}, {"findings": [], "quarantined": []}])
def test_odd_findings_are_none(page_of: Callable[..., Any], multiclass: Any, findings: Any) -> None:
    assert "No image was left out." in page_of(replace(multiclass, findings=findings)).sections["data"]


def test_pictures_are_small_and_inside_the_page(page_of: Callable[..., Any], multiclass: Any, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for path in paths:
        Image.new("RGB", (1000, 500), "teal").save(path)
    paths[1].write_bytes(b"not an image")
    page = page_of(replace(multiclass, images=[str(path) for path in paths]))
    (picture,) = page.all("img")
    assert picture["src"].startswith("data:image/jpeg;base64,")
    assert (picture["width"], picture["height"]) == ("240", "120")
    assert "no picture: 1.png" in page.sections["mistakes"]


def test_of_two_classes_the_one_that_passes_its_threshold_is_predicted(
    make_run: Callable[..., Any], parsed_page: Callable[..., Any], multiclass: Any
) -> None:
    """Four images whose probability of bee is 0.9, 0.45, 0.6 and 0.2; the first two are bees."""
    bee = np.array([0.9, 0.45, 0.6, 0.2], np.float32)
    predictions = np.stack([1 - bee, bee], axis=1)
    two = replace(multiclass, classes=("ant", "bee"), images=multiclass.images[:4])
    run = make_run(replace(two, predictions=predictions, targets=np.array([1, 1, 0, 0])))
    vistry.threshold(run.folder, recall=1.0, class_name="bee")
    rows = parsed_page(run).tables["classes"][0]
    assert rows[2][:5] == ["bee", "2", "3", "0.667", "1.000"]
    assert rows[1][:5] == ["ant", "2", "1", "1.000", "0.500"]
