"""A cross-validation predicts each image once, by a model that never saw it, and survives being killed."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from click.testing import CliRunner, Result
from safetensors.numpy import load_file
from vistry.cli import main
from vistry.errors import DataError, RunError
from vistry.runs.folder import TRAINING_ROWS, Run
from vistry.runs.label_issues import read_label_issues
from vistry.runs.rows import read_rows
from vistry.sweep.folds.folder import FoldsFolder
from vistry.sweep.folds.session import FoldsResult
from vistry.training.events import EpochEnded, Listener

from tests.sweep.folds.conftest import FOLDS, SETTINGS, Drawn

UNTIMED: dict[str, Any] = {"train_seconds": 0.0, "evaluation_seconds": None}


class Killed(BaseException):
    """Stands for SIGKILL inside one process: nothing catches it."""


class KilledInFold(Listener):
    """Is killed after some epochs of a fold, which both count from 1."""

    def __init__(self, fold: int, epoch: int):
        self._fold, self._epoch, self._begun = fold, epoch, 0

    def training_begins(self, training: object) -> None:
        self._begun += 1

    def epoch_ended(self, event: EpochEnded) -> None:
        if self._begun == self._fold and event.entry.epoch + 1 == self._epoch:
            raise Killed


def settings(folder: Path) -> dict[str, Any]:
    return {"folds": FOLDS, "task": "multiclass", "model": "tiny", "output": folder, **SETTINGS}


def assert_same(first: Run, second: Run) -> None:
    """Weights to the bit, and histories but for their times."""
    ours, theirs = load_file(first.best_weights), load_file(second.best_weights)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    entries = zip(first.history(), second.history(), strict=True)
    assert all(replace(one, **UNTIMED) == replace(other, **UNTIMED) for one, other in entries)


def train(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def test_each_image_is_predicted_once_by_a_model_that_never_saw_it(validated: FoldsResult, drawn: Drawn) -> None:
    folder = FoldsFolder.open(validated.folder)
    lines = (folder.path / "predictions.jsonl").read_text().splitlines()
    predicted = [json.loads(line)["filename"] for line in lines]
    assert sorted(predicted) == sorted(map(str, drawn.path.glob("*/*.png")))
    trained = {
        number: set(read_rows(run.folder / TRAINING_ROWS, run.record.classes, run.record.task).images)
        for number, run in enumerate(folder.runs(), start=1)
    }
    for image in folder.images():
        assert image.image not in trained[image.fold]
        assert all(image.image in trained[fold] for fold in trained if fold != image.fold)


def test_predictions_are_those_of_the_fold_s_own_model(validated: FoldsResult) -> None:
    folder = FoldsFolder.open(validated.folder)
    lines = map(json.loads, (folder.path / "predictions.jsonl").read_text().splitlines())
    by_image = {line.pop("filename"): line for line in lines}
    for number, run in enumerate(folder.runs(), start=1):
        images = [image.image for image in folder.images() if image.fold == number]
        for entry in vistry.predict(run.folder, images):
            ours = by_image[str(entry["filename"])]
            assert ours["labels"] == entry["labels"]
            np.testing.assert_allclose(ours["probs"], entry["probs"], atol=1e-5)


def test_flipped_labels_are_the_head_of_the_list(validated: FoldsResult, drawn: Drawn) -> None:
    assert validated.summary.metrics["accuracy"].pooled == pytest.approx(1 - 4 / 72)  # it learned all that is true
    found = read_label_issues(validated.folder)
    assert {Path(issue.image).name for issue in found.issues[:4]} == drawn.flipped
    assert {(issue.given, issue.suggested) for issue in found.issues[:4]} == {("green", "blue")}
    with (validated.folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [issue.image for issue in found.issues]


def test_metrics_are_the_mean_and_the_deviation_over_the_runs(validated: FoldsResult) -> None:
    scores = [run.status.best_score for run in FoldsFolder.open(validated.folder).runs()]
    accuracy = validated.summary.metrics["accuracy"]
    assert accuracy.values == pytest.approx(scores)
    assert accuracy.mean == pytest.approx(np.mean(scores))
    assert accuracy.deviation == pytest.approx(np.std(scores, ddof=1))


@pytest.mark.parametrize(("fold", "epoch"), [(3, 1), (1, 1)])
def test_killed_and_resumed_it_ends_with_the_same_bits(
    validated: FoldsResult, drawn: Drawn, tmp_path: Path, fold: int, epoch: int
) -> None:
    output = tmp_path / "killed"
    with pytest.raises(Killed):
        vistry.cross_validate(drawn.path, listeners=[KilledInFold(fold, epoch)], **settings(output))
    resumed = vistry.resume_folds(output)
    for first, second in zip(*(FoldsFolder.open(one.folder).runs() for one in (validated, resumed)), strict=True):
        assert_same(first, second)
    for name in ("predictions.jsonl", "predictions.csv", "labels.csv", "labels.json", "images.jsonl", "summary.json"):
        assert (validated.folder / name).read_bytes() == (output / name).read_bytes(), name


def test_a_time_limit_leaves_something_to_go_on_with(drawn: Drawn, tiny_plugin: None, tmp_path: Path) -> None:
    stopped = vistry.cross_validate(drawn.path, time_limit=0.001, **settings(tmp_path / "short"))
    assert not stopped.is_whole
    assert "not begun" in stopped.reason
    assert stopped.summary.folds == ()
    assert (stopped.folder / "report.html").is_file()


def test_a_fold_that_fails_leaves_the_others(
    validated: FoldsResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(validated.folder, folder)
    second = FoldsFolder.open(folder).run_of(2)
    second.write(replace(second.status, status="interrupted", reason="not begun"))
    shutil.rmtree(second.folder / "checkpoints")
    recorded = json.loads((second.folder / "hyperparameters.json").read_text())
    recorded["values"]["learning_rate"]["value"] = 1e9
    recorded["values"]["number_of_epochs"]["value"] = 3
    (second.folder / "hyperparameters.json").write_text(json.dumps(recorded))
    result = vistry.resume_folds(folder)
    assert result.summary.folds == (1, 3)
    assert "loss" in result.summary.failed["2"]
    assert result.summary.images == 48
    assert "fold 2: failed, the loss" in result.reason


def test_a_complete_one_is_not_trained_again(validated: FoldsResult) -> None:
    with pytest.raises(RunError, match=r"is complete; its report is .*report\.html"):
        vistry.resume_folds(validated.folder)


def test_it_can_be_resumed_from_the_command_line(validated: FoldsResult, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(validated.folder, folder)
    (folder / "summary.json").unlink()
    result = CliRunner().invoke(main, ["resume", str(folder)])
    assert result.exit_code == 0, result.output
    assert "4 are probably wrong" in result.output
    assert "over all 72 images" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--validation", "other"), "so --validation other has no place in it; leave out one of them"),
        (("--validation-size", "0.3"), "with --folds each fold is 1/3 of the images; leave out --validation-size"),
    ],
)
def test_validation_data_has_no_place_beside_folds(
    drawn: Drawn, tiny_plugin: None, arguments: tuple[str, ...], sentence: str
) -> None:
    result = train("--data", drawn.path, "--task", "multiclass", "--model", "tiny", "--folds", 3, *arguments)
    assert result.exit_code != 0
    assert sentence in result.output


def test_the_data_s_own_validation_images_are_refused(
    tiny_plugin: None, photo: Callable[..., Path], tmp_path: Path
) -> None:
    for seed in range(16):
        photo(f"{'train' if seed < 12 else 'val'}/{'ant' if seed % 2 else 'bee'}/{seed}.png", seed)
    with pytest.raises(DataError, match="names 4 validation images of its own"):
        vistry.cross_validate(tmp_path, folds=3, task="multiclass", model="tiny")


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(drawn: Drawn, tiny_plugin: None, tmp_path: Path) -> None:
    output = tmp_path / "none"
    result = train("--data", drawn.path, "--model", "tiny", "--folds", 3, "--output", output, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "3 folds of 24 images, drawn by class: a training each, on all other images" in result.output
    assert not output.exists()


def test_groups_are_in_one_fold(tiny_plugin: None, photo: Callable[..., Path], tmp_path: Path) -> None:
    for seed in range(24):
        photo(f"data/{'ant' if seed % 2 else 'bee'}/p{seed // 4}_{seed}.png", seed)
    result = vistry.cross_validate(
        tmp_path / "data",
        folds=2,
        model="tiny",
        group_by="{group}_*.png",
        output=tmp_path / "folds",
        number_of_epochs=1,
        warmup_cosine_lr_warmup_epochs=1,
    )
    fold_of: dict[str, set[int]] = {}
    for image in FoldsFolder.open(result.folder).images():
        fold_of.setdefault(Path(image.image).name.split("_")[0], set()).add(image.fold)
    assert [len(folds) for folds in fold_of.values()] == [1] * 6
