"""How images reach YOLOv5: squares of one size."""

from __future__ import annotations

from dataclasses import dataclass

from vistry.plugin import Table, Values

from vistry_yolov5.architecture import square_side
from vistry_yolov5.letterbox import LetterboxTransform
from vistry_yolov5.samples import YoloDataset


@dataclass(frozen=True)
class SquareInput:
    """Mosaics in training, letterboxes in validation and prediction; with a grid of tiles too."""

    hyperparameters: Values

    def dataset(self, table: Table) -> YoloDataset:
        """Return each image and, with a grid, each tile that has objects, alone or in a mosaic with three others."""
        values = self.hyperparameters
        return YoloDataset(
            table,
            square_side(values),
            values["training_batch_size"],
            mosaic=bool(values["apply_mosaic"]),
            augment=bool(values["apply_augmentations"]),
            multi_scale=bool(values["multi_scale"]),
            grid=values["tile_grid_size"],
            overlap=values["tile_overlap_ratio"],
        )

    def eval_transform(self) -> LetterboxTransform:
        """Return the transform that letterboxes each image and, with a grid, its tiles."""
        values = self.hyperparameters
        return LetterboxTransform(
            square_side(values),
            values["tile_grid_size"],
            values["tile_overlap_ratio"],
            values["tile_predictions_nms_threshold"],
        )

    def input_size(self, training: bool) -> int:  # noqa: ARG002
        """Return the side of the square."""
        return square_side(self.hyperparameters)
