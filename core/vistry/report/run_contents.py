"""The files of a run folder as its report needs them; a missing or damaged file leaves a gap, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vistry.data.table import Table
from vistry.errors import RunError
from vistry.evaluation.operating_point import Thresholds
from vistry.hyperparameter.recorded import hyperparameters_of
from vistry.report.inputs import ReportInputs
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import PREDICTIONS, VALIDATION_ROWS, Run
from vistry.runs.records import BestFacts, EpochEntry, HyperparameterRecord, RunRecord, RunStatus, ThresholdsRecord
from vistry.runs.rows import read_rows
from vistry.runs.thresholds import thresholds_of


@dataclass(frozen=True)
class BestEpoch:
    """The epoch with the best evaluation, counted from 1, and its metrics."""

    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Contents:
    """A run as its report needs it. Where `inputs` is None, `reason` says why; otherwise it is empty.

    `thresholds` are those that were chosen for the weights of the best epoch, None where there are none;
    `thresholds_reason` then says why those in the folder don't count.
    """

    run: Run
    record: RunRecord
    status: RunStatus
    hyperparameters: Mapping[str, HyperparameterRecord]
    history: Sequence[EpochEntry]
    best: BestEpoch | None
    validation: Table | None
    inputs: ReportInputs | None
    reason: str
    thresholds: ThresholdsRecord | None = None
    thresholds_reason: str = ""

    @cached_property
    def seconds(self) -> float:
        """The seconds of training and evaluation, over all sessions of the run."""
        return sum(entry.train_seconds + (entry.evaluation_seconds or 0.0) for entry in self.history)

    @property
    def primary(self) -> str:
        """The name of the primary metric."""
        return self.record.primary_metric

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
    limits, thresholds_reason = _thresholds(run, facts)
    if inputs is not None:
        inputs = replace(inputs, thresholds=limits)
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
        thresholds=None if limits is None else run.thresholds,
        thresholds_reason=thresholds_reason,
    )


def _thresholds(run: Run, facts: BestFacts | None) -> tuple[Thresholds | None, str]:
    """[C] the thresholds that hold for the weights of the best epoch, or None and why those in the folder don't."""
    if facts is None:
        return None, ""
    try:
        return thresholds_of(run, facts.epoch), ""
    except RunError as error:
        return None, f"The thresholds in the run folder aren't used: {error}"


def _validation(run: Run) -> Table | None:
    try:
        return read_rows(run.folder / VALIDATION_ROWS, run.record.classes, run.record.task)
    except RunError:
        return None


def _inputs(run: Run, validation: Table | None) -> tuple[ReportInputs | None, BestFacts | None, str]:
    if not (run.folder / PREDICTIONS).is_file():
        return None, None, "No evaluation was finished, so there is nothing to show of what the model can do."
    try:
        tensors, facts = read_checkpoint(run.folder / PREDICTIONS)
    except RunError as error:
        return None, None, f"The predictions can't be shown: {error}"
    if not isinstance(facts, BestFacts):
        return None, None, f"The predictions can't be shown: {PREDICTIONS} is a checkpoint of kind '{facts.kind}'"
    inputs = ReportInputs(
        images=_names(validation, facts.images),
        classes=run.record.classes,
        tensors=tensors,
        hyperparameters=hyperparameters_of(run),
    )
    return inputs, facts, ""


def _names(validation: Table | None, count: int) -> Sequence[str]:
    """Return the validation images, or row numbers if the list is gone or belongs to other data."""
    if validation is not None and len(validation) == count:
        return validation.images
    return [f"image {row + 1}" for row in range(count)]


def _best(facts: BestFacts | None, status: RunStatus, history: Sequence[EpochEntry]) -> BestEpoch | None:
    if facts is not None:
        return BestEpoch(facts.epoch + 1, facts.metrics)
    # Without readable predictions the state of the run names the epoch, and the history has its metrics.
    for entry in history:
        if entry.epoch == status.best_epoch and entry.metrics is not None:
            return BestEpoch(entry.epoch + 1, entry.metrics)
    return None


def class_counts(contents: Contents) -> tuple[Sequence[int], Sequence[int] | None]:
    """Count the images of each class in the training split and, if its list still exists, the validation split."""
    training = contents.record.data.training_class_counts
    table = contents.validation
    return training, None if table is None else np.asarray(table.class_counts()).tolist()
