"""What both classification tasks share: crops of one size, and probabilities [C] for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.augmentation import Prepare, TrainingCrop, ValidationCrop
from vistry.data.batches import ImageSamples
from vistry.data.table import Table
from vistry.data.views import WholeImage
from vistry.task.behaviour import Values


class Classification:
    """Random crops in training, the resized centre in validation and prediction."""

    at_prediction = ("validation_resize_size", "validation_crop_size")

    def check(self, training: Table, validation: Table, hyperparameters: Values) -> None:
        """The doctor has said all there is to say."""

    def samples(self, table: Table, hyperparameters: Values) -> ImageSamples:
        """A random crop of each image."""
        batch_size = hyperparameters["training_batch_size"]
        crop = TrainingCrop(hyperparameters["training_crop_size"])
        return ImageSamples(list(table.images), self.batch_targets(table), crop, batch_size)

    def viewer(self, hyperparameters: Values) -> WholeImage:
        """The centre of the resized image."""
        return WholeImage(validation_crop(hyperparameters))

    def side(self, hyperparameters: Values, training: bool) -> int:
        """The crop's."""
        side: int = hyperparameters["training_crop_size" if training else "validation_crop_size"]
        return side

    def targets(self, table: Table) -> npt.NDArray[Any]:
        """First axis N."""
        raise NotImplementedError

    def batch_targets(self, table: Table) -> npt.NDArray[Any]:
        """The same as for the metrics."""
        return self.targets(table)

    def is_measured(self, hyperparameters: Values) -> bool:  # noqa: ARG002
        """Always."""
        return True

    def tensors(self, predictions: Sequence[Any], targets: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """`predictions` [N, C] and `targets`."""
        return {"predictions": np.asarray(predictions), "targets": targets}


def validation_crop(hyperparameters: Values) -> Prepare:
    """The centre crop the hyperparameters describe."""
    return ValidationCrop(hyperparameters["validation_resize_size"], hyperparameters["validation_crop_size"])
