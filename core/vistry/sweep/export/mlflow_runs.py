"""A sweep as an experiment of MLflow's: a run a trial, with its values, its curves and what became of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vistry.hyperparameter.values import format_value
from vistry.sweep.export.trial_times import times_of, trial_times
from vistry.sweep.folder import SweepFolder
from vistry.sweep.standing import as_they_stand
from vistry.sweep.trial import Trial

if TYPE_CHECKING:
    from mlflow.entities import Metric

STATUSES = {"completed": "FINISHED", "failed": "FAILED", "skipped": "FAILED", "running": "RUNNING"}
EARLY = "KILLED"  # what MLflow calls a run that somebody ended
LONGEST = 5000  # letters of a tag
MOST_METRICS = 1000  # in one call


def write(sweep: SweepFolder, path: Path) -> None:
    """Write a SQLite file that `mlflow ui` reads."""
    from mlflow import MlflowClient
    from mlflow.entities import Param, RunTag

    logging.getLogger("mlflow").setLevel(logging.ERROR)  # it tells of each table that it makes
    client = MlflowClient(tracking_uri=f"sqlite:///{path}")
    artifacts = path.with_suffix(".artifacts")
    experiment = client.create_experiment(sweep.id, artifact_location=artifacts.as_uri())
    times = trial_times(sweep)
    for trial in as_they_stand(sweep, sweep.trials()):
        span = times_of(trial, times)
        begun, ended = round(1000 * span.begun), round(1000 * span.ended)
        run = client.create_run(experiment, start_time=begun, run_name=f"trial {trial.number}").info.run_id
        values = {"model": trial.record.model, **{n: format_value(v) for n, v in trial.record.values.items()}}
        metrics = list(_metrics(sweep, trial, begun))
        client.log_batch(
            run,
            params=[Param(name, value) for name, value in values.items()],
            tags=[RunTag(name, text[:LONGEST]) for name, text in _tags(sweep, trial).items() if text],
        )
        for first in range(0, len(metrics), MOST_METRICS):
            client.log_batch(run, metrics=metrics[first : first + MOST_METRICS])
        status = STATUSES.get(trial.state.status, EARLY)
        if status != "RUNNING":
            client.set_terminated(run, status, ended)


def _tags(sweep: SweepFolder, trial: Trial) -> dict[str, str]:
    return {
        "why": trial.record.why,
        "status": trial.state.status,
        "reason": trial.state.reason,
        "run": str(sweep.trial_folder(trial.number)),
        "task": sweep.record.task,
    }


def _metrics(sweep: SweepFolder, trial: Trial, begun: int) -> Iterator[Metric]:
    """Every metric of each epoch, and at last the best score under the name "best"."""
    from mlflow.entities import Metric

    # Epochs keep no clock time, so their seconds are laid end to end.
    passed = begun
    for entry in sweep.run_of(trial.number).history():
        passed += round(1000 * (entry.train_seconds + (entry.evaluation_seconds or 0.0)))
        for name, value in {"train_loss": entry.train_loss, **(entry.metrics or {})}.items():
            yield Metric(name, float(value), passed, entry.epoch + 1)
    best = sweep.metric(trial.best())
    if best is not None:
        yield Metric(f"best_{sweep.record.primary_metric}", best, passed, trial.trained)
