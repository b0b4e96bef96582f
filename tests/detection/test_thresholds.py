"""A detector's thresholds: chosen on its validation images, and what predictions, evaluations and the report go by."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import vistry
from vistry.errors import VistryError
from vistry.runs.folder import Run

FROZEN = Path(__file__).parent.parent / "frozen"
KINDS = {"detection_run_schema_1": "det", "segmentation_run_schema_1": "seg"}


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return Run(shutil.copytree(FROZEN / request.param, tmp_path / request.param))


def data_of(run: Run) -> Path:
    return FROZEN / "shapes" / f"{KINDS[run.id]}.jsonl"


def images_of(run: Run) -> list[Path]:
    lines = (run.folder / "validation.jsonl").read_text().splitlines()
    return [FROZEN / "shapes" / Path(json.loads(line)["image_url"]).name for line in lines]


def scores(run: Run, **given: float) -> dict[str, list[float]]:
    """The scores of what is predicted for the validation images, by class."""
    boxes = [box for entry in vistry.predict(run.folder, images_of(run), **given) for box in entry["boxes"]]
    return {name: sorted(box["score"] for box in boxes if box["label"] == name) for name in run.record.classes}


def test_predictions_go_by_the_thresholds_of_their_classes(run: Run) -> None:
    first, second = run.record.classes
    vistry.threshold(run.folder, f1=True, class_name=first)
    before = scores(run, box_score_threshold=0.0101)
    limits = json.loads((run.folder / "thresholds.json").read_text())["thresholds"]
    chosen = scores(run)
    assert chosen == {name: [score for score in before[name] if score > limits[name]] for name in before}
    assert 0 < len(chosen[first]) < len(before[first])
    assert limits[second] == run.hyperparameters["box_score_threshold"].value


def test_what_is_given_wins(run: Run) -> None:
    before = scores(run, box_score_threshold=0.0101)
    vistry.threshold(run.folder, f1=True)
    assert scores(run, box_score_threshold=0.0101) == before == scores(run, threshold=0.0101)
    with pytest.raises(VistryError, match="threshold and box_score_threshold are the same; give one of them"):
        scores(run, threshold=0.2, box_score_threshold=0.2)


def test_precision_and_recall_at_the_threshold_are_those_of_an_evaluation(run: Run) -> None:
    """On the validation images, for one class: the means over classes are then that class's own."""
    first, second = run.record.classes
    point = vistry.threshold(run.folder, f1=True, class_name=first).point
    rows = [json.loads(line) for line in data_of(run).read_text().splitlines()]
    names = {path.name for path in images_of(run)}
    kept = [row for row in rows if Path(row["image_url"]).name in names]
    for row in kept:
        row["image_url"] = str(FROZEN / "shapes" / Path(row["image_url"]).name)
        row["label"] = [label for label in row["label"] if label["label"] == first]
    file = run.folder / "data.jsonl"
    file.write_text("\n".join(map(json.dumps, kept)))
    limits = json.loads((run.folder / "thresholds.json").read_text())
    limits["thresholds"][second] = 1.0
    (run.folder / "thresholds.json").write_text(json.dumps(limits))
    metrics = vistry.evaluate(run.folder, file, include_training=True).metrics
    assert metrics["precision_at_serving_threshold"] == pytest.approx(point.figures.precision)
    assert metrics["recall_at_serving_threshold"] == pytest.approx(point.figures.recall)


def test_the_report_shows_them(run: Run) -> None:
    first, second = run.record.classes
    vistry.threshold(run.folder, f1=True, class_name=first)
    page = (run.folder / "report.html").read_text()
    assert "Operating points" in page
    assert "the threshold of its class" in page
    vistry.threshold(run.folder, f1=True)
    [value] = {point.threshold for point in run.thresholds.points}
    assert f"with a score above {value:g}" in (run.folder / "report.html").read_text()
    assert second in page
