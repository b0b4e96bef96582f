"""Names that other tools have for hyperparameters and options: each leads to ours, in calls, files and on the line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import vistry
from vistry.errors import HyperparameterError
from vistry.hyperparameter import aliases
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.sources import read_file
from vistry.registry.tasks import TASKS

pytestmark = pytest.mark.usefixtures("no_policy")


def ours() -> set[str]:
    tasks = {name for task in TASKS for name in vistry.hyperparameters(None, task.name).fields}
    return tasks | set(vistry.hyperparameters("yolov5", "detection").fields)


def problems(source: Source, model: str = "resnet18", task: str = "multiclass") -> dict[str, str]:
    with pytest.raises(HyperparameterError) as caught:
        vistry.hyperparameters(model, task).resolve([source])
    return {problem.field: problem.remedy for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("name", "model", "task", "meant"),
    [
        ("lr", "resnet18", "multiclass", "learning_rate"),
        ("lr0", "yolov5", "detection", "learning_rate"),
        ("epochs", "resnet18", "multiclass", "number_of_epochs"),
        ("batch-size", "resnet18", "multiclass", "training_batch_size"),
        ("batch", "yolov5", "detection", "training_batch_size"),
        ("imgsz", "resnet18", "multiclass", "training_crop_size"),
        ("imgsz", "yolov5", "detection", "image_size"),
        ("imgsz", "fasterrcnn_resnet50_fpn", "detection", "min_size"),
        ("conf_thres", "yolov5", "detection", "box_score_threshold"),
        ("workers", "resnet18", "multiclass", "number_of_workers"),
    ],
)
def test_a_name_of_another_tool_leads_to_the_models_own(name: str, model: str, task: str, meant: str) -> None:
    assert problems(Source.of({name: 1}, "the call"), model, task) == {name: f"did you mean '{meant}'?"}


def test_all_wrong_names_of_a_config_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "hyp.yaml"
    path.write_text("lr0: 0.01\nepochs: 3\nproject: mine\ndevice: 0\n")
    found = problems(read_file(path))
    assert found["lr0"] == "did you mean 'learning_rate'?"
    assert found["epochs"] == "did you mean 'number_of_epochs'?"
    assert "type --output, in Python output=" in found["project"]
    assert "a GPU is used where there is one" in found["device"]


def test_every_name_leads_to_something_that_exists() -> None:
    assert {name for names in aliases._HYPERPARAMETERS for name in names} <= ours()


def test_no_name_means_two_things_or_one_of_ours() -> None:
    tables = (aliases._HYPERPARAMETERS, aliases._OPTIONS, aliases._NOTES)
    counts = Counter(name for table in tables for names in table.values() for name in names.split())
    assert [name for name, count in counts.items() if count > 1] == []
    # image_size is one detector's own, and for all others a name of the field.
    assert set(counts) & ours() <= {"image_size"}
