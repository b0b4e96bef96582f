"""Trained weights, ready to predict: of a run, of a model as its plugin publishes it, or of an exported file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistry.errors import DataError
from vistry.evaluation.operating_point import Thresholds
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.views import EvalTransform
from vistry.plugin.faults import traceback_kept_in
from vistry.task.behaviour import Task
from vistry.training.prediction import ImagePredictor, predictions_of


@dataclass(frozen=True)
class Prediction:
    """The prediction of one image, of its task's type, or the error that says why there is none."""

    image: str
    values: Any | None
    error: str | None = None


@dataclass(kw_only=True, eq=False)
class Predictor:
    """The best weights of a run, those that a plugin publishes, or those in an exported file, ready to predict.

    `name` is the run's identifier, the model's full name or the file's. `classes` has the names of the C classes.
    `thresholds` [C] are those of the classes, where some were chosen for the run or given; None: what the task takes.
    `folder` is the run's; errors of a plugin's code are written there in full.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    engine: ImagePredictor
    eval_transform: EvalTransform
    hyperparameters: Hyperparameters
    thresholds: Thresholds | None = None
    folder: Path | None = None

    @property
    def batch_size(self) -> int:
        """The number of images in a batch unless a call says otherwise."""
        return self.hyperparameters.validation_batch_size

    def predict(self, images: Iterable[str | Path], batch_size: int | None = None) -> Iterator[Prediction]:
        """Yield a prediction for each image, in order; an image that can't be read gives one with an error.

        `batch_size` is by default validation_batch_size.
        """
        paths = [str(image) for image in images]
        workers = self.hyperparameters.number_of_workers
        size = batch_size or self.batch_size
        stream = predictions_of(self.engine, self.eval_transform, paths, batch_size=size, workers=workers)
        with traceback_kept_in(self.folder) if self.folder else nullcontext():
            for path, values in zip(paths, stream, strict=True):
                if isinstance(values, DataError):
                    yield Prediction(path, None, str(values))
                else:
                    yield Prediction(path, values)

    def respond(self, prediction: Prediction) -> dict[str, Any]:
        """Return a prediction in the hosted product's schema, or `{"error": ...}`."""
        if prediction.values is None:
            return {"error": prediction.error}
        return self.task.response(
            prediction.values, self.classes, hyperparameters=self.hyperparameters, thresholds=self.thresholds
        )

    def summary_line(self, prediction: Prediction) -> str:
        """Return a prediction in a line of text."""
        if prediction.values is None:
            return f"error: {prediction.error}"
        return self.task.summary_line(
            prediction.values, self.classes, hyperparameters=self.hyperparameters, thresholds=self.thresholds
        )
