"""Run folders with validation predictions made by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from vistry.runs.checkpoint import write_checkpoint
from vistry.runs.folder import PREDICTIONS, Run
from vistry.runs.records import BestFacts

FROZEN = Path(__file__).parents[1] / "frozen"
RUNS = {
    "image_classification": "run_schema_1",
    "image_classification_multilabel": "run_schema_1",
    "image_object_detection": "detection_run_schema_1",
}


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., Run]:
    """A run of a task with these classes, whose best epoch, the fourth, made these predictions of its images."""

    def make(task: str, classes: Sequence[str], tensors: dict[str, Any]) -> Run:
        folder = shutil.copytree(FROZEN / RUNS[task], tmp_path / "run")
        record = json.loads((folder / "run.json").read_text())
        data = record["data"] | {"training_class_counts": [1] * len(classes)}
        (folder / "run.json").write_text(json.dumps(record | {"task": task, "classes": list(classes), "data": data}))
        images = len(tensors["targets"] if "targets" in tensors else tensors["sizes"])
        facts = BestFacts(epoch=3, primary_metric="accuracy", metrics={}, images=images)
        write_checkpoint(folder / PREDICTIONS, tensors, facts)
        return Run(folder)

    return make
