"""Cross-validation of detectors, of boxes and of masks: every picture predicted once, by the fold that never saw it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.runs.folder import TRAINING_ROWS
from vistry.runs.rows import read_rows
from vistry.sweep.folds.folder import FoldsFolder

from tests.detection.conftest import IMAGES, task_of

pytestmark = pytest.mark.usefixtures("few_regions")

OWN = ("tinyboxes", "tinymasks")  # a stranger's detectors, which take no time
DETECTORS = [
    pytest.param(name, marks=pytest.mark.long)
    for name in ("retinanet_tinybone_fpn", "fasterrcnn_tinybone_fpn", "maskrcnn_tinybone_fpn")
]


@pytest.mark.parametrize("model", [*OWN, *DETECTORS])
def test_each_picture_is_predicted_by_a_model_that_never_saw_it(
    model: str, shapes: dict[str, Path], quick: dict[str, Any], tmp_path: Path
) -> None:
    task = task_of(model)
    result = vistry.cross_validate(
        shapes[task], folds=2, task=task, model=model, output=tmp_path / "folds", threads=1, **quick
    )
    assert result.is_whole
    folder = FoldsFolder.open(result.folder)
    lines = [json.loads(line) for line in (result.folder / "predictions.jsonl").read_text().splitlines()]
    by_image = {line["filename"]: line for line in lines}
    assert len(lines) == len(by_image) == IMAGES + 1  # the one without objects among them
    for number, run in enumerate(folder.runs(), start=1):
        unseen = [image.image for image in folder.images() if image.fold == number]
        seen = set(read_rows(run.folder / TRAINING_ROWS, run.record.classes, run.record.task).images)
        assert not seen & set(unseen)
        for entry in vistry.predict(run.folder, unseen):
            boxes = by_image[entry["filename"]]["boxes"]
            assert [box["label"] for box in boxes] == [box["label"] for box in entry["boxes"]]
            assert [box["score"] for box in boxes] == pytest.approx([box["score"] for box in entry["boxes"]], abs=1e-4)
    precision = result.summary.metrics["mean_average_precision"]
    assert len(precision.values) == 2
    assert 0 <= precision.mean <= 1
    assert "mean_average_precision" in (result.folder / "report.html").read_text()
    best = vistry.find_run(result.folder)
    assert best.status.best_score == max(run.status.best_score or 0 for run in folder.runs())
