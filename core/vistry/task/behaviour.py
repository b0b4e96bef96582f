"""The questions the rest of the house asks a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from vistry.data.table import Table
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import TrainingDataset
from vistry.loading.views import EvalTransform, ResizeInfo
from vistry.report.section import ReportInputs, Section

Loss = Callable[[Any, Any, Any], dict[str, Any]]
Postprocess = Callable[[Any, Sequence[ResizeInfo]], Any]


@dataclass(frozen=True)
class TrainingData:
    """What a loss may need to know of the training split: classes in order, images of each, images in all."""

    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    images: int


class Input(Protocol):
    """How images reach a network."""

    def dataset(self, table: Table) -> TrainingDataset:
        """The rows of a table as a training goes through them."""

    def eval_transform(self) -> EvalTransform:
        """How an image is shown to the network in validation and prediction."""

    def input_size(self, training: bool) -> int:
        """The side in pixels of a square image that the network may be given."""


class Task(Protocol):
    """One task. Arrays are numpy; only a loss and a postprocess touch a backend's tensors.

    A prediction is what the task says it is, one an image.
    """

    name: str

    def check(self, training: Table, validation: Table, hyperparameters: Hyperparameters) -> None:
        """Raise DataError where nothing could be learned from these splits, or nothing measured."""

    def build_input(self, hyperparameters: Hyperparameters) -> Input:
        """How images reach a network whose plugin doesn't say otherwise."""

    def targets(self, table: Table) -> Any:
        """What is true of each row, N long, as `evaluate` takes it."""

    def batch_targets(self, table: Table) -> Any:
        """What is true of each row, N long, as a loss takes it, of images in their own size."""

    def build_loss(self, hyperparameters: Hyperparameters, backend: str, data: TrainingData) -> Loss:
        """`loss(model, images, targets)`, which returns the terms to be summed."""

    def build_postprocess(self, hyperparameters: Hyperparameters) -> Postprocess:
        """`postprocess(outputs, frames)`, which returns a prediction for each of a batch of N views."""

    def evaluate(
        self, predictions: Sequence[Any], targets: Any, classes: Sequence[str], hyperparameters: Hyperparameters
    ) -> dict[str, float]:
        """Metrics by name from N predictions and N targets; what is undefined for these targets is left out."""

    def is_measured(self, hyperparameters: Hyperparameters) -> bool:
        """Whether `evaluate` computes anything."""

    def tensors(self, predictions: Sequence[Any], targets: Any) -> dict[str, npt.NDArray[Any]]:
        """Predictions and targets as arrays to be kept, for `report_sections`."""

    def response(self, prediction: Any, classes: Sequence[str], hyperparameters: Hyperparameters) -> dict[str, Any]:
        """One image's prediction in the hosted product's response schema."""

    def headline(self, prediction: Any, classes: Sequence[str], hyperparameters: Hyperparameters) -> str:
        """One image's prediction in a few words."""

    def report_sections(self, inputs: ReportInputs) -> Sequence[Section]:
        """The task's own part of a run's report, from the best epoch's predictions on the validation set."""
