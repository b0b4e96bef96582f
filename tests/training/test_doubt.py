"""How sure a figure is, wherever it is told: at the end of a training, in the run, in the report and by `evaluate`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main
from vistry.cli.training_result import print_result, result_text
from vistry.evaluation.bootstrap import bootstrap_interval, mean_of_images
from vistry.report.doubt import absent_text, interval_text, last_scores_text
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import PREDICTIONS
from vistry.runs.last_scores import LastScores, last_scores
from vistry.runs.records import EpochEntry
from vistry.task.doubt import Doubt
from vistry.training import model_context
from vistry.training.session import TrainingResult, resume

SETTINGS: dict[str, Any] = {"number_of_epochs": 3, "warmup_cosine_lr_warmup_epochs": 1, "precision": "fp32"}


@pytest.fixture(scope="module")
def result(digits: Path, tiny_plugin: None, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    output = tmp_path_factory.mktemp("doubt") / "run"
    return vistry.train(digits, task="multiclass", model="tiny", output=output, learning_rate=0.1, **SETTINGS)


def test_the_interval_is_of_the_best_epochs_predictions(result: TrainingResult) -> None:
    tensors, _ = read_checkpoint(result.run.folder / PREDICTIONS)
    right = tensors["predictions"].argmax(axis=1) == tensors["targets"]
    interval = bootstrap_interval(mean_of_images(right))
    assert interval is not None
    assert result.doubt == Doubt(interval)
    assert result.run.status.interval == interval
    assert interval.low <= result.metrics["accuracy"] <= interval.high
    assert interval.low < interval.high


def test_the_end_of_a_training_says_it(result: TrainingResult, capsys: pytest.CaptureFixture[str]) -> None:
    interval, last = result.doubt.interval, last_scores(result.run.history(), "accuracy")
    assert interval is not None
    assert last is not None
    assert f"({interval_text(interval)}; {last_scores_text(last)})\n" in result_text(result)
    print_result(result, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["interval"] == {
        "low": interval.low,
        "high": interval.high,
        "confidence": 0.95,
        "resamples": 1000,
    }
    assert printed["last_scores"] == {"low": last.low, "high": last.high, "evaluations": 3}
    assert printed["absent_classes"] == []


def test_a_class_that_no_image_has_is_named_at_the_end(result: TrainingResult) -> None:
    text = result_text(replace(result, doubt=Doubt(None, ("rare",))))
    assert "note:    macro figures leave out 1 class that no image has: rare\n" in text


def test_the_report_says_it(result: TrainingResult) -> None:
    page = (result.run.folder / "report.html").read_text()
    assert result.doubt.interval is not None
    assert interval_text(result.doubt.interval) in page
    assert "the last 3 evaluations" in page
    status = result.run.status
    result.run.write(replace(status, absent_classes=("rare",)))
    vistry.report.write_report(result.run)
    assert "leave out 1 class that no image has: rare" in (result.run.folder / "report.html").read_text()
    result.run.write(status)


def test_evaluate_names_the_class_that_the_images_lack(result: TrainingResult, digits: Path, tmp_path: Path) -> None:
    subset = tmp_path / "subset"
    for label in sorted(digits.iterdir())[1:]:
        shutil.copytree(label, subset / label.name)
    for number, image in enumerate(sorted(subset.rglob("*.png"))):
        image.write_bytes(image.read_bytes() + bytes([number]))  # other files than those trained on
    missing = sorted(digits.iterdir())[0].name
    answer = CliRunner().invoke(main, ["evaluate", str(result.run.folder), str(subset)])
    assert answer.exit_code == 0, answer.output
    assert f"macro figures leave out 1 class that no image has: {missing}\n" in answer.output
    answer = CliRunner().invoke(main, ["evaluate", str(result.run.folder), str(subset), "--json"])
    found = json.loads(answer.stdout)
    assert found["absent_classes"] == [missing]
    assert found["interval"]["low"] <= found["metrics"]["accuracy"] <= found["interval"]["high"]
    assert "accuracy, 95%" in CliRunner().invoke(main, ["evaluate", str(result.run.folder), str(digits)]).output


def entry(epoch: int, score: float | None) -> EpochEntry:
    metrics = None if score is None else {"accuracy": score}
    return EpochEntry(epoch=epoch, train_loss=1.0, learning_rate=0.1, train_seconds=1.0, metrics=metrics)


def test_the_spread_is_of_the_last_five_evaluations() -> None:
    scores = [0.17, 0.46, 0.50, None, 0.38, 0.34, 0.35, 0.33]
    history = [entry(epoch, score) for epoch, score in enumerate(scores)]
    assert last_scores(history, "accuracy") == LastScores(0.33, 0.50, 5)
    assert last_scores(history[:2], "accuracy") == LastScores(0.17, 0.46, 2)
    assert last_scores(history[:1], "accuracy") is None
    assert last_scores(history, "iou") is None


def test_ten_classes_are_named_at_most() -> None:
    assert absent_text([]) == ""
    text = absent_text([f"c{number}" for number in range(30)])
    assert text.endswith("c8, c9 and 20 more")


def test_the_ramp_of_an_average_is_told_the_length_of_the_training(
    digits: Path, tiny_plugin: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a training that begins and in one that goes on, so that both end with the same bits."""
    told: list[int | None] = []
    monkeypatch.setattr(model_context, "ramp_within", lambda ema, total: told.append(total))
    values = {**SETTINGS, "gradient_accumulation_step": 2, "training_batch_size": 20}
    run = vistry.train(digits, task="multiclass", model="tiny", output=tmp_path / "run", **values).run
    run.write(replace(run.status, status="stopped"))
    resume(run.folder)
    assert told == [6, 6]  # three epochs of three batches, two of them an update
    assert np.isfinite(run.history()[-1].train_loss)
