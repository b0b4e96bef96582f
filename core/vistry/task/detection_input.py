"""The input of torchvision's detectors: images in their own aspect, with sides between min_size and max_size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vistry.data.table import Table
from vistry.evaluation.detection.types import Kind
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.detection.augmentation import DetectionTrainTransform
from vistry.loading.detection.dataset import DetectionDataset
from vistry.loading.detection.tiles import Grid
from vistry.loading.detection.views import DetectionTransform


@dataclass(frozen=True)
class DetectionInput:
    """Whole images and, with a grid, their tiles: augmented in training, only resized in validation and prediction."""

    kind: Kind
    hyperparameters: Hyperparameters

    def dataset(self, table: Table) -> DetectionDataset:
        """Return each image and, with a grid, each tile that has objects, randomly changed and resized."""
        values, grid = self.hyperparameters, grid_of(self.hyperparameters)
        augment = values.apply_augmentations
        return DetectionDataset(
            table,
            DetectionTrainTransform(values.min_size, values.max_size, augment=augment),
            values.training_batch_size,
            with_masks=self.kind == "mask",
            grid=grid,
            overlap=values.tile_overlap_ratio if grid else 0.0,
        )

    def eval_transform(self) -> DetectionTransform:
        """Resize each image and, with a grid, its tiles."""
        values, grid = self.hyperparameters, grid_of(self.hyperparameters)
        overlap = values.tile_overlap_ratio if grid else 0.0
        nms_iou = values.tile_predictions_nms_threshold if grid else 0.0
        return DetectionTransform(values.min_size, values.max_size, grid, overlap, nms_iou)

    def input_size(self, training: bool) -> int:  # noqa: ARG002
        """Return `min_size`."""
        return self.hyperparameters.min_size


def grid_of(hyperparameters: Mapping[str, Any]) -> Grid | None:
    """Return the grid of `tile_grid_size`, or None if that is unset."""
    text = hyperparameters.get("tile_grid_size")
    return None if text is None else Grid.parse(text)
