"""What a run folder holds for its report; what is missing is left out and said."""

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
from vistry.report.inputs import ReportInputs
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import PREDICTIONS, Run
from vistry.runs.rows import read_rows

Entry = dict[str, Any]


@dataclass(frozen=True)
class Best:
    """The best evaluation: its epoch, counted from 1, and its metrics."""

    epoch: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Contents:
    """A run as its report needs it. `reason` says why there is no inputs."""

    run: Run
    record: Entry
    status: Entry
    hyperparameters: dict[str, Entry]
    history: Sequence[Entry]
    best: Best | None
    validation: Table | None
    inputs: ReportInputs | None
    reason: str

    @cached_property
    def seconds(self) -> float:
        """Seconds spent in training and evaluation, over all sessions."""
        return float(sum(entry["seconds"] + entry.get("evaluation_seconds", 0.0) for entry in self.history))

    @property
    def primary(self) -> str:
        """The primary metric's name."""
        return str(self.record["primary_metric"])

    @property
    def score(self) -> float | None:
        """The primary metric of the best epoch."""
        return None if self.best is None else self.best.metrics.get(self.primary)


def contents_of(run: Run) -> Contents:
    """Read a run folder. Raises RunError where it is no run."""
    record, status, history = run.record, run.status, run.history()
    validation = _validation(run)
    inputs, facts, reason = _evidence(run, validation)
    best = _best(facts, status, history)
    return Contents(run, record, status, run.hyperparameters, history, best, validation, inputs, reason)


def _validation(run: Run) -> Table | None:
    try:
        return read_rows(run.folder / "validation.jsonl", tuple(run.record["classes"]), run.record["task"])
    except RunError:
        return None


def _evidence(run: Run, validation: Table | None) -> tuple[ReportInputs | None, Entry, str]:
    if not (run.folder / PREDICTIONS).is_file():
        return None, {}, "No evaluation was finished, so there is nothing to show of what the model can do."
    try:
        tensors, facts = read_checkpoint(run.folder / PREDICTIONS)
    except RunError as error:
        return None, {}, f"The predictions can't be shown: {error}"
    images = _names(validation, facts.get("images", len(tensors.get("predictions", ()))))
    values = {name: entry["value"] for name, entry in run.hyperparameters.items()}
    return ReportInputs(images, run.record["classes"], tensors, values), facts, ""


def _names(validation: Table | None, count: int) -> Sequence[str]:
    """The validation images, or their row numbers where the list is gone or is another."""
    if validation is not None and len(validation) == count:
        return validation.images
    return [f"image {row + 1}" for row in range(count)]


def _best(facts: Entry, status: Entry, history: Sequence[Entry]) -> Best | None:
    if "epoch" in facts and "metrics" in facts:
        return Best(facts["epoch"] + 1, facts["metrics"])
    epoch = status.get("best_epoch")
    found = [entry for entry in history if entry["epoch"] == epoch and "validation" in entry]
    return Best(found[0]["epoch"] + 1, found[0]["validation"]) if found else None


def class_counts(contents: Contents) -> tuple[Sequence[int], Sequence[int] | None]:
    """Images of each class in the training and, where its list is there, the validation split."""
    training = contents.record["data"]["training_counts"]
    table = contents.validation
    return training, None if table is None else np.asarray(table.class_counts()).tolist()


def diagnoses(folder: Path) -> list[Entry]:
    """What the doctor said of the data, from findings.json; nothing where that is missing or damaged."""
    try:
        found = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    listed = found.get("diagnoses", [found]) if isinstance(found, dict) else []
    return [item for item in listed if isinstance(item, dict)]
