"""What a run folder holds for its report; what is missing is left out and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vistry.data.table import Table
from vistry.errors import RunError
from vistry.report.section import ReportInputs
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import PREDICTIONS, VALIDATION_ROWS, Run
from vistry.runs.records import BestFacts, EpochEntry, HyperparameterRecord, RunRecord, RunStatus
from vistry.runs.rows import read_rows


@dataclass(frozen=True)
class Best:
    """The best evaluation: its epoch, counted from 1, and its metrics."""

    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Contents:
    """A run as its report needs it. `reason` says why there is no inputs."""

    run: Run
    record: RunRecord
    status: RunStatus
    hyperparameters: Mapping[str, HyperparameterRecord]
    history: Sequence[EpochEntry]
    best: Best | None
    validation: Table | None
    inputs: ReportInputs | None
    reason: str

    @cached_property
    def seconds(self) -> float:
        """Seconds spent in training and evaluation, over all sessions."""
        return sum(entry.train_seconds + (entry.evaluation_seconds or 0.0) for entry in self.history)

    @property
    def primary(self) -> str:
        """The primary metric's name."""
        return self.record.primary_metric

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
        return read_rows(run.folder / VALIDATION_ROWS, run.record.classes, run.record.task)
    except RunError:
        return None


def _evidence(run: Run, validation: Table | None) -> tuple[ReportInputs | None, BestFacts | None, str]:
    if not (run.folder / PREDICTIONS).is_file():
        return None, None, "No evaluation was finished, so there is nothing to show of what the model can do."
    try:
        tensors, facts = read_checkpoint(run.folder / PREDICTIONS)
    except RunError as error:
        return None, None, f"The predictions can't be shown: {error}"
    if not isinstance(facts, BestFacts):
        return None, None, f"The predictions can't be shown: {PREDICTIONS} is a checkpoint of kind '{facts.kind}'"
    values = {name: record.value for name, record in run.hyperparameters.items()}
    return ReportInputs(_names(validation, facts.images), run.record.classes, tensors, values), facts, ""


def _names(validation: Table | None, count: int) -> Sequence[str]:
    """The validation images, or their row numbers where the list is gone or is another."""
    if validation is not None and len(validation) == count:
        return validation.images
    return [f"image {row + 1}" for row in range(count)]


def _best(facts: BestFacts | None, status: RunStatus, history: Sequence[EpochEntry]) -> Best | None:
    if facts is not None:
        return Best(facts.epoch + 1, facts.metrics)
    for entry in history:
        if entry.epoch == status.best_epoch and entry.metrics is not None:
            return Best(entry.epoch + 1, entry.metrics)
    return None


def class_counts(contents: Contents) -> tuple[Sequence[int], Sequence[int] | None]:
    """Images of each class in the training and, where its list is there, the validation split."""
    training = contents.record.data.training_class_counts
    table = contents.validation
    return training, None if table is None else np.asarray(table.class_counts()).tolist()
