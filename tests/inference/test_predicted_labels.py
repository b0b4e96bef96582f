"""Predictions written as labels: in every format, read back as a training would, and as the tools themselves read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import vistry
from click.testing import CliRunner, Result
from vistry.cli import main
from vistry.data.formats import Formats
from vistry.data.masks.rle import object_mask
from vistry.data.table import Table
from vistry.evaluation.detection.types import ImageDetections
from vistry.inference.predictor import Prediction, Predictor
from vistry.task import behaviour_of

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"
DETECTION, SEGMENTATION = "image_object_detection", "image_instance_segmentation"
CLASSES = ("cat & co", "dog", "never seen")
SIZE = (40, 30)
FORMATS = Formats.of(None)
CASES = [
    (task, name)
    for task in (MULTICLASS, MULTILABEL, DETECTION, SEGMENTATION)
    for name in FORMATS.written()
    if task in FORMATS.by_name[name].tasks and (task, name) != (SEGMENTATION, "voc")
]


class Fake(Predictor):
    """A predictor that says of an image what `answers` has for its name, and of others that they can't be read."""

    def __init__(self, folder: Path, task: str, answers: dict[str, Any], thresholds: Any = None):
        self.name = "a_run"
        self.folder = folder / "a_run"
        self.task = behaviour_of(task)
        self.classes = CLASSES
        self.answers = answers
        self.thresholds = thresholds
        values = {"box_score_threshold": 0.3, "max_number_of_polygon_points": 100, "export_as_image": False}
        self.hyperparameters: Any = SimpleNamespace(warnings=[], **values)

    def predict(self, images: Any, batch_size: int | None = None) -> Iterator[Prediction]:
        for image in map(str, images):
            values = self.answers.get(Path(image).name)
            yield Prediction(image, values, None if values is not None else f"{image} is empty")


