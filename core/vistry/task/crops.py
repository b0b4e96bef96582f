"""The crops of both classification tasks, from their hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vistry.data.augmentation import Prepare, TrainingCrop, ValidationCrop


def crop_of(hyperparameters: Mapping[str, Any], training: bool) -> tuple[Prepare, int]:
    """A random crop for training, the resized centre for validation and prediction; and its side in pixels."""
    if training:
        size = hyperparameters["training_crop_size"]
        return TrainingCrop(size), size
    size = hyperparameters["validation_crop_size"]
    return ValidationCrop(hyperparameters["validation_resize_size"], size), size
