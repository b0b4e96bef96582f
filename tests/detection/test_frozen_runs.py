"""Run folders of detectors, written once: every later version has to read them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import vistry
from vistry.errors import RegistryError
from vistry.inference.load import load
from vistry.report import write_report
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.detection_tensors import from_tensors
from vistry.runs.folder import Run

FROZEN = Path(__file__).parent.parent / "frozen"
TASKS = {"detection": "det", "segmentation": "seg"}


@pytest.fixture(params=TASKS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    name = f"{request.param}_run_schema_1"
    return Run(shutil.copytree(FROZEN / name, tmp_path / name))


def task_of(run: Run) -> str:
    return run.id.partition("_")[0]


def test_it_predicts_what_it_predicted_when_it_was_written(run: Run) -> None:
    rows = [json.loads(line) for line in (run.folder / "validation.jsonl").read_text().splitlines()]
    images = [FROZEN / "shapes" / Path(row["image_url"]).name for row in rows]
    kept, _ = read_checkpoint(run.folder / "predictions.safetensors")
    expected, _ = from_tensors(kept)
    found = vistry.predict(run.folder, images, box_score_threshold=0.0101)
    for entry, detections in zip(found, expected, strict=True):
        served = detections.above(0.0101)
        assert len(entry["boxes"]) == len(served.scores) > 0
        ours = sorted(box["score"] for box in entry["boxes"])
        np.testing.assert_allclose(ours, sorted(served.scores.tolist()), atol=1e-4)


def test_without_its_plugin_it_says_where_its_model_came_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTRY_DISABLE", "tinybone")
    with pytest.raises(RegistryError, match=f"run {run.id} was trained with vistry-tinybone 0.1; see: vistry plugins"):
        load(run.folder)


def test_it_is_evaluated_and_drawn(run: Run) -> None:
    task = task_of(run)
    evaluation = vistry.evaluate(run.folder, FROZEN / "shapes" / f"{TASKS[task]}.jsonl")
    assert evaluation.images == 12
    assert evaluation.metrics["mean_average_precision"] > 0.3
    assert "square" in write_report(run).read_text()


def test_a_new_run_builds_upon_it(run: Run, tmp_path: Path) -> None:
    result = vistry.train(
        FROZEN / "shapes" / f"{TASKS[task_of(run)]}.jsonl",
        task=task_of(run),
        model=run.record.model.name,
        output=tmp_path / "new",
        checkpoint_run_id=str(run.folder),
        number_of_epochs=1,
        learning_rate=0.0,
        precision="fp32",
        min_size=64,
        max_size=96,
    )
    ours, theirs = read_checkpoint(result.run.best_weights)[0], read_checkpoint(run.best_weights)[0]
    np.testing.assert_array_equal(ours["head.weight"], theirs["head.weight"])
