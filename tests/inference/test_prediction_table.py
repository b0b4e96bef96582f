"""Labels as CSV, and what is refused in place of another format that the file's name promises."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from vistry.cli import main
from vistry.hyperparameter.values import Hyperparameters
from vistry.inference import load
from vistry.inference.predictor import Prediction
from vistry.task import behaviour_of

CLASSES = ("cat", "dog", "a|b")
PROBABILITIES = {"0.png": [0.2, 0.7, 0.1], "1.png": [0.6, 0.1, 0.9], "2.png": [0.1, 0.2, 0.3]}


class _Fixed:
    """Stands for a model: it has a prediction for each name, and none for other names."""

    hyperparameters = Hyperparameters(())
    classes = CLASSES

    def __init__(self, task: str):
        self.task = behaviour_of(task)

    def predict(self, images: list[Path]) -> Iterator[Prediction]:
        for image in images:
            values = PROBABILITIES.get(image.name)
            error = None if values else f"{image}: not an image"
            yield Prediction(str(image), np.array(values) if values else None, error)

    def respond(self, prediction: Prediction) -> dict[str, Any]:
        if prediction.values is None:
            return {"error": prediction.error}
        return {"probs": prediction.values.tolist(), "labels": list(CLASSES)}

    def summary_line(self, prediction: Prediction) -> str:
        return ""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in (*PROBABILITIES, "broken, really.png"):
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


def predict(monkeypatch: pytest.MonkeyPatch, task: str, images: Path, output: Path) -> Result:
    monkeypatch.setattr(load, "load", lambda *arguments, **options: _Fixed(task))
    return CliRunner().invoke(main, ["predict", "run", str(images), "--output", str(output)])


def rows(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [[Path(row[0]).name, *row[1:]] for row in csv.reader(file, delimiter=delimiter)]


@pytest.mark.parametrize(("name", "delimiter"), [("out.csv", ","), ("OUT.CSV", ","), ("out.tsv", "\t")])
def test_fault_27_multi_class(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, delimiter: str
) -> None:
    result = predict(monkeypatch, "image_classification", images, tmp_path / name)
    assert rows(tmp_path / name, delimiter) == [
        ["image", "label", *CLASSES],
        ["0.png", "dog", "0.2", "0.7", "0.1"],
        ["1.png", "a|b", "0.6", "0.1", "0.9"],
        ["2.png", "a|b", "0.1", "0.2", "0.3"],
        ["broken, really.png", "", "", "", ""],
    ]
    assert result.exit_code == 1
    assert "broken, really.png: not an image" in result.stderr


def test_multi_label(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predict(monkeypatch, "image_classification_multilabel", images, tmp_path / "out.csv")
    found = rows(tmp_path / "out.csv")
    assert found[0] == ["image", "labels", *CLASSES]
    assert [row[1] for row in found[1:]] == ["dog", json.dumps(["cat", "a|b"]), "", ""]


@pytest.mark.parametrize("name", ["out.jsonl", "out", "out.txt"])
def test_other_names_get_json_lines(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    predict(monkeypatch, "image_classification", images, tmp_path / name)
    entries = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
    assert [entry.get("probs") for entry in entries] == [*PROBABILITIES.values(), None]


@pytest.mark.parametrize(
    ("task", "name", "message"),
    [
        ("image_object_detection", "out.csv", "boxes and masks are written as JSON Lines, and .csv is for labels"),
        ("image_object_detection", "out.tsv", "name a .jsonl file"),
        (
            "image_classification",
            "out.xlsx",
            "--output writes JSON Lines or CSV, not .xlsx; name a .jsonl or a .csv file",
        ),
    ],
)
def test_fault_27_what_has_no_columns_is_refused_before_any_work(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, name: str, message: str
) -> None:
    result = predict(monkeypatch, task, images, tmp_path / name)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / name).exists()