@pytest.fixture
def answers(detections: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """Of three images by task: two things, one, and nothing above a threshold; then what is below it or too much."""

    def found(*rows: tuple[list[float], float, int], masks: bool) -> ImageDetections:
        boxes, scores, labels = ([row[at] for row in rows] for at in range(3))
        drawn = [blob(box) for box in boxes] if masks else None
        return ImageDetections(detections(boxes, scores, labels, drawn), *SIZE)

    def objects(masks: bool) -> dict[str, ImageDetections]:
        first = ([1.25, 2.5, 11.75, 20.5], 0.5, 0), ([20.0, 3.0, 39.0, 29.0], 0.875, 1), ([0.0, 0.0, 9.0, 9.0], 0.25, 1)
        return {
            "a 1.png": found(*first, masks=masks),
            "b.png": found(([3.0, 4.0, 30.5, 25.0], 0.75, 0), masks=masks),
            "c.png": found(([3.0, 4.0, 30.5, 25.0], 0.125, 0), masks=masks),
        }

    def probabilities(*rows: list[float]) -> dict[str, Any]:
        return dict(zip(("a 1.png", "b.png", "c.png"), np.asarray(rows, dtype=np.float32), strict=True))

    return {
        MULTICLASS: probabilities([0.25, 0.625, 0.125], [0.5, 0.25, 0.25], [0.375, 0.375, 0.25]),
        MULTILABEL: probabilities([0.75, 0.625, 0.125], [0.875, 0.25, 0.25], [0.375, 0.375, 0.25]),
        DETECTION: objects(masks=False),
        SEGMENTATION: objects(masks=True),
    }


def blob(box: list[float]) -> np.ndarray[Any, Any]:
    """Two parts in a box, the right one with a hole."""
    x1, y1, x2, y2 = map(int, box)
    mask = np.zeros(SIZE[::-1], dtype=bool)
    mask[y1:y2, x1:x2] = True
    mask[:, (x1 + x2) // 2] = False
    mask[y1 + 2, x2 - 2] = False
    return mask


BOXES = {
    "a 1.png": [("cat & co", 1.25, 2.5, 11.75, 20.5), ("dog", 20, 3, 39, 29)],
    "b.png": [("cat & co", 3, 4, 30.5, 25)],
    "c.png": [],
}
LABELS = {
    MULTICLASS: {"a 1.png": ["dog"], "b.png": ["cat & co"], "c.png": ["cat & co"]},
    MULTILABEL: {"a 1.png": ["cat & co", "dog"], "b.png": ["cat & co"], "c.png": []},
}


def expected(task: str) -> dict[str, list[Any]]:
    if task == DETECTION:
        return {name: list(boxes) for name, boxes in BOXES.items()}
    if task == SEGMENTATION:
        return {name: [(label, int(blob(box).sum())) for label, *box in boxes] for name, boxes in BOXES.items()}
    return {name: list(labels) for name, labels in LABELS[task].items()}


def content(table: Table, task: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row, image in enumerate(table.images):
        labels: list[Any] = []
        for at in range(int(table.label_starts[row]), int(table.label_starts[row + 1])):
            name = table.classes[table.labels[at]]
            if task == DETECTION:
                assert table.objects is not None
                labels.append((name, *np.round(table.objects.boxes[at].astype(float), 5).tolist()))
            else:
                labels.append((name, int(object_mask(table, at, *SIZE).sum())) if task == SEGMENTATION else name)
        found[Path(image).name] = sorted(labels)
    return found


@pytest.fixture
def photos(photo: Any, tmp_path: Path) -> Path:
    """Three pictures, and a file that is none."""
    for seed, name in enumerate(("a 1.png", "b.png", "c.png")):
        photo(f"photos/{name}", seed, SIZE)
    (tmp_path / "photos" / "broken.png").write_bytes(b"")
    return tmp_path / "photos"


@pytest.fixture
def predict(
    photos: Path, answers: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_policy: None
) -> Callable[..., Result]:
    """Run `vistry predict` with a model of a task that gives these answers."""

    def call(task: str, *arguments: object, thresholds: Any = None, images: object = photos) -> Result:
        fake = Fake(tmp_path, task, answers[task], thresholds)
        monkeypatch.setattr("vistry.inference.load.load", lambda *_, **__: fake)
        return CliRunner().invoke(main, ["predict", "last", str(images), *map(str, arguments)], catch_exceptions=False)

    return call


@pytest.mark.parametrize(("task", "format"), CASES)
def test_what_is_predicted_is_read_back(
    predict: Callable[..., Result], photos: Path, tmp_path: Path, task: str, format: str
) -> None:
    done = predict(task, "--to", format, "--output", tmp_path / "out")
    assert done.exit_code == 1, done.output
    broken = photos / "broken.png"
    things = ", 3 objects" if task in (DETECTION, SEGMENTATION) else ""
    assert f"left out: {broken} is empty\n" in done.stderr
    assert f": 3 images{things}, 3 classes\n" in done.stderr
    assert done.stdout == ""
    broken.unlink()
    diagnosis = vistry.doctor(tmp_path / "out", task=task, images=photos)
    assert diagnosis.table.format == format
    found = content(diagnosis.table, task)
    # An image without labels has no row where the format has no place for it, or is a negative.
    assert {name: labels for name, labels in found.items() if labels} == {
        name: labels for name, labels in expected(task).items() if labels
    }
    assert not [finding for finding in diagnosis.findings if finding.severity == "error"]


def test_label_studio_gets_predictions_with_scores(
    predict: Callable[..., Result], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tasks.json"
    predict(DETECTION, "--to", "label_studio", "--output", out)
    first, _, last = json.loads(out.read_text())
    # The path is from the folder of the file, which the tool's server may serve.
    assert first["data"] == {"image": "/data/local-files/?d=photos/a%201.png"}
    assert "annotations" not in first
    (prediction,) = first["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("a_run", 0.5)
    # The likeliest object comes first. Label Studio's numbers are percent of the image's 40 x 30 pixels.
    assert [result["score"] for result in prediction["result"]] == [0.875, 0.5]
    value = prediction["result"][0]["value"]
    assert value["rectanglelabels"] == ["dog"]
    np.testing.assert_allclose([value[key] for key in ("x", "y", "width", "height")], [50, 10, 47.5, 86.6667], 1e-5)
    assert last["predictions"] == [{"model_version": "a_run", "result": []}]


@pytest.mark.parametrize("format", ["label_studio", "labelme", "yolo"])
def test_images_outside_are_named_by_their_whole_path(
    predict: Callable[..., Result], photos: Path, tmp_path: Path, format: str
) -> None:
    predict(DETECTION, "--to", format, "--output", tmp_path / "elsewhere")
    table = vistry.doctor(tmp_path / "elsewhere", task=DETECTION).table
    assert sorted(table.images) == [str(photos / name) for name in BOXES]


def test_cvat_gets_pixels(predict: Callable[..., Result], tmp_path: Path) -> None:
    out = tmp_path / "annotations.xml"
    predict(DETECTION, "--to", "cvat", "--output", out)
    root = ElementTree.parse(out).getroot()
    assert [image.get("name") for image in root.iter("image")] == [f"photos/{name}" for name in BOXES]
    assert [label.text for label in root.iter("name")] == list(CLASSES)
    boxes = [
        (box.get("label"), *(float(box.get(key, "")) for key in ("xtl", "ytl", "xbr", "ybr")))
        for box in root.iter("box")
    ]
    assert sorted(boxes) == sorted(box for boxes in BOXES.values() for box in boxes)


def test_thresholds_of_the_run_decide(predict: Callable[..., Result], tmp_path: Path) -> None:
    thresholds = np.array([0.7, 0.2, 0.5])
    predict(MULTILABEL, "--to", "csv", "--output", tmp_path / "labels.csv", thresholds=thresholds)
    found = content(vistry.doctor(tmp_path / "labels.csv", task=MULTILABEL).table, MULTILABEL)
    assert found == {"a 1.png": ["cat & co", "dog"], "b.png": ["cat & co", "dog"], "c.png": ["dog"]}


def test_classes_keep_the_numbers_of_the_model(predict: Callable[..., Result], tmp_path: Path) -> None:
    predict(DETECTION, "--to", "coco", "--output", tmp_path / "labels.json", images=tmp_path / "photos" / "b.png")
    categories = json.loads((tmp_path / "labels.json").read_text())["categories"]
    assert [(one["id"], one["name"]) for one in categories] == list(enumerate(CLASSES, start=1))


def test_an_object_without_a_pixel_is_no_label(
    predict: Callable[..., Result], answers: dict[str, Any], tmp_path: Path
) -> None:
    found = answers[SEGMENTATION]["b.png"].detections
    found.masks[0]["counts"] = b"`b1"  # 1200 pixels outside
    predict(SEGMENTATION, "--to", "coco", "--output", tmp_path / "labels.json", images=tmp_path / "photos" / "b.png")
    assert json.loads((tmp_path / "labels.json").read_text())["annotations"] == []


def test_an_image_named_twice_has_one_entry(predict: Callable[..., Result], photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.json"
    predict(DETECTION, photos / "b.png", "--to", "coco", "--output", out)
    assert len(json.loads(out.read_text())["images"]) == 3


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        (
            DETECTION,
            ["--to", "coca", "--output", "x"],
            "no data format 'coca' that can be written; did you mean 'coco'",
        ),
        (DETECTION, ["--to", "csv", "--output", "x"], "the format 'csv' has labels of image_classification"),
        (SEGMENTATION, ["--to", "voc", "--output", "x"], "Pascal VOC is written with boxes only"),
        (DETECTION, ["--to", "coco"], "where to? --to coco writes labels to a file or folder; name it with --output"),
        (DETECTION, ["--to", "coco", "--output", "taken.json"], "taken.json already exists; name another file"),
        (DETECTION, ["--to", "labelme", "--output", "."], "b.json already exists; name another file"),
        (DETECTION, ["--to", "yolo", "--output", "taken.json"], "taken.json is a file, but the format is written as a"),
        (DETECTION, ["--to", "coco", "--output", "x", "--json"], "--to writes labels to --output; leave one out"),
    ],
)
def test_refusals_come_before_anything_is_predicted(
    predict: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, task: str, arguments: list[str], message: str
) -> None:
    def no_time(*_: Any, **__: Any) -> Iterator[Prediction]:
        raise AssertionError("predicted")

    monkeypatch.setattr(Fake, "predict", no_time)
    for name in ("taken.json", "b.json"):
        Path(name).write_text("{}")
    done = predict(task, *arguments)
    assert done.exit_code > 0
    assert message in done.stderr
    assert not Path("x").exists()


def test_without_a_readable_image_nothing_is_written(
    predict: Callable[..., Result], photos: Path, tmp_path: Path
) -> None:
    done = predict(DETECTION, "--to", "coco", "--output", tmp_path / "x.json", images=photos / "broken.png")
    assert done.exit_code > 0
    assert f"no image could be read, so {tmp_path / 'x.json'} isn't written" in done.stderr
    assert not (tmp_path / "x.json").exists()


def test_in_python_the_entries_come_too(
    photos: Path, answers: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake(tmp_path, DETECTION, answers[DETECTION])
    monkeypatch.setattr("vistry.inference.predict.load", lambda *_, **__: fake)
    entries = vistry.predict("last", photos, to="coco", output=tmp_path / "labels.json")
    assert [len(entry.get("boxes", [])) for entry in entries] == [2, 1, 0, 0]
    assert len(json.loads((tmp_path / "labels.json").read_text())["annotations"]) == 3
    with pytest.raises(vistry.VistryError, match="name their format with to"):
        vistry.predict("last", photos, output=tmp_path / "labels.json")
