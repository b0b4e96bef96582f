"""What a training says before it begins: the data, the task that was taken, and what the doctor warns of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vistry.data import task_choice
from vistry.data.findings import Finding, FindingError
from vistry.errors import DataError
from vistry.hyperparameter.schema import Source
from vistry.runs.folder import Run
from vistry.training.plan import Plan, Request, make_plan


@pytest.fixture
def plan_of(runs: Path) -> Callable[..., Plan]:
    def plan(data: Path, task: str | None = None, **options: Any) -> Plan:
        return make_plan(Request(data=data, task=task, model="tiny", **options), [Source.of({}, "the call")])

    return plan


@pytest.fixture
def gaps(digits: Path, tmp_path: Path) -> Path:
    """Splits of which training lacks digit 3 and validation digit 0."""
    root = tmp_path / "gaps"
    for name in ("digit0", "digit1", "digit2", "digit3"):
        for at, image in enumerate(sorted((digits / name).iterdir())):
            split = {"digit0": "train", "digit3": "val"}.get(name, "val" if at < 4 else "train")
            (root / split / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(image, root / split / name)
    return root


def test_fault_10_a_class_without_training_images_is_warned_of(plan_of: Callable[..., Plan], gaps: Path) -> None:
    warnings = plan_of(gaps).warnings()
    assert warnings[0].startswith("class-untrained: 1 class(es) have no training image: 'digit3' (16)")
    assert warnings[1].startswith("class-unvalidated: 1 class(es) have no validation image: 'digit0' (16)")


def test_so_it_is_where_the_validation_images_are_apart(plan_of: Callable[..., Plan], gaps: Path) -> None:
    plan = plan_of(gaps / "train", validation=gaps / "val")
    assert [line.partition(":")[0] for line in plan.warnings()[:2]] == ["class-untrained", "class-unvalidated"]
    assert plan.division.origins(plan.training) == {
        "train": "all others",
        "validation": f"given by --validation {gaps / 'val'}",
    }


@pytest.mark.parametrize(
    ("name", "task"), [("digits", "image_classification"), ("multilabel", "image_classification_multilabel")]
)
def test_fault_37_the_task_is_what_the_labels_say(
    plan_of: Callable[..., Plan], name: str, task: str, request: pytest.FixtureRequest
) -> None:
    plan = plan_of(request.getfixturevalue(name))
    assert plan.context.task.name == task
    assert plan.task_reason
    assert plan_of(request.getfixturevalue(name), task).task_reason == ""


def test_where_the_data_does_not_say_it_the_tasks_are_listed(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsure(*_: object) -> None:
        raise FindingError(Finding.of("task-mismatch", "labels of two kinds"))

    monkeypatch.setattr(task_choice, "guess_task", unsure)
    with pytest.raises(DataError, match="--task: multiclass, multilabel, detection, segmentation"):
        plan_of(tmp_path)
    monkeypatch.undo()
    with pytest.raises(DataError, match="there is no such file or folder"):
        plan_of(tmp_path / "nowhere")


def test_fault_10_the_command_says_it_all(vistry: Callable[..., Any], gaps: Path, tmp_path: Path) -> None:
    (gaps / "train" / "digit1" / "empty.png").write_bytes(b"")
    result = vistry("train", "--model", "tiny", "--data", gaps, "--number_of_epochs", 1)
    assert result.stdout.splitlines()[:5] == [
        "tiny/tiny for image_classification: 4 classes, 40 training and 24 validation images",
        f"{gaps}: folders, multiclass (guessed: a folder for each class)",
        "4 classes: digit0 (16), digit1 (12), digit2 (12), digit3 (0)",
        "training: 40 images, given by the folder train/",
        "validation: 24 images, given by the folder val/",
    ]
    assert "left out: " in result.stdout
    lines = result.stderr.splitlines()
    assert lines[0].startswith("warning: class-untrained: ")
    assert f"note: all that was found in the data: vistry doctor {gaps}; later findings.json" in lines
    (run,) = (tmp_path / "runs").iterdir()
    assert "class-untrained" in (run / "findings.json").read_text()


def test_a_plan_in_json_says_it_too(vistry: Callable[..., Any], gaps: Path) -> None:
    result = vistry("train", "--model", "tiny", "--data", gaps, "--dry-run", "--json")
    plan = json.loads(result.stdout)["plan"]
    assert (plan["format"], plan["task_reason"]) == ("folders", "a folder for each class")
    assert plan["split_origins"]["validation"] == "given by the folder val/"
    assert any(line.startswith("class-untrained") for line in plan["warnings"])


def test_fault_37_in_python_the_task_may_be_left_out(digits: Path, runs: Path) -> None:
    import vistry

    result = vistry.train(digits, model="tiny", number_of_epochs=1)
    assert isinstance(result.run, Run)
    assert result.run.record.task == "image_classification"
