"""The two tasks about whole images: one label for each image, or any number of labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.table import Table
from vistry.evaluation.bootstrap import Statistic
from vistry.evaluation.classification import (
    LABEL_THRESHOLD,
    likeliest,
    multiclass_metrics,
    multilabel_metrics,
    probable,
)
from vistry.evaluation.classification_resampling import Resampled
from vistry.evaluation.operating_point import Answers, Thresholds
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.augmentation import TrainingCrop, ValidationCrop
from vistry.loading.batches import ImageDataset
from vistry.loading.views import ClassificationTransform, ResizeInfo
from vistry.plugin.types import Loss, Postprocess, Predictions, Tensor, TrainingData
from vistry.task.behaviour import Array, Measurement, as_numpy
from vistry.task.losses import binary_cross_entropy, cross_entropy, multiclass_weights, multilabel_weights
from vistry.task.outputs import not_finite, wrong_logits_shape, wrong_probabilities

Probabilities = npt.NDArray[np.float32]
ClassIndices = npt.NDArray[np.int64]
MultiHot = npt.NDArray[np.float32]


class Classification(ABC):
    """What both tasks share: crops of one size, and predictions that are probabilities [C] of each image."""

    name: str
    multilabel: bool

    def check(self, training: Table, validation: Table, hyperparameters: Hyperparameters) -> None:  # noqa: B027
        """Accept any splits: reading the data has already refused those without labels."""

    def build_input(self, hyperparameters: Hyperparameters) -> CropInput:
        """Build an input of crops of one size."""
        return CropInput(self.batch_targets, hyperparameters)

    @abstractmethod
    def targets(self, table: Table) -> Array:
        """Return the labels of N rows as an array with first axis N."""

    def batch_targets(self, table: Table) -> Array:
        """Return the same array as for the metrics."""
        return self.targets(table)

    def build_postprocess(self, hyperparameters: Hyperparameters) -> Postprocess:  # noqa: ARG002
        """Return `postprocess`, which depends on no hyperparameter."""
        return self.postprocess

    @abstractmethod
    def postprocess(self, outputs: Tensor, frames: Sequence[ResizeInfo]) -> Probabilities:
        """Turn logits [N, C] of either backend into probabilities [N, C]."""

    def wrong_outputs(self, outputs: Tensor, images: int, classes: int) -> str:
        """Return what is wrong with logits, "" if they are finite and [N, C]."""
        return wrong_logits_shape(outputs, images, classes) or not_finite(as_numpy(outputs), "logits")

    def wrong_predictions(self, predictions: Predictions, images: int, classes: int) -> str:
        """Return what is wrong with probabilities, "" if they are in [0, 1] and [N, C]."""
        return wrong_probabilities(predictions, images, classes)

    def is_measured(self, hyperparameters: Hyperparameters) -> bool:  # noqa: ARG002
        """Return True: the metrics of classification can't be switched off."""
        return True

    def tensors(self, predictions: Sequence[Probabilities], targets: Array) -> dict[str, Array]:
        """Return `predictions` [N, C] and `targets` as they are."""
        return {"predictions": np.asarray(predictions), "targets": targets}

    def from_tensors(self, tensors: Mapping[str, Array]) -> tuple[Sequence[Probabilities], Array]:
        """Return `predictions` and `targets`."""
        return list(tensors["predictions"]), tensors["targets"]

    def statistic(self, metric: str, measurement: Measurement) -> Statistic | None:
        """Return one of the primary metrics."""
        truth = self._truth(measurement.targets, len(measurement.classes))
        probabilities, thresholds = np.asarray(measurement.predictions), measurement.thresholds
        return Resampled(truth, probabilities, self.multilabel, thresholds=thresholds).statistic(metric)

    def present(self, measurement: Measurement) -> npt.NDArray[np.bool_]:
        """Return [C] the classes that at least one image has."""
        return np.asarray(self._truth(measurement.targets, len(measurement.classes)).any(axis=0))

    def answers(
        self,
        tensors: Mapping[str, Array],
        classes: Sequence[str],
        hyperparameters: Hyperparameters,  # noqa: ARG002
    ) -> Answers:
        """Take the probability of every class in each image for an answer, which is right where the image has it."""
        probabilities, truth = tensors["predictions"], self._truth(tensors["targets"], len(classes))
        images, count = truth.shape
        return Answers(
            probabilities.ravel(),
            np.tile(np.arange(count), images),
            right=truth.ravel(),
            image=np.repeat(np.arange(images), count),
            truths=truth.astype(np.int64),
        )

    @abstractmethod
    def _truth(self, targets: Array, classes: int) -> npt.NDArray[np.bool_]:
        """Return targets as [N, C] True where an image has a class."""

    @abstractmethod
    def predicted(self, prediction: Probabilities, thresholds: Thresholds | None) -> list[int]:
        """Return the classes that an image is taken for."""

    def response(
        self,
        prediction: Probabilities,
        classes: Sequence[str],
        hyperparameters: Hyperparameters,  # noqa: ARG002
        thresholds: Thresholds | None = None,
    ) -> dict[str, Any]:
        """Return `{"probs": [...], "labels": [...]}`: every class in order, without a threshold.

        With thresholds, `predicted` names the classes that pass theirs.
        """
        every = {"probs": [float(value) for value in prediction], "labels": list(classes)}
        if thresholds is None:
            return every
        return {**every, "predicted": [classes[label] for label in self.predicted(prediction, thresholds)]}


