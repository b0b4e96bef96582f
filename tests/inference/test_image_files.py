"""Which files `vistry predict` takes from a folder, and where their predictions go."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from vistry.cli import main
from vistry.errors import DataError
from vistry.hyperparameter.values import Hyperparameters
from vistry.inference import load
from vistry.inference.image_files import image_files
from vistry.inference.predictor import Prediction
from vistry.task import behaviour_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images of several kinds, and what is none."""
    (tmp_path / "inner" / ".cache").mkdir(parents=True)
    pixels = Image.new("RGB", (8, 8), "red")
    for name in ("b.jpg", "inner/a.JP2", "c.webp", ".hidden.jpg", "inner/.cache/d.jpg"):
        pixels.save(tmp_path / name)
    (tmp_path / "no_extension").write_bytes((tmp_path / "b.jpg").read_bytes())
    (tmp_path / "phone.HEIC").write_bytes(b"....ftypheic")
    (tmp_path / "LICENSE").write_text("text")
    (tmp_path / "notes.txt").write_text("text")
    return tmp_path


def test_a_folder_gives_what_the_doctor_calls_images(folder: Path) -> None:
    found = [str(path.relative_to(folder)) for path in image_files([folder])]
    assert found == ["b.jpg", "c.webp", "inner/a.JP2", "no_extension", "phone.HEIC"]


def test_a_folder_that_cannot_be_read_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "inner":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match="inner: can't be read: Permission denied"):
        image_files([folder])


class _Reds:
    """Stands for a model: it says red of every image, but for those called bad."""

    hyperparameters = Hyperparameters(())
    task = behaviour_of("image_classification")
    predicted = 0

    def predict(self, images: list[Path]) -> Iterator[Prediction]:
        for image in images:
            self.predicted += 1
            yield Prediction(str(image), "red")

    def respond(self, prediction: Prediction) -> dict[str, Any]:
        return {"labels": [prediction.values]}

    def summary_line(self, prediction: Prediction) -> str:
        return str(prediction.values)


@pytest.fixture
def reds(monkeypatch: pytest.MonkeyPatch) -> _Reds:
    model = _Reds()
    monkeypatch.setattr(load, "load", lambda *arguments, **options: model)
    return model


def _predict(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["predict", "run", *map(os.fsdecode, map(os.fspath, arguments))])  # type: ignore[call-overload]


def test_predictions_are_written_as_they_come(folder: Path, reds: _Reds, tmp_path: Path) -> None:
    output = tmp_path / "new" / "predictions.jsonl"
    result = _predict(folder, "--output", output)
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [Path(line["filename"]).name for line in lines] == ["b.jpg", "c.webp", "a.JP2", "no_extension", "phone.HEIC"]


def test_an_output_that_cannot_be_written_is_an_error_before_any_work(folder: Path, reds: _Reds) -> None:
    result = _predict(folder / "b.jpg", "--output", folder / "LICENSE" / "predictions.jsonl")
    assert result.exit_code == 2
    assert "predictions.jsonl could not be written" in result.output
    assert reds.predicted == 0


def test_a_name_that_is_not_unicode_survives(folder: Path, reds: _Reds) -> None:
    odd = os.fsdecode(os.fsencode(folder) + b"/inner/\xff.jpg")
    (folder / "b.jpg").rename(odd)
    assert "/inner/\\xff.jpg  red" in _predict(odd).output
    (line,) = _predict(odd, "--json").output.splitlines()
    assert json.loads(line)["filename"] == odd
