"""Images with objects as torchvision's detectors are given them: each in its own aspect, between two sizes."""

from __future__ import annotations

from dataclasses import dataclass

from vistry.data.table import Table
from vistry.evaluation.detection.types import Kind
from vistry.loading.detection.augmentation import DetectionTrainTransform
from vistry.loading.detection.dataset import DetectionDataset
from vistry.loading.detection.tiles import Grid
from vistry.loading.detection.views import DetectionTransform
from vistry.task.behaviour import Values


@dataclass(frozen=True)
class DetectionInput:
    """Whole images, with a grid their tiles too: augmented in training, only resized in validation and prediction."""

    kind: Kind
    hyperparameters: Values

    def dataset(self, table: Table) -> DetectionDataset:
        """Each image, and with a grid each tile that has objects, cropped, bordered, flipped and resized."""
        values = self.hyperparameters
        augment = bool(values["apply_augmentations"])
        return DetectionDataset(
            table,
            DetectionTrainTransform(values["min_size"], values["max_size"], augment=augment),
            values["training_batch_size"],
            with_masks=self.kind == "mask",
            grid=grid_of(values),
            overlap=values.get("tile_overlap_ratio", 0.0),
        )

    def eval_transform(self) -> DetectionTransform:
        """Each image resized, and with a grid its tiles."""
        values = self.hyperparameters
        return DetectionTransform(
            values["min_size"],
            values["max_size"],
            grid_of(values),
            values.get("tile_overlap_ratio", 0.0),
            values.get("tile_predictions_nms_threshold", 0.0),
        )

    def input_size(self, training: bool) -> int:  # noqa: ARG002
        """`min_size`."""
        side: int = self.hyperparameters["min_size"]
        return side


def grid_of(hyperparameters: Values) -> Grid | None:
    """The grid of `tile_grid_size`, if there is one."""
    text = hyperparameters.get("tile_grid_size")
    return None if text is None else Grid.parse(text)