class ImageClassification(Classification):
    """Multi-class: one label for each image. Targets: class indices [N]. Probabilities of an image sum to 1."""

    name = "image_classification"
    multilabel = False

    def targets(self, table: Table) -> ClassIndices:
        """Return the class indices [N]."""
        return table.labels.astype(np.int64)

    def _truth(self, targets: Array, classes: int) -> npt.NDArray[np.bool_]:
        return np.asarray(np.eye(classes, dtype=bool)[targets])

    def predicted(self, prediction: Probabilities, thresholds: Thresholds | None) -> list[int]:
        return [int(likeliest(prediction[None], thresholds)[0])]

    def build_loss(self, hyperparameters: Hyperparameters, backend: str, data: TrainingData) -> Loss:
        """Build the cross entropy of logits [N, C], weighted by class according to `weighted_loss`."""
        return cross_entropy(backend, multiclass_weights(hyperparameters.weighted_loss, data))

    def postprocess(self, outputs: Tensor, frames: Sequence[ResizeInfo]) -> Probabilities:  # noqa: ARG002
        """Compute the softmax of logits [N, C]."""
        logits = as_numpy(outputs).astype(np.float64)
        # exp would overflow from a logit of 710 on, so the largest of each row is moved to 0.
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)

    def evaluate(
        self,
        predictions: Sequence[Probabilities],
        targets: ClassIndices,
        classes: Sequence[str],
        hyperparameters: Hyperparameters,  # noqa: ARG002
        thresholds: Thresholds | None = None,
    ) -> dict[str, float]:
        """Compute the multi-class metrics of vistry.evaluation.classification."""
        return multiclass_metrics(np.asarray(predictions), targets, len(classes), thresholds=thresholds)

    def summary_line(
        self,
        prediction: Probabilities,
        classes: Sequence[str],
        hyperparameters: Hyperparameters,  # noqa: ARG002
        thresholds: Thresholds | None = None,
    ) -> str:
        """Name the likeliest class, or of two the one that passes its threshold, with its probability."""
        [best] = self.predicted(prediction, thresholds)
        return f"{classes[best]} {prediction[best]:.2f}"


class ImageClassificationMultilabel(Classification):
    """Multi-label: any number of labels for each image. Targets: [N, C] of 0 and 1. Each class has a probability."""

    name = "image_classification_multilabel"
    multilabel = True

    def targets(self, table: Table) -> MultiHot:
        """Return an array [N, C] of 0 and 1."""
        return table.multi_hot().astype(np.float32)

    def _truth(self, targets: Array, classes: int) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        return np.asarray(targets > LABEL_THRESHOLD)

    def predicted(self, prediction: Probabilities, thresholds: Thresholds | None) -> list[int]:
        labels: list[int] = np.flatnonzero(probable(prediction, thresholds)).tolist()
        return labels

    def build_loss(self, hyperparameters: Hyperparameters, backend: str, data: TrainingData) -> Loss:
        """Build the binary cross entropy of logits [N, C], with positives weighted according to `weighted_loss`."""
        return binary_cross_entropy(backend, multilabel_weights(hyperparameters.weighted_loss, data))

    def postprocess(self, outputs: Tensor, frames: Sequence[ResizeInfo]) -> Probabilities:  # noqa: ARG002
        """Compute the sigmoid of logits [N, C]."""
        logits = as_numpy(outputs).astype(np.float64)
        # This equals 1 / (1 + exp(-logits)), and tanh doesn't overflow.
        return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)

    def evaluate(
        self,
        predictions: Sequence[Probabilities],
        targets: MultiHot,
        classes: Sequence[str],  # noqa: ARG002
        hyperparameters: Hyperparameters,  # noqa: ARG002
        thresholds: Thresholds | None = None,
    ) -> dict[str, float]:
        """Compute the multi-label metrics of vistry.evaluation.classification."""
        return multilabel_metrics(np.asarray(predictions), targets, thresholds)

    def summary_line(
        self,
        prediction: Probabilities,
        classes: Sequence[str],
        hyperparameters: Hyperparameters,  # noqa: ARG002
        thresholds: Thresholds | None = None,
    ) -> str:
        """Name the predicted classes with their probabilities."""
        predicted = self.predicted(prediction, thresholds)
        return ", ".join(f"{classes[index]} {prediction[index]:.2f}" for index in predicted) or "none of the classes"


@dataclass(frozen=True)
class CropInput:
    """Random crops in training; in validation and prediction the centre of the resized image."""

    batch_targets: Callable[[Table], Array]
    hyperparameters: Hyperparameters

    def dataset(self, table: Table) -> ImageDataset:
        """Return one random crop of each image."""
        batch_size = self.hyperparameters.training_batch_size
        crop = TrainingCrop(self.hyperparameters.training_crop_size)
        return ImageDataset(list(table.images), self.batch_targets(table), crop, batch_size=batch_size)

    def eval_transform(self) -> ClassificationTransform:
        """Resize an image and crop its centre."""
        resize, crop = self.hyperparameters.validation_resize_size, self.hyperparameters.validation_crop_size
        return ClassificationTransform(ValidationCrop(resize, crop))

    def input_size(self, training: bool) -> int:
        """Return the side of the crop in pixels."""
        side: int = self.hyperparameters["training_crop_size" if training else "validation_crop_size"]
        return side
