"""The test split's figure: the best trial, and no other, measured on images that chose nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from vistry.errors import RunError, VistryError
from vistry.runs.files import write_json
from vistry.runs.folder import SCHEMA, Run
from vistry.runs.json_records import from_json, to_json
from vistry.sweep.folder import DATA, SweepFolder

TEST = "test.json"


@dataclass(frozen=True, kw_only=True)
class TestRecord:
    """test.json: which trial was measured on the test split, on how many images, and its metrics by name.

    `score` is the primary metric, None where it is undefined; `looks` counts how often a trial was measured on it, as
    the best changed: each look makes the figure a little less honest.
    """

    __test__ = False  # it is no test of pytest's

    trial: int
    images: int
    metrics: Mapping[str, float]
    score: float | None = None
    looks: int = 1


def has_test_split(sweep: SweepFolder) -> bool:
    """Whether the data of a sweep has images that it calls its test split."""
    return any(diagnosis.splits.get("test") for diagnosis in Run(sweep.path / DATA).diagnoses())


def read_test(sweep: SweepFolder) -> TestRecord | None:
    """Read the figure; None where there is none."""
    path = sweep.path / TEST
    try:
        return from_json(TestRecord, json.loads(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read: {error}") from None


def measure_test(sweep: SweepFolder) -> TestRecord | None:
    """Measure the best trial on the data's test split and write test.json, unless that trial was measured already.

    None where there is no such split, no model, or the images can't be measured, such as when they are gone.
    """
    best, before = sweep.best(), read_test(sweep)
    if best is None or not has_test_split(sweep):
        return before
    if before is not None and before.trial == best.number:
        return before
    from vistry.inference.evaluate import evaluate

    request = sweep.record.request
    # Images that have gone, or an odd split, cost the figure and not the sweep.
    try:
        measured = evaluate(
            sweep.trial_folder(best.number),
            request.data,
            format=request.format,
            images=request.images,
            columns=request.columns or None,
            classes_at=request.classes_at,
            split="test",
        )
    except VistryError:
        return before
    record = TestRecord(
        trial=best.number,
        images=measured.images,
        metrics=measured.metrics,
        score=measured.metrics.get(sweep.record.primary_metric),
        looks=1 if before is None else before.looks + 1,
    )
    write_json(sweep.path / TEST, {"schema": SCHEMA, **to_json(record)})
    return record
