"""The list of labels that are probably wrong, of each task, and its pictures; without a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vistry.data.doctor import examine
from vistry.datasets import data_report, suspect_labels
from vistry.evaluation.detection.types import Detections, GroundTruth, ImageDetections
from vistry.hyperparameter.schema import schema_of
from vistry.registry.catalogue import Catalogue
from vistry.report.label_issue_section import label_issue_section
from vistry.runs.label_issues import LabelIssue, LabelIssues, read_label_issues, write_label_issues
from vistry.sweep.folds.folder import FoldImage
from vistry.sweep.folds.labels import label_issues
from vistry.sweep.folds.predictions import Unseen
from vistry.task import behaviour_of

Photo = Callable[..., Path]
BOX = (10.0, 10.0, 40.0, 40.0)


def unseen(task: str, images: Sequence[Path], values: Sequence[Any], targets: Any) -> Unseen:
    hyperparameters = schema_of(Catalogue.read(), None, task).resolve([])
    return Unseen(
        task=behaviour_of(task),
        classes=("bolt", "nut"),
        hyperparameters=hyperparameters,
        images=tuple(FoldImage(image=str(path), fold=1, where=f"a.csv:{row}") for row, path in enumerate(images, 1)),
        values=tuple(values),
        targets=targets,
        folds={1: {}},
    )


def test_multilabel_names_the_label_that_lacks_and_the_one_too_many(photo: Photo) -> None:
    images = [photo(f"{seed}.png", seed) for seed in range(6)]
    truth = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [1, 0], [0, 1]], dtype=np.float32)
    probabilities = np.where(truth > 0, 0.9, 0.1).astype(np.float32)
    probabilities[4, 0], probabilities[3, 1] = 0.02, 0.95
    found = label_issues(unseen("image_classification_multilabel", images, list(probabilities), truth)).issues
    assert [(one.kind, one.given, one.suggested, one.where) for one in found] == [
        ("mistaken", "bolt", "", "a.csv:5"),
        ("unlabelled", "", "nut", "a.csv:4"),
    ]


def test_an_object_that_nobody_annotated_is_drawn(photo: Photo) -> None:
    images = [photo(f"{seed}.png", seed, size=(64, 64)) for seed in range(5)]
    boxes, none = np.array([BOX], np.float32), np.zeros((0, 4), np.float32)
    detected = Detections(boxes, np.array([0.9], np.float32), np.array([1]))
    truths = [
        GroundTruth(
            kept,
            np.ones(len(kept), np.int64),
            crowd=np.zeros(len(kept), bool),
            areas=np.full(len(kept), 900, np.float32),
        )
        for kept in (boxes, boxes, boxes, boxes, none)
    ]
    values = [ImageDetections(detected, 64, 64)] * 5
    found = label_issues(unseen("image_object_detection", images, values, truths))
    (only,) = found.issues
    assert (only.image, only.kind, only.suggested, only.box) == (str(images[4]), "missing", "nut", BOX)
    html = label_issue_section(found).markup()
    assert html.count("data:image/jpeg") == 1
    assert "an object that nobody annotated?" in html


def issue(image: Path, given: str, suggested: str) -> LabelIssue:
    return LabelIssue(
        image=str(image), where=str(image), kind="mislabelled", given=given, suggested=suggested, suspicion=0.5, fold=1
    )


@pytest.fixture
def folds(class_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of two labels of the data, one of which was mended since, and one of an image that is gone."""
    folder = tmp_path_factory.mktemp("folds")
    wrong = issue(class_folders / "cat" / "01.jpg", "cat", "<b>dog")
    mended = issue(class_folders / "cat" / "03.jpg", "dog", "cat")
    gone = issue(class_folders / "cat" / "99.jpg", "cat", "dog")
    found = LabelIssues(task="image_classification", images=24, issues=(wrong, mended, gone))
    write_label_issues(folder, found)
    assert read_label_issues(folder) == found
    return folder


def test_the_doctor_shows_what_is_still_wrong(class_folders: Path, folds: Path, tmp_path: Path) -> None:
    diagnosis = examine(class_folders, "image_classification")
    suspects = suspect_labels(diagnosis, folds)
    assert [Path(one.image).name for one in suspects.labels.issues] == ["01.jpg"]
    assert suspects.gone == "2 others of the list changed since, or isn't in this data."
    html = data_report(diagnosis, tmp_path / "page.html", folds=folds).read_text()
    section = html[html.index('id="labels"') :]
    assert "&lt;b&gt;dog" in section
    assert "<b>dog" not in section
    assert "Labels that are probably wrong" not in data_report(diagnosis, tmp_path / "b.html").read_text()
