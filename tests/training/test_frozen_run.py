"""A run folder written once by the first version: every later one has to read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import vistry
from vistry.report import write_report
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import Run, find_run

FROZEN = Path(__file__).parent.parent / "frozen"


@pytest.fixture
def run(tmp_path: Path, tiny_plugin: None) -> Run:
    return Run(shutil.copytree(FROZEN / "run_schema_1", tmp_path / "run_schema_1"))


def test_it_predicts_what_it_predicted_when_it_was_written(run: Run) -> None:
    rows = [json.loads(line) for line in (run.folder / "validation.jsonl").read_text().splitlines()]
    images = [FROZEN / "digits" / row["label"] / Path(row["image_url"]).name for row in rows]
    kept, _ = read_checkpoint(run.folder / "predictions.safetensors")
    found = [entry["probs"] for entry in vistry.predict(run.folder, images)]
    np.testing.assert_allclose(found, kept["predictions"], atol=1e-4)


def test_it_is_listed_evaluated_and_drawn(run: Run) -> None:
    assert find_run("run_schema_1", run.folder.parent).record.model.full_name == "tiny/tiny"
    assert vistry.evaluate(run.folder, FROZEN / "digits").images == 36
    assert "digit2" in write_report(run).read_text()


def test_a_new_run_builds_upon_it(run: Run, tmp_path: Path) -> None:
    settings = {"number_of_epochs": 1, "learning_rate": 0.0, "precision": "fp32"}
    data = FROZEN / "digits"
    result = vistry.train(
        data, task="multiclass", model="tiny", output=tmp_path / "new", checkpoint_run_id=str(run.folder), **settings
    )
    ours, theirs = read_checkpoint(result.run.best_weights)[0], read_checkpoint(run.best_weights)[0]
    np.testing.assert_array_equal(ours["head.weight"], theirs["head.weight"])
