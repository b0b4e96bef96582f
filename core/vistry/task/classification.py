"""What both classification tasks share: crops of one size, and probabilities [C] for each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.table import Table
from vistry.loading.augmentation import TrainingCrop, ValidationCrop
from vistry.loading.batches import ImageDataset
from vistry.loading.views import ClassificationTransform
from vistry.task.behaviour import Values


class Classification:
    """What is the same for one label an image and for several."""

    def check(self, training: Table, validation: Table, hyperparameters: Values) -> None:
        """The doctor has said all there is to say."""

    def build_input(self, hyperparameters: Values) -> CropInput:
        """Crops of one size."""
        return CropInput(self, hyperparameters)

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


@dataclass(frozen=True)
class CropInput:
    """Random crops in training, the resized centre in validation and prediction."""

    task: Classification
    hyperparameters: Values

    def dataset(self, table: Table) -> ImageDataset:
        """A random crop of each image."""
        batch_size = self.hyperparameters["training_batch_size"]
        crop = TrainingCrop(self.hyperparameters["training_crop_size"])
        return ImageDataset(list(table.images), self.task.batch_targets(table), crop, batch_size)

    def eval_transform(self) -> ClassificationTransform:
        """The centre of the resized image."""
        resize, crop = self.hyperparameters["validation_resize_size"], self.hyperparameters["validation_crop_size"]
        return ClassificationTransform(ValidationCrop(resize, crop))

    def input_size(self, training: bool) -> int:
        """The crop's."""
        side: int = self.hyperparameters["training_crop_size" if training else "validation_crop_size"]
        return side
