"""The command that trains a trial of a sweep again, with every value that it was given."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from vistry.hyperparameter.values import format_value
from vistry.registry.tasks import task_named
from vistry.sweep.records import SweepRecord
from vistry.sweep.trial import Trial


def training_command(record: SweepRecord, trial: Trial) -> str:
    """Return `vistry train ...`: the same data and split, the trial's model, and all that isn't a default."""
    return shlex.join(["vistry", "train", *_options(record, trial)])


def _options(record: SweepRecord, trial: Trial) -> Iterator[str]:
    request = record.request
    yield from ("--data", request.data, "--task", task_named(record.task).alias, "--model", trial.record.model)
    plain = {
        "--validation": request.validation,
        "--validation-size": request.validation_size,
        "--format": request.format,
        "--classes-at": request.classes_at,
        "--group-by": request.group_by,
        "--primary-metric": record.primary_metric,
        "--backend": None if request.backend == "torch" else request.backend,
    }
    for option, value in plain.items():
        if value is not None:
            yield from (option, format_value(value))
    for folder in request.images:
        yield from ("--images", folder)
    for role, name in request.columns.items():
        yield from ("--columns", f"{role}={name}")
    # Unset is what a hyperparameter is where nobody gives it.
    for name, value in {**record.fixed.values, **trial.record.values}.items():
        if value is not None:
            yield from (f"--{name}", format_value(value))
