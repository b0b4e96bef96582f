"""What the models of a cross-validation say of the images that they never saw, in the order of the data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.errors import RunError
from vistry.hyperparameter.values import Hyperparameters
from vistry.inference.prediction_table import PredictionTable
from vistry.registry.tasks import task_named
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.files import lines_to
from vistry.runs.folder import PREDICTIONS, VALIDATION_ROWS, Run
from vistry.runs.records import BestFacts
from vistry.runs.rows import read_rows
from vistry.sweep.folds.folder import PREDICTIONS_CSV, PREDICTIONS_JSONL, FoldImage, FoldsFolder
from vistry.task import behaviour_of
from vistry.task.behaviour import Measurement, Task
from vistry.training.session import recorded_context

# Folds whose best epoch stands for them; one that failed has no figure that is comparable.
TRAINED = ("completed", "stopped")


@dataclass(frozen=True)
class Unseen:
    """N images with what their fold's model predicts, and their targets, in the order of the data.

    `folds` are the folds that are there, each with the metrics of its best epoch. `values` are of the task's type.
    """

    task: Task
    classes: tuple[str, ...]
    hyperparameters: Hyperparameters
    images: tuple[FoldImage, ...]
    values: tuple[Any, ...]
    targets: Any
    folds: Mapping[int, Mapping[str, float]]

    @property
    def measurement(self) -> Measurement:
        """All of them as one set of images."""
        return Measurement(self.values, self.targets, self.classes, hyperparameters=self.hyperparameters)

    def tensors(self) -> Mapping[str, npt.NDArray[Any]]:
        """All of them as a run folder stores predictions."""
        return self.task.tensors(self.values, self.targets)


@dataclass(frozen=True)
class _Fold:
    """A fold's images with their predictions and targets, and the metrics of its best epoch."""

    images: Sequence[str]
    values: Sequence[Any]
    targets: Any
    metrics: Mapping[str, float]


def read_unseen(folder: FoldsFolder) -> Unseen | None:
    """Read the predictions of every fold that was trained; None where none was. Raises RunError."""
    record = folder.record
    task = behaviour_of(record.task)
    runs = {number: run for number, run in enumerate(folder.runs(), start=1) if run.status.status in TRAINED}
    folds = {number: _read(run, task) for number, run in runs.items() if (run.folder / PREDICTIONS).is_file()}
    if not folds:
        return None
    images, order = [], []
    taken = dict.fromkeys(folds, 0)
    # A run keeps its images in the data's order, so the next of a fold is the next one in its run.
    for image in folder.images():
        if image.fold in folds:
            place = taken[image.fold]
            images.append(FoldImage(image=folds[image.fold].images[place], fold=image.fold, where=image.where))
            order.append((image.fold, place))
            taken[image.fold] += 1
    targets = [folds[fold].targets[place] for fold, place in order]
    first = folder.run_of(min(folds))
    return Unseen(
        task=task,
        classes=record.classes,
        hyperparameters=recorded_context(first).hyperparameters,
        images=tuple(images),
        values=tuple(folds[fold].values[place] for fold, place in order),
        targets=np.asarray(targets) if not task_named(record.task).has_boxes else targets,
        folds={number: fold.metrics for number, fold in folds.items()},
    )


def _read(run: Run, task: Task) -> _Fold:
    table = read_rows(run.folder / VALIDATION_ROWS, run.record.classes, run.record.task)
    tensors, facts = read_checkpoint(run.folder / PREDICTIONS)
    values, targets = task.from_tensors(tensors)
    if not isinstance(facts, BestFacts) or len(values) != len(table):
        raise RunError(
            f"{run.folder / PREDICTIONS} doesn't belong to the run's {len(table)} validation images; restore it"
        )
    return _Fold(table.images, values, targets, metrics=facts.metrics)


def write_predictions(folder: FoldsFolder, unseen: Unseen) -> None:
    """Write predictions.jsonl and, of labels of whole images, predictions.csv, as `vistry predict` writes them."""
    task = task_named(unseen.task.name)
    table = None if task.has_boxes else PredictionTable(unseen.classes, task.is_multilabel, ",")
    with (
        lines_to(folder.path / PREDICTIONS_JSONL) as write_line,
        lines_to(folder.path / PREDICTIONS_CSV if table else None) as write_row,
    ):
        write_row(table.header if table else "")
        for image, values in zip(unseen.images, unseen.values, strict=True):
            response = unseen.task.response(values, unseen.classes, unseen.hyperparameters)
            write_line(json.dumps({"filename": image.image, **response}))
            write_row(table.row(image.image, response) if table else "")
