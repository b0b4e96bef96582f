"""What an evaluation measures on: a run's own training images are known by their contents, and left out."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from click.testing import CliRunner
from PIL import Image
from sklearn.metrics import precision_recall_fscore_support
from vistry.cli import main
from vistry.errors import DataError, VistryError
from vistry.inference.own_images import own_images
from vistry.runs.folder import Run
from vistry.runs.image_contents import IMAGE_CONTENTS

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a tiny network is faster on one thread

pytestmark = pytest.mark.usefixtures("tiny_plugin")
SETTINGS: dict[str, Any] = {"model": "tiny", "number_of_epochs": 1, "precision": "fp32"}


@pytest.fixture(scope="module")
def images(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of twelve digits."""
    folder = tmp_path_factory.mktemp("images")
    for digit in range(3):
        (folder / f"digit{digit}").mkdir()
        for path in sorted((digits / f"digit{digit}").iterdir())[:12]:
            shutil.copy(path, folder / f"digit{digit}" / path.name)
    return folder


@pytest.fixture(scope="module")
def trained(images: Path, tiny_plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    vistry.train(images, task="multiclass", output=folder, **SETTINGS)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Run:
    return Run(shutil.copytree(trained, tmp_path / "run"))


def rows_of(run: Run, split: str) -> list[Path]:
    lines = (run.folder / f"{split}.jsonl").read_text().splitlines()
    return [Path(json.loads(line)["image_url"]) for line in lines]


def renamed(paths: list[Path], folder: Path) -> Path:
    """Copies under other names, in the same classes."""
    for number, path in enumerate(paths):
        place = folder / path.parent.name / f"copy-{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return folder


def test_fault_36_the_data_of_the_training_is_measured_without_its_training_split(run: Run, images: Path) -> None:
    training, validation = rows_of(run, "training"), rows_of(run, "validation")
    result = vistry.evaluate(run.folder, images)
    assert result.images == len(validation) < 36
    assert (result.own_images.training, result.own_images.validation) == (len(training), len(validation))
    assert (
        result.metrics["accuracy"]
        == vistry.evaluate(run.folder, renamed(validation, run.folder / "v")).metrics["accuracy"]
    )
    assert result.notes == (
        f"{len(training)} of 36 images were left out, because the run was trained on them; --include-training (in "
        "Python include_training=True) keeps them",
        f"the run has chosen its best epoch on {len(validation)} of 36 images, which are measured too",
    )


def test_everything_is_measured_where_it_is_asked_for(run: Run, images: Path) -> None:
    result = vistry.evaluate(run.folder, images, include_training=True)
    assert result.images == 36
    assert result.own_images.training_left_out is False
    training = len(rows_of(run, "training"))
    assert result.notes[0] == f"the run was trained on {training} of 36 images: of new ones, the metrics say less"


def test_copies_under_other_names_are_recognised(run: Run, digits: Path, tmp_path: Path) -> None:
    fresh = [path for digit in range(3) for path in sorted((digits / f"digit{digit}").iterdir())[12:]]
    data = renamed([*rows_of(run, "training")[:7], *fresh], tmp_path / "mixed")
    result = vistry.evaluate(run.folder, data)
    assert (result.images, result.own_images.training, result.own_images.validation) == (len(fresh), 7, 0)


def test_of_new_images_nothing_is_said(run: Run, digits: Path, tmp_path: Path) -> None:
    fresh = [path for digit in range(3) for path in sorted((digits / f"digit{digit}").iterdir())[12:]]
    result = vistry.evaluate(run.folder, renamed(fresh, tmp_path / "fresh"))
    assert (result.images, result.notes, result.left_out) == (len(fresh), (), ())


def test_where_nothing_is_left_it_says_what_to_do(run: Run, tmp_path: Path) -> None:
    data = renamed(rows_of(run, "training"), tmp_path / "known")
    with pytest.raises(
        DataError, match=r"trained on all of its \d+ images.*name other data, or add --include-training"
    ):
        vistry.evaluate(run.folder, data)
    assert vistry.evaluate(run.folder, data, include_training=True).images == len(rows_of(run, "training"))


def test_a_changed_file_of_the_same_size_is_another_image(tmp_path: Path, run: Run) -> None:
    """Bitmaps of one size have files of one size, and often the same first bytes."""
    paths = []
    for value in range(4):
        pixels = np.zeros((16, 16, 3), np.uint8)
        pixels[8, 8] = value
        paths.append(tmp_path / f"{value}.bmp")
        Image.fromarray(pixels).save(paths[-1])
    from vistry.runs.image_contents import write_image_contents

    write_image_contents(run.folder, {"training": [str(paths[0])], "validation": [str(paths[1])]})
    own = own_images(run, [str(path) for path in paths])
    assert own.training.tolist() == [True, False, False, False]
    assert own.validation.tolist() == [False, True, False, False]


def test_a_run_without_hashes_looks_at_its_paths(run: Run, images: Path, tmp_path: Path) -> None:
    (run.folder / IMAGE_CONTENTS).unlink()
    result = vistry.evaluate(
        run.folder, renamed(rows_of(run, "training")[:5] + rows_of(run, "validation"), tmp_path / "c")
    )
    assert (result.own_images.training, result.own_images.untold) == (5, 0)
    assert result.images == len(rows_of(run, "validation"))
    assert vistry.evaluate(run.folder, images).own_images.training == len(rows_of(run, "training"))


def test_a_run_without_hashes_whose_images_are_gone_says_so(run: Run, images: Path) -> None:
    (run.folder / IMAGE_CONTENTS).unlink()
    rows = (run.folder / "training.jsonl").read_text()
    (run.folder / "training.jsonl").write_text(rows.replace(str(images), "/gone"))
    result = vistry.evaluate(run.folder, images)
    training = len(rows_of(run, "training"))
    assert (result.images, result.own_images.training, result.own_images.untold) == (36, 0, training)
    assert f"{training} of the run's training images can't be recognised" in result.notes[-1]
    (run.folder / "training.jsonl").unlink()
    result = vistry.evaluate(run.folder, images)
    assert (result.images, result.own_images.untold) == (36, None)
    assert result.notes == ("the run doesn't list the images that it was trained on, so they can't be recognised",)


def test_an_image_that_is_gone_is_none_of_the_runs(run: Run, tmp_path: Path) -> None:
    own = own_images(run, [str(tmp_path / "gone.png"), str(rows_of(run, "training")[0])])
    assert own.training.tolist() == [False, True]


def test_the_command_says_what_it_left_out(run: Run, images: Path) -> None:
    call = CliRunner().invoke
    training, validation = len(rows_of(run, "training")), len(rows_of(run, "validation"))
    output = call(main, ["evaluate", str(run.folder), str(images)]).output
    assert f"{training} of 36 images were left out, because the run was trained on them" in output
    assert f"\n{validation} images\n" in output
    answer = json.loads(call(main, ["evaluate", str(run.folder), str(images), "--json"]).stdout)
    assert answer["images"] == validation
    assert answer["own_images"] == {
        "training": training,
        "validation": validation,
        "training_left_out": True,
        "untold": 0,
    }
    assert "36 images\n" in call(main, ["evaluate", str(run.folder), str(images), "--include-training"]).output


# Thresholds


@pytest.fixture(scope="module")
def labelled(digits: Path, tiny_plugin: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A multi-label run, and its data."""
    folder = tmp_path_factory.mktemp("multilabel")
    lines = [
        json.dumps({"image_url": str(image), "label": ["even"] * (digit % 2 == 0) + ["small"] * (digit < 2)})
        for digit in range(4)
        for image in sorted((digits / f"digit{digit}").iterdir())
    ]
    (folder / "data.jsonl").write_text("\n".join(lines))
    vistry.train(folder / "data.jsonl", task="multilabel", output=folder / "run", **SETTINGS | {"number_of_epochs": 3})
    return folder / "run", folder / "data.jsonl"


def entries(run: Path, data: Path, **given: Any) -> list[dict[str, Any]]:
    return vistry.predict(run, [json.loads(line)["image_url"] for line in data.read_text().splitlines()], **given)


def test_predictions_go_by_the_thresholds(labelled: tuple[Path, Path]) -> None:
    run, data = labelled
    assert all("predicted" not in entry for entry in entries(run, data))
    vistry.threshold(run, f1=True)
    vistry.threshold(run, recall=1.0, class_name="small")
    limits = json.loads((run / "thresholds.json").read_text())["thresholds"]
    assert limits["even"] != limits["small"]
    predicted = entries(run, data)
    for entry in predicted:
        pairs = zip(entry["labels"], entry["probs"], strict=True)
        assert entry["predicted"] == [name for name, probability in pairs if probability > limits[name]]
    predictor = vistry.load(run)
    [first] = predictor.predict([predicted[0]["filename"]])
    names = predictor.summary_line(first)
    assert names == (
        ", ".join(
            f"{name} {probability:.2f}"
            for name, probability in zip(predicted[0]["labels"], predicted[0]["probs"], strict=True)
            if probability > limits[name]
        )
        or "none of the classes"
    )
    for given in (0.0, 1.0):
        assert {len(entry["predicted"]) for entry in entries(run, data, threshold=given)} == {2 if given == 0 else 0}
    vistry.threshold(run, reset=True)


def test_metrics_go_by_the_thresholds(labelled: tuple[Path, Path]) -> None:
    run, data = labelled
    vistry.threshold(run, recall=1.0)
    [limit] = set(json.loads((run / "thresholds.json").read_text())["thresholds"].values())
    result = vistry.evaluate(run, data, include_training=True)
    scores = np.array([entry["probs"] for entry in entries(run, data)])
    labels = [json.loads(line)["label"] for line in data.read_text().splitlines()]
    truth = np.array([[name in label for name in ("even", "small")] for label in labels])
    expected = precision_recall_fscore_support(truth, scores > limit, average="micro")
    assert result.metrics["precision_score_micro"] == pytest.approx(expected[0])
    assert result.metrics["recall_score_micro"] == pytest.approx(expected[1])
    assert result.thresholds == dict.fromkeys(("even", "small"), limit)
    assert result.notes[-1] == f"predictions count above a score of {limit:g}"
    other = vistry.evaluate(run, data, include_training=True, threshold=0.5)
    expected = precision_recall_fscore_support(truth, scores > 0.5, average="micro", zero_division=0.0)
    assert other.metrics["precision_score_micro"] == pytest.approx(expected[0])
    vistry.threshold(run, reset=True)
    assert vistry.evaluate(run, data).thresholds is None


@pytest.mark.parametrize(
    ("given", "message"), [(1.5, "threshold = 1.5: must be a number from 0 to 1"), (0.5, "multi-class")]
)
def test_a_threshold_that_makes_no_sense_is_refused(run: Run, images: Path, given: float, message: str) -> None:
    with pytest.raises(VistryError, match=message):
        vistry.predict(run.folder, images, threshold=given)
