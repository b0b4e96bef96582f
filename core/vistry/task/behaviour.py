"""The protocol of a task, and the types that it exchanges with the rest of Vistry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from vistry.data.table import Table
from vistry.evaluation.bootstrap import Statistic
from vistry.evaluation.operating_point import Answers, Thresholds
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.detection.dataset import DetectionTarget
from vistry.plugin.types import Input, Loss, Postprocess, Predictions, Tensor, TrainingData

Prediction = TypeVar("Prediction", contravariant=True)
Targets = TypeVar("Targets")

Array: TypeAlias = npt.NDArray[Any]
LossTargets: TypeAlias = Array | list[DetectionTarget]


@dataclass(frozen=True)
class Measurement:
    """The predictions for N images, their targets, the classes, and the values and thresholds that metrics go by."""

    predictions: Sequence[Any]
    targets: Any
    classes: Sequence[str]
    hyperparameters: Hyperparameters
    thresholds: Thresholds | None = None


class TypedTask(Protocol[Prediction, Targets]):
    """One task. `Prediction` is the prediction for one image, `Targets` the truth about N images.

    Arrays are numpy's; only a loss and a postprocess handle tensors of a backend.
    """

    @property
    def name(self) -> str:
        """The task's name in the registry."""

    def check(self, training: Table, validation: Table, hyperparameters: Hyperparameters) -> None:
        """Raise DataError if the training split has nothing to learn, or the validation split nothing to measure."""

    def build_input(self, hyperparameters: Hyperparameters) -> Input:
        """Build the input of a network whose plugin doesn't build one of its own."""

    def targets(self, table: Table) -> Targets:
        """Return the truth about the N rows of a table, as `evaluate` takes it."""

    def batch_targets(self, table: Table) -> LossTargets:
        """Return the truth about N rows as a loss takes it, for images in their own size."""

    def build_loss(self, hyperparameters: Hyperparameters, backend: str, data: TrainingData) -> Loss:
        """Build `loss(model, images, targets)`, which returns terms by name whose sum is minimised."""

    def build_postprocess(self, hyperparameters: Hyperparameters) -> Postprocess:
        """Build `postprocess(outputs, frames)`, which returns what a model's outputs say about each of N views.

        The transform of the input merges the views of an image into one prediction.
        """

    def wrong_outputs(self, outputs: Tensor, images: int, classes: int) -> str:
        """Return what is wrong with a network's outputs for N images, as `build_postprocess` takes them, or ""."""

    def wrong_predictions(self, predictions: Predictions, images: int, classes: int) -> str:
        """Return what is wrong with what a postprocessing returns for N images, or ""."""

    def evaluate(
        self,
        predictions: Sequence[Prediction],
        targets: Targets,
        classes: Sequence[str],
        hyperparameters: Hyperparameters,
        thresholds: Thresholds | None = None,
    ) -> dict[str, float]:
        """Compute metrics by name from N predictions and their targets.

        `thresholds` [C], here and below, are those that were chosen for the run; None: what the task takes else. A
        metric that is undefined for these targets is left out.
        """

    def is_measured(self, hyperparameters: Hyperparameters) -> bool:
        """Tell whether `evaluate` computes any metric with these hyperparameters."""

    def tensors(self, predictions: Sequence[Prediction], targets: Targets) -> dict[str, Array]:
        """Convert predictions and targets to the arrays that a run folder stores, from which the report is drawn."""

    def from_tensors(self, tensors: Mapping[str, Array]) -> tuple[Sequence[Any], Targets]:
        """Return the predictions and targets that `tensors` converted."""

    def statistic(self, metric: str, measurement: Measurement) -> Statistic | None:
        """Return a metric as a function of how often each image is taken; None where it is no primary metric."""

    def present(self, measurement: Measurement) -> npt.NDArray[np.bool_]:
        """Return [C] which classes the images have: those that macro figures are means over."""

    def answers(
        self, tensors: Mapping[str, Array], classes: Sequence[str], hyperparameters: Hyperparameters
    ) -> Answers:
        """Read out of `tensors` what the model says of each image, and whether it is right."""

    def response(
        self,
        prediction: Prediction,
        classes: Sequence[str],
        hyperparameters: Hyperparameters,
        thresholds: Thresholds | None = None,
    ) -> dict[str, Any]:
        """Convert one image's prediction to the hosted product's JSON."""

    def summary_line(
        self,
        prediction: Prediction,
        classes: Sequence[str],
        hyperparameters: Hyperparameters,
        thresholds: Thresholds | None = None,
    ) -> str:
        """Describe one image's prediction in a few words."""


# Callers that handle any task hand its predictions and targets on without looking inside.
Task: TypeAlias = TypedTask[Any, Any]


def as_numpy(outputs: Tensor) -> npt.NDArray[np.float32]:
    """Copy a tensor of either backend to the host as float32."""
    if hasattr(outputs, "detach"):
        # bfloat16 has no numpy dtype, so the conversion to float32 comes before the one to numpy.
        outputs = outputs.detach().float().cpu().numpy()
    return np.asarray(outputs, dtype=np.float32)
