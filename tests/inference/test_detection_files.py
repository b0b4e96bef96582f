"""Where drawings of detections go: each in a folder as its image lies."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from vistry.inference import detection_files
from vistry.inference.detection_files import DetectionFiles
from vistry.inference.predictor import Prediction
from vistry.task import behaviour_of


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The names of the drawings of images at these places, which are made first."""
    predictor: Any = SimpleNamespace(
        task=behaviour_of("image_object_detection"), hyperparameters=None, classes=("a",), thresholds=None
    )
    monkeypatch.setattr(detection_files, "ImageDetections", str)
    monkeypatch.setattr(detection_files, "above_score_threshold", lambda values, hyperparameters, thresholds: values)
    monkeypatch.setattr(
        detection_files,
        "write_drawing",
        lambda path, pixels, detections, classes: (path.parent.mkdir(parents=True, exist_ok=True), path.touch()),
    )
    monkeypatch.chdir(tmp_path)

    def draw(*places: str) -> list[str]:
        images = [Path(place) for place in places]
        for image in images:
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8)).save(image)
        written = DetectionFiles.of(predictor, tmp_path / "drawn", None, images=images)
        for image in images:
            written.write(Prediction(str(image), "detections"))
        assert written.summary() == [f"{len(places)} drawings in {tmp_path / 'drawn'}"]
        found = (tmp_path / "drawn").rglob("*.jpg")
        return sorted(str(path.relative_to(tmp_path / "drawn")) for path in found)

    return draw


@pytest.mark.parametrize(
    ("images", "names"),
    [
        (["a/1.png", "b/1.png"], ["a/1.jpg", "b/1.jpg"]),
        (["photos/a/1.png", "photos/b/c/1.png", "photos/2.png"], ["2.jpg", "a/1.jpg", "b/c/1.jpg"]),
        (["photos/1.png"], ["1.jpg"]),
        (["1.png", "1.bmp", "1-2.png"], ["1-2-2.jpg", "1-2.jpg", "1.jpg"]),
        (["a/1.png", "a/1.PNG", "A/1.png"], ["A/1-3.jpg", "a/1-2.jpg", "a/1.jpg"]),
        (["./a/../a/1.png", "b/1.png"], ["a/1.jpg", "b/1.jpg"]),
    ],
)
def test_drawings_keep_the_folders_of_their_images(drawn: Any, images: list[str], names: list[str]) -> None:
    assert drawn(*images) == names


def test_absolute_and_relative_places_have_one_top(drawn: Any, tmp_path: Path) -> None:
    assert drawn("a/1.png", os.fspath(tmp_path / "b" / "1.png")) == ["a/1.jpg", "b/1.jpg"]
