"""The test figure: the best trial, and no other, measured on images that chose nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vistry.errors import RunError, VistryError
from vistry.runs.files import write_json
from vistry.runs.folder import SCHEMA, Run
from vistry.runs.json_records import from_json, to_json
from vistry.sweep.folder import DATA, SweepFolder
from vistry.sweep.trial import Trial

if TYPE_CHECKING:
    from pathlib import Path

    from vistry.inference.evaluate import Evaluation

TEST = "test.json"
EVALUATION = "evaluation"  # the key of all that was measured, beside those of the record
# Seconds beside those of the predictions: a process is forked, the images are listed, and the doubt is computed.
SETTING_UP = 4.0


@dataclass(frozen=True, kw_only=True)
class TestRecord:
    """test.json: which trial was measured, on how many images, and its metrics by name.

    `score` is the primary metric, None where it is undefined; `looks` counts how often a trial was measured on them, as
    the best changed: each look makes the figure a little less honest. `data` is what a job file names to test on, ""
    for the test split of the sweep's own data.
    """

    __test__ = False  # it is no test of pytest's

    trial: int
    images: int
    metrics: Mapping[str, float]
    score: float | None = None
    looks: int = 1
    data: str = ""


def test_images(sweep: SweepFolder) -> int:
    """On how many images the best trial is measured at the end; 0 where there are none."""
    if (test := sweep.record.test) is not None:
        return test.images
    return sum(diagnosis.splits.get("test", 0) for diagnosis in Run(sweep.path / DATA).diagnoses())


def seconds_to_measure(sweep: SweepFolder, trials: Sequence[Trial]) -> float:
    """How long measuring will take, by the slowest evaluation of a trial; 0 where nothing will be measured."""
    images = test_images(sweep)
    if not images:
        return 0.0
    of_trials = max((trial.evaluation_seconds for trial in trials), default=0.0)
    return SETTING_UP + of_trials * images / max(1, sweep.record.data.validation_images)


def read_test(sweep: SweepFolder) -> TestRecord | None:
    """Read the figure; None where there is none."""
    content, path = _read(sweep)
    return None if content is None else from_json(TestRecord, content, path)


def read_evaluation(sweep: SweepFolder) -> Evaluation | None:
    """Read all that was measured; None where there is nothing."""
    from vistry.inference.evaluate import Evaluation

    content, path = _read(sweep)
    return None if content is None or EVALUATION not in content else from_json(Evaluation, content[EVALUATION], path)


def trial_to_measure(sweep: SweepFolder) -> int | None:
    """The number of the best trial; None where nothing is to be measured, or that trial was already."""
    best = sweep.best() if test_images(sweep) else None
    if best is None or ((before := read_test(sweep)) is not None and before.trial == best.number):
        return None
    return best.number


def measure_test(sweep: SweepFolder, number: int) -> None:
    """Measure a trial on the test images and write test.json. Where they can't be measured, a note says why."""
    from vistry.inference.evaluate import evaluate

    request, test = sweep.record.request, sweep.record.test
    split: dict[str, Any] = {
        "format": request.format,
        "images": request.images,
        "columns": request.columns or None,
        "classes_at": request.classes_at,
        "split": "test",
    }
    # Images that have gone, or an odd split, cost the figure and not the sweep.
    try:
        data = request.data if test is None else test.data
        measured = evaluate(sweep.trial_folder(number), data, **(split if test is None else {}))
        before = read_test(sweep)
    except VistryError as error:
        sweep.add_event("note", sweep.trial(number), reason=f"it could not be measured on the test images: {error}")
        return
    record = TestRecord(
        trial=number,
        images=measured.images,
        metrics=measured.metrics,
        score=measured.metrics.get(sweep.record.primary_metric),
        looks=1 if before is None else before.looks + 1,
        data="" if test is None else test.data,
    )
    write_json(sweep.path / TEST, {"schema": SCHEMA, **to_json(record), EVALUATION: to_json(measured)})


def _read(sweep: SweepFolder) -> tuple[dict[str, Any] | None, Path]:
    path = sweep.path / TEST
    try:
        return json.loads(path.read_text(encoding="utf-8")), path
    except FileNotFoundError:
        return None, path
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read: {error}") from None
