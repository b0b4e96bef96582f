"""How images reach a detection transformer: stretched to squares of one size, whatever their aspect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from vistry.plugin import Batch, Detections, ImageView, Rows, Table, Values, epoch_order, even_batches
from vistry.plugin.detection import (
    DetectionDataset,
    DetectionSample,
    ImageDetections,
    TileGrid,
    Tiling,
    Window,
    cut_views,
    detection_target,
    merge_view_detections,
)

from vistry_detr.recipes import FLIP_CHANCE, Recipe, mosaic

# With multi_scale: the sides of a batch, in sides of the images.
SIDES = (0.75, 1.25)
# Two images lie over each other with shares about a half.
MIXED = (0.45, 0.55)
# A mask takes a byte a pixel for each object, so images with masks are first brought to this longer side in pixels.
LONGEST_WITH_MASKS = 1333
_PLAIN, _CHANGED, _MOSAIC = range(3)  # what becomes of a sample


class Sides(NamedTuple):
    """The sides of squares, in pixels, that a network accepts: multiples of `multiple_of` from `smallest` on."""

    smallest: int
    multiple_of: int

    def around(self, side: int) -> list[int]:
        """Return the sides between three and five quarters of a side."""
        least, most = (share * side for share in SIDES)
        first = max(self.smallest, -(-int(least) // self.multiple_of) * self.multiple_of)
        return list(range(first, int(most) + 1, self.multiple_of)) or [side]


class Square(NamedTuple):
    """A square sample; `side` and `share` are those of the batch whose first it is: its images, and theirs in a mix."""

    sample: DetectionSample
    side: int
    share: float


@dataclass(frozen=True)
class SquareInput:
    """Squares of `image_size`; with a grid those of tiles, too."""

    hyperparameters: Values
    recipe: Recipe
    sides: Sides
    with_masks: bool = False

    def dataset(self, table: Table) -> SquareDataset:
        """Return each image and, with a grid, each tile that has objects, changed as the recipe says."""
        return SquareDataset(table, self)

    def eval_transform(self) -> SquareTransform:
        """Return the transform that stretches each image and, with a grid, its tiles."""
        values, grid = self.hyperparameters, self.hyperparameters.get("tile_grid_size")
        if not grid:
            return SquareTransform(values["image_size"], self.sides.multiple_of)
        overlap, merge_iou = values["tile_overlap_ratio"], values["tile_predictions_nms_threshold"]
        return SquareTransform(values["image_size"], self.sides.multiple_of, grid, overlap=overlap, merge_iou=merge_iou)

    def input_size(self, training: bool) -> int:  # noqa: ARG002
        """Return the side of the square."""
        side: int = self.hyperparameters["image_size"]
        return side

    @property
    def tiling(self) -> Tiling | None:
        """How images are cut; segmentation has no tiles."""
        grid = self.hyperparameters.get("tile_grid_size")
        return Tiling(grid, self.hyperparameters["tile_overlap_ratio"]) if grid else None


class SquareDataset:
    """The images of a table and, with a grid, each tile that has objects, as squares.

    A sample's number says what becomes of it: those from the number of samples on are changed, those from twice that
    number on are put into mosaics. Crowds are left out.
    """

    def __init__(self, table: Table, images: SquareInput):
        values = images.hyperparameters
        self._samples = DetectionDataset(
            table, _unchanged, values["training_batch_size"], with_masks=images.with_masks, tiling=images.tiling
        )
        self._recipe, self._augment = images.recipe, bool(values["apply_augmentations"])
        self._side, self._batch_size = int(values["image_size"]), int(values["training_batch_size"])
        self._sides = images.sides.around(self._side) if values["multi_scale"] else [self._side]
        self._epochs = int(values["number_of_epochs"])

    def __len__(self) -> int:
        return len(self._samples)

    def name(self, row: int) -> str:
        return self._samples.name(row % len(self))

    def batches(self, seed: int, epoch: int) -> list[Rows]:
        rows = epoch_order(np.arange(len(self)), seed, epoch)
        chances = np.random.default_rng([seed, epoch, len(self)]).random(len(rows))
        kinds = np.full(len(rows), _CHANGED if self._is_changed(epoch) else _PLAIN)
        if self._is_mixed(epoch):
            kinds[chances < self._recipe.mosaic] = _MOSAIC
        return even_batches(rows + kinds * len(self), self._batch_size)

    def read(self, row: int, random: np.random.Generator) -> Square:
        kind, place = divmod(row, len(self))
        sample = self._read(place, random)
        if kind == _MOSAIC:
            others = [self._read(int(other), random) for other in random.integers(len(self), size=3)]
            sample = mosaic([sample, *others], self._side, random)
        if kind != _PLAIN:
            sample = self._recipe.change(sample, random)
        if self._augment and random.random() < FLIP_CHANCE:
            sample = sample.flip()
        side, mixes = int(random.choice(self._sides)), kind != _PLAIN and random.random() < self._recipe.mixup
        share = random.uniform(*MIXED)
        # Resized by threads; a batch of another size is resized once more, from this or a larger square.
        return Square(sample.resize(self._side, self._side), side, share if mixes else 1.0)

    def batch(self, rows: Rows, read: Sequence[Square]) -> Batch:
        side, share = read[0].side, read[0].share
        samples = [square.sample if side == self._side else square.sample.resize(side, side) for square in read]
        if share < 1:
            samples = [mixed(one, samples[place - 1], share) for place, one in enumerate(samples)]
        pixels = np.stack([sample.pixels for sample in samples])
        return Batch(pixels, [detection_target(sample) for sample in samples], rows, sizes=[(side, side)] * len(rows))

    def _read(self, place: int, random: np.random.Generator) -> DetectionSample:
        sample = self._samples.read(place, random)
        if sample.masks is None:
            return sample
        scale = min(1.0, LONGEST_WITH_MASKS / max(sample.width, sample.height))
        return sample.resize(max(1, round(sample.width * scale)), max(1, round(sample.height * scale)))

    def _is_changed(self, epoch: int) -> bool:
        start, end = self._recipe.plain_start * self._epochs, (1 - self._recipe.plain_end) * self._epochs
        return self._augment and int(start) <= epoch < max(1, round(end))

    def _is_mixed(self, epoch: int) -> bool:
        return self._is_changed(epoch) and epoch < self._recipe.mosaics_until * self._epochs


@dataclass(frozen=True)
class SquareTransform:
    """An image stretched to a square of `image_size`; with a grid its tiles too, each to such a square.

    `merge_iou`: of boxes of one class from different views that overlap by more than this, only the one with the
    highest score is kept.
    """

    image_size: int
    size_divisor: int
    grid: TileGrid | None = None
    overlap: float = 0.0
    merge_iou: float = 0.0
    # All views have one size; but boxes and masks have to be brought back to that of the part which each shows.
    variable_size: bool = True

    def views(self, image: str | Path) -> list[ImageView]:
        return cut_views(image, self._square, self.grid, overlap=self.overlap)

    def merge(self, predictions: Sequence[Detections], views: Sequence[ImageView]) -> ImageDetections:
        detections = merge_view_detections(predictions, views, self.merge_iou)
        return ImageDetections(detections, views[0].source_width, views[0].source_height)

    def _square(self, image: Image.Image, window: Window) -> ImageView:
        left, top, right, bottom = window
        pixels = np.asarray(image.resize((self.image_size,) * 2, Image.Resampling.BILINEAR, box=window))
        return ImageView(pixels, bottom - top, right - left, left=left, top=top)


def mixed(one: DetectionSample, other: DetectionSample, share: float) -> DetectionSample:
    """Lay two images of one size over each other, with the objects of both; `share` is that of the first."""
    pixels = (share * one.pixels + (1 - share) * other.pixels).round().astype(np.uint8)
    boxes, labels, crowd = (
        np.concatenate([getattr(sample, name) for sample in (one, other)]) for name in ("boxes", "labels", "crowd")
    )
    return replace(one, pixels=pixels, boxes=boxes, labels=labels, crowd=crowd)


def _unchanged(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:  # noqa: ARG001
    return sample
