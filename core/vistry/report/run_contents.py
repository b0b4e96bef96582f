"""The files of a run folder as its report needs them; a missing or damaged file leaves a gap, with the reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vistry.data.table import Table
from vistry.errors import RunError
from vistry.hyperparameter.values import Hyperparameters
from vistry.report.inputs import ReportInputs
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import PREDICTIONS, Run
from vistry.runs.rows import read_rows

Entry = dict[str, Any]


@dataclass(frozen=True)
class BestEpoch:
    """The epoch with the best evaluation, counted from 1, and its metrics."""

    epoch: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Contents:
    """A run as its report needs it. Where `inputs` is None, `reason` says why; otherwise it is empty."""

    run: Run
    record: Entry
    status: Entry
    hyperparameters: dict[str, Entry]
    history: Sequence[Entry]
    best: BestEpoch | None
    validation: Table | None
    inputs: ReportInputs | None
    reason: str

    @cached_property
    def seconds(self) -> float:
        """The seconds of training and evaluation, over all sessions of the run."""
        return float(sum(entry["seconds"] + entry.get("evaluation_seconds", 0.0) for entry in self.history))

    @property
    def primary(self) -> str:
        """The name of the primary metric."""
        return str(self.record["primary_metric"])

    @property
    def score(self) -> float | None:
        """The primary metric of the best epoch, None where it is undefined."""
        return None if self.best is None else self.best.metrics.get(self.primary)


def contents_of(run: Run) -> Contents:
    """Read a run folder. Raises RunError if it isn't a run."""
    record, status, history = run.record, run.status, run.history()
    validation = _validation(run)
    inputs, facts, reason = _inputs(run, validation)
    best = _best(facts, status, history)
    return Contents(
        run=run,
        record=record,
        status=status,
        hyperparameters=run.hyperparameters,
        history=history,
        best=best,
        validation=validation,
        inputs=inputs,
        reason=reason,
    )


def _validation(run: Run) -> Table | None:
    try:
        return read_rows(run.folder / "validation.jsonl", tuple(run.record["classes"]), run.record["task"])
    except RunError:
        return None


def _inputs(run: Run, validation: Table | None) -> tuple[ReportInputs | None, Entry, str]:
    if not (run.folder / PREDICTIONS).is_file():
        return None, {}, "No evaluation was finished, so there is nothing to show of what the model can do."
    try:
        tensors, facts = read_checkpoint(run.folder / PREDICTIONS)
    except RunError as error:
        return None, {}, f"The predictions can't be shown: {error}"
    images = _names(validation, facts.get("images", len(tensors.get("predictions", ()))))
    values = Hyperparameters.from_dict(run.hyperparameters)
    inputs = ReportInputs(images=images, classes=run.record["classes"], tensors=tensors, hyperparameters=values)
    return inputs, facts, ""


def _names(validation: Table | None, count: int) -> Sequence[str]:
    """Return the validation images, or row numbers if the list is gone or belongs to other data."""
    if validation is not None and len(validation) == count:
        return validation.images
    return [f"image {row + 1}" for row in range(count)]


def _best(facts: Entry, status: Entry, history: Sequence[Entry]) -> BestEpoch | None:
    if "epoch" in facts and "metrics" in facts:
        return BestEpoch(facts["epoch"] + 1, facts["metrics"])
    # Without readable predictions the state of the run names the epoch, and the history has its metrics.
    for entry in history:
        if entry["epoch"] == status.get("best_epoch") and "validation" in entry:
            return BestEpoch(entry["epoch"] + 1, entry["validation"])
    return None


def class_counts(contents: Contents) -> tuple[Sequence[int], Sequence[int] | None]:
    """Count the images of each class in the training split and, if its list still exists, the validation split."""
    training = contents.record["data"]["training_counts"]
    table = contents.validation
    return training, None if table is None else np.asarray(table.class_counts()).tolist()


def diagnoses(folder: Path) -> list[Entry]:
    """Read the doctor's diagnoses from findings.json; an empty list if that is missing or damaged."""
    try:
        content = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    # There is one diagnosis, or one for each of several data sets.
    items = content.get("diagnoses", [content]) if isinstance(content, dict) else []
    return [item for item in items if isinstance(item, dict)]
