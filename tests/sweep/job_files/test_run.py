"""`vistry job run`: a job file is carried out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from click.testing import CliRunner, Result
from PIL import Image
from vistry.cli import main
from vistry.errors import DataError, HyperparameterError
from vistry.hyperparameter.sources import read_file
from vistry.sweep.job_files.job import read_job
from vistry.sweep.job_files.run import JobResult, plan_job

from tests.sweep.job_files.conftest import MLTABLE

TINY = """type: automl
task: image_classification
target_column_name: label
training_data: {type: mltable, path: ./train}
validation_data: {type: mltable, path: ./valid}
training_parameters:
  number_of_epochs: 1
  weights: none
  training_batch_size: 6
  training_crop_size: 32
  validation_crop_size: 32
  validation_resize_size: 32
"""
ONE = (
    TINY
    + """  model_name: resnet18
name: tiny-1
test_data: {type: mltable, path: ./test}
outputs: {best_model: {type: mlflow_model, path: ./best}}
"""
)
SWEEP = (
    TINY
    + """limits: {max_trials: 2, timeout_minutes: 5}
sweep: {sampling_algorithm: random}
search_space:
  - model_name: {type: choice, values: [resnet18, mobilenetv2]}
    learning_rate: {type: loguniform, min_value: -7, max_value: -4}
"""
)


def draw_images(folder: Path) -> None:
    """Red and blue images in three folders with an MLTable each."""
    noise = np.random.default_rng(0)
    for split, count in (("train", 12), ("valid", 4), ("test", 6)):
        (folder / split).mkdir(parents=True)
        lines = []
        for place in range(count):
            label = "red" if place % 2 else "blue"
            pixels = noise.integers(0, 80, (32, 32, 3), dtype=np.uint8)
            pixels[..., 0 if label == "red" else 2] += 150
            Image.fromarray(pixels).save(folder / split / f"{split}{place}.png")
            lines.append(json.dumps({"image_url": f"{split}{place}.png", "label": label}))
        (folder / split / "annotations.jsonl").write_text("\n".join(lines))
        (folder / split / "MLTable").write_text(MLTABLE)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    draw_images(folder)
    (folder / "one.yml").write_text(ONE)
    (folder / "sweep.yml").write_text(SWEEP)
    return folder


@pytest.fixture(scope="module")
def trained(pictures: Path) -> tuple[JobResult, list[str]]:
    """One training of a job file, and what was said."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VISTRY_RUNS", str(pictures / "runs"))
        return vistry.run_job(pictures / "one.yml", say=said.append), said


def test_one_training_is_a_run_of_the_job_s_name(trained: tuple[JobResult, list[str]], pictures: Path) -> None:
    result, said = trained
    assert result.run is not None
    assert result.run.folder == pictures / "runs" / "tiny-1"
    assert result.run.status.status == "completed"
    assert result.run.hyperparameters["training_batch_size"].origin == f"{pictures / 'one.yml'}:9"
    assert any("the best run is copied to" in line for line in said)


def test_the_copy_predicts_and_was_measured_on_the_test_data(
    trained: tuple[JobResult, list[str]], pictures: Path
) -> None:
    result, _ = trained
    assert result.run is not None
    copy = pictures / "best"
    assert (copy / "run.json").read_bytes() == (result.run.folder / "run.json").read_bytes()
    assert result.test is not None
    assert result.test.images == 6
    measured = vistry.evaluate(copy, pictures / "test")
    assert measured.metrics == result.test.metrics


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    monkeypatch.setenv("VISTRY_RUNS", str(tmp_path / "runs"))

    def invoke(*arguments: Any) -> Result:
        return CliRunner().invoke(main, ["job", "run", *map(str, arguments)])

    return invoke


def test_a_dry_run_writes_nothing(command: Callable[..., Result], pictures: Path, tmp_path: Path) -> None:
    text = ONE.replace("./best", "./best2")
    (pictures / "two.yml").write_text(text)
    done = command(pictures / "two.yml", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "two.yml: one training" in done.output
    assert "training_batch_size             6               " + str(pictures / "two.yml") + ":9" in done.output
    assert not (tmp_path / "runs").exists()
    assert not (pictures / "best2").exists()


def test_a_fault_is_a_sentence(command: Callable[..., Result], pictures: Path) -> None:
    (pictures / "bad.yml").write_text(ONE + "limits: {max_trials: 0}\n")
    done = command(pictures / "bad.yml", "--data", "trian=x")
    assert done.exit_code == 2
    assert "error: 3 problems with the job file:" in done.output
    assert f"{pictures / 'bad.yml'}:17: limits.max_trials: must be a whole number from 1 to 1000, got 0" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("data", ["train", "=x", "train="])
def test_data_is_a_name_and_a_path(command: Callable[..., Result], pictures: Path, data: str) -> None:
    done = command(pictures / "one.yml", "--data", data)
    assert done.exit_code == 2
    assert "expected NAME=PATH" in done.output


def test_a_sweep_is_planned_with_the_file_s_space(pictures: Path) -> None:
    plan = plan_job(read_job(pictures / "sweep.yml"))
    assert plan.sweep is not None
    (group,) = plan.sweep.space.groups
    assert group.models == ("resnet/resnet18", "mobilenetv2/mobilenetv2")
    assert group.parameters["learning_rate"].kind == "loguniform"
    assert group.parameters["early_stopping"].choices == (True,)
    assert plan.sweep.request.limits.time_limit == 300


@pytest.mark.long
def test_a_sweep_ends_with_a_copy_of_its_best_run(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTRY_RUNS", str(pictures / "sweeps"))
    text = SWEEP + "outputs: {best_model: {path: ./best3}}\ntest_data: {path: ./test}\n"
    (pictures / "whole.yml").write_text(text)
    result = vistry.run_job(pictures / "whole.yml")
    assert result.run is not None
    assert (pictures / "best3" / "run.json").read_bytes() == (result.run.folder / "run.json").read_bytes()
    assert result.test is not None


def test_test_data_that_can_not_be_read_is_told_first(pictures: Path) -> None:
    (pictures / "empty").mkdir(exist_ok=True)
    (pictures / "odd.yml").write_text(ONE.replace("./test", "./empty").replace("./best", "./best4"))
    with pytest.raises(DataError, match="empty"):
        plan_job(read_job(pictures / "odd.yml"))


def test_a_job_file_as_config_names_the_command(pictures: Path) -> None:
    with pytest.raises(
        HyperparameterError, match=r"this is a job file of the hosted product; type: vistry job run .*yml"
    ):
        read_file(pictures / "one.yml")
