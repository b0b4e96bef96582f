"""Images with objects as torchvision's detectors are given them: each in its own aspect, between two sizes."""

from __future__ import annotations

from dataclasses import dataclass

from vistry.data.table import Table
from vistry.evaluation.detection.types import Kind
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.detection.augmentation import TrainingObjects
from vistry.loading.detection.dataset import DetectionDataset
from vistry.loading.detection.views import DetectionTransform


@dataclass(frozen=True)
class DetectionInput:
    """Whole images, with a grid their tiles too: augmented in training, only resized in validation and prediction."""

    kind: Kind
    hyperparameters: Hyperparameters

    def dataset(self, table: Table) -> DetectionDataset:
        """Each image, and with a grid each tile that has objects, cropped, bordered, flipped and resized."""
        values = self.hyperparameters
        return DetectionDataset(
            table,
            TrainingObjects(values.min_size, values.max_size, augment=values.apply_augmentations),
            values.training_batch_size,
            with_masks=self.kind == "mask",
            grid=values.tile_grid_size,
            overlap=self._overlap,
        )

    def eval_transform(self) -> DetectionTransform:
        """Each image resized, and with a grid its tiles."""
        values, grid = self.hyperparameters, self.hyperparameters.tile_grid_size
        nms_iou = values.tile_predictions_nms_threshold if grid else 0.0
        return DetectionTransform(values.min_size, values.max_size, grid, self._overlap, nms_iou)

    def input_size(self, training: bool) -> int:  # noqa: ARG002
        """`min_size`."""
        return self.hyperparameters.min_size

    @property
    def _overlap(self) -> float:
        # Where a task has no tiles, as segmentation, it has no hyperparameters of tiles either.
        return self.hyperparameters.tile_overlap_ratio if self.hyperparameters.tile_grid_size else 0.0
