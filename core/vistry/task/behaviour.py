"""The questions the rest of the house asks a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy.typing as npt

from vistry.data.table import Table
from vistry.plugin.types import Input, Loss, Postprocess, TrainingData
from vistry.report.section import ReportInputs, Section

Values = Mapping[str, Any]


class Task(Protocol):
    """One task. Arrays are numpy; only a loss and a postprocess touch a backend's tensors.

    A prediction is what the task says it is, one an image.
    """

    name: str

    def check(self, training: Table, validation: Table, hyperparameters: Values) -> None:
        """Raise DataError where nothing could be learned from these splits, or nothing measured."""

    def build_input(self, hyperparameters: Values) -> Input:
        """How images reach a network whose plugin doesn't say otherwise."""

    def targets(self, table: Table) -> Any:
        """What is true of each row, N long, as `evaluate` takes it."""

    def batch_targets(self, table: Table) -> Any:
        """What is true of each row, N long, as a loss takes it, of images in their own size."""

    def build_loss(self, hyperparameters: Values, backend: str, data: TrainingData) -> Loss:
        """`loss(model, images, targets)`, which returns the terms to be summed."""

    def build_postprocess(self, hyperparameters: Values) -> Postprocess:
        """`postprocess(outputs, frames)`, which returns a prediction for each of a batch of N views."""

    def evaluate(
        self, predictions: Sequence[Any], targets: Any, classes: Sequence[str], hyperparameters: Values
    ) -> dict[str, float]:
        """Metrics by name from N predictions and N targets; what is undefined for these targets is left out."""

    def is_measured(self, hyperparameters: Values) -> bool:
        """Whether `evaluate` computes anything."""

    def tensors(self, predictions: Sequence[Any], targets: Any) -> dict[str, npt.NDArray[Any]]:
        """Predictions and targets as arrays to be kept, for `report_sections`."""

    def response(self, prediction: Any, classes: Sequence[str], hyperparameters: Values) -> dict[str, Any]:
        """One image's prediction in the hosted product's response schema."""

    def headline(self, prediction: Any, classes: Sequence[str], hyperparameters: Values) -> str:
        """One image's prediction in a few words."""

    def report_sections(self, inputs: ReportInputs) -> Sequence[Section]:
        """The task's own part of a run's report, from the best epoch's predictions on the validation set."""
