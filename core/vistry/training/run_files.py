"""Writing a run's folder: all that predicting, evaluating and resuming need, before the first update."""

from __future__ import annotations

import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

from vistry.hyperparameter.recorded import hyperparameters_record
from vistry.runs.findings import diagnosis_record
from vistry.runs.folder import TRAINING_ROWS, VALIDATION_ROWS, Run
from vistry.runs.image_contents import write_image_contents
from vistry.runs.records import DataRecord, FindingsRecord, ModelRecord, RunRecord, RunStatus
from vistry.runs.rows import write_rows
from vistry.training.plan import Plan


def write_data(folder: Path, plan: Plan) -> None:
    """Write the rows of both splits, the hashes of their images, and what was found in the data."""
    task = plan.context.task.name
    write_rows(folder / TRAINING_ROWS, plan.training, task)
    write_rows(folder / VALIDATION_ROWS, plan.validation, task)
    # The first epoch reads the same files again, and then from memory.
    write_image_contents(folder, {"training": plan.training.images, "validation": plan.validation.images})
    Run(folder).write(FindingsRecord(diagnoses=tuple(map(diagnosis_record, plan.diagnoses))))


def write_run(run: Run, plan: Plan) -> None:
    """Write, beside the data, everything that predicting, evaluating and resuming need."""
    run.write(hyperparameters_record(plan.hyperparameters))
    run.write(RunStatus(status="running", reason="", started=now()))
    run.write(_run_record(run, plan))  # the last one: a folder with a run.json is a run


def _run_record(run: Run, plan: Plan) -> RunRecord:
    context, card = plan.context, plan.context.card
    return RunRecord(
        id=run.id,
        task=context.task.name,
        backend=context.backend,
        model=ModelRecord(
            name=card.name,
            full_name=card.full_name,
            distribution=card.distribution,
            version=card.version,
            backbone=card.backbone.full_name if card.backbone else "",
        ),
        classes=plan.classes,
        primary_metric=plan.primary_metric,
        preprocessing=context.preprocessing(),
        data=data_record(plan),
        initial_weights=plan.initial_weights.record(),
        command=(Path(sys.argv[0]).name, *sys.argv[1:]),
        versions={"vistry": version("vistry"), "python": platform.python_version()},
        created=now(),
        parts=context.parts.records(plan.primary_metric),
    )


def data_record(plan: Plan) -> DataRecord:
    """What a plan's images are, for run.json."""
    validation = plan.request.validation
    return DataRecord(
        source=str(plan.request.data.resolve()),
        training_images=len(plan.training),
        validation_images=len(plan.validation),
        training_class_counts=plan.data_summary.class_counts,
        validation_source=str(validation.resolve()) if validation else None,
        split=plan.split,
    )


def now() -> str:
    """The time as records have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
