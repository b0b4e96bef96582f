"""Measuring a model on the validation images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.errors import DataError, RunError, TrainingError
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.views import EvalTransform
from vistry.registry.part_specs import MetricSpec
from vistry.registry.parts import PartTable
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import PREDICTIONS, Run
from vistry.task.behaviour import Measurement, Task
from vistry.task.doubt import Doubt, doubt_of
from vistry.task.metric_parts import measure
from vistry.training.engines import Engine
from vistry.training.prediction import predictions_of

Progress = Callable[[int, int], None]
"""`progress(done, images)`"""


def _unwatched(done: int, images: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What a model is measured on: N image paths and N targets; and how: the task, its classes, the primary metric."""

    images: Sequence[str]
    targets: Any
    eval_transform: EvalTransform
    task: Task
    classes: tuple[str, ...]
    primary_metric: str
    hyperparameters: Hyperparameters
    metric_parts: PartTable[MetricSpec]

    @property
    def larger_is_better(self) -> bool:
        """Which end of the primary metric is good."""
        part = self.metric_parts.parts.get(self.primary_metric)
        return part is None or part.spec.larger_is_better

    def evaluate(self, engine: Engine, progress: Progress = _unwatched) -> Evaluation:
        """Predict and measure, and tell how many of the images are done.

        Raises TrainingError where the primary metric is undefined, DataError for an image.
        """
        predictions = self._predictions(engine, progress)
        metrics = self.task.evaluate(predictions, self.targets, self.classes, self.hyperparameters)
        is_measured, failures = self.task.is_measured(self.hyperparameters), {}
        if is_measured:
            measured = measure(self.metric_parts, predictions, self.targets, classes=self.classes)
            metrics, failures = metrics | measured.values, measured.failures
        if self.primary_metric in failures:
            raise failures[self.primary_metric]
        if is_measured and self.primary_metric not in metrics:
            raise TrainingError(
                f"the primary metric {self.primary_metric} is undefined on the validation set of {len(predictions)} "
                "images; choose another, or give a validation set with every class"
            )
        score = metrics[self.primary_metric] if is_measured else None
        notes = tuple(f"the metric {name} is left out: {error}" for name, error in failures.items())
        return Evaluation(metrics, score, self.task.tensors(predictions, self.targets), notes=notes)

    def doubt(self, run: Run) -> Doubt:
        """Return how sure the best score is, from the predictions in a run folder; nothing where they are gone."""
        try:
            tensors, _ = read_checkpoint(run.folder / PREDICTIONS)
        except RunError:
            return Doubt()
        predictions, _ = self.task.from_tensors(tensors)
        measurement = Measurement(predictions, self.targets, self.classes, hyperparameters=self.hyperparameters)
        part = self.metric_parts.parts.get(self.primary_metric)
        return doubt_of(self.task, self.primary_metric, measurement, part=part)

    def _predictions(self, engine: Engine, progress: Progress) -> list[Any]:
        batch_size = self.hyperparameters.validation_batch_size
        stream = predictions_of(
            engine,
            self.eval_transform,
            self.images,
            batch_size=batch_size,
            workers=self.hyperparameters.number_of_workers,
        )
        predictions = []
        for prediction in stream:
            if isinstance(prediction, DataError):  # the doctor has looked at each image, so it was lost since
                raise prediction
            predictions.append(prediction)
            if len(predictions) % batch_size == 0 or len(predictions) == len(self.images):
                progress(len(predictions), len(self.images))
        return predictions


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, the primary one, which is None where nothing is measured, and the predictions as arrays.

    `notes` say which metrics of plugins failed.
    """

    metrics: dict[str, float]
    score: float | None
    tensors: Mapping[str, npt.NDArray[np.generic]]
    notes: tuple[str, ...] = ()
