"""Batches padded to sizes that grow as seldom as possible, because each new shape has to be compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vistry.loading.augmentation import Pixels
from vistry.training.engines.state import Arrays

BATCH_SIZE, OBJECTS, CANVASES = "batch_size", "objects", "canvases"
# Objects are padded to powers of two from here on, so that a data set needs few programs.
LEAST_OBJECTS = 8
# Of the pixels of a batch: a program for so many more serves it, too, since that costs less than to compile another.
SLACK = 1.5
LEAST_STEP = 32  # pixels from one side to the next: detectors want multiples of it

Size = tuple[int, int]
"""Height and width in pixels."""


class PaddedImages(NamedTuple):
    """Images [P, H, W, 3] of which some rows repeat others, and sides may go on in black.

    `mask`: [P] float32, 1 for each row that counts, 0 for a repeated one. `rows`: [P] the row of the batch each is.
    """

    images: Pixels
    mask: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]


class Padding:
    """The largest batch so far, the room for objects that its images had to have, and the sizes of images."""

    def __init__(self) -> None:
        self._batch_size = 0
        self._objects = 0
        self._canvases: list[Size] = []

    def images(self, images: Pixels) -> PaddedImages:
        """Pad images to the largest batch so far, with copies of real rows."""
        self._batch_size = max(self._batch_size, len(images))
        # Copies give a network nothing that it isn't made for: a mask of 0 wouldn't remove a NaN from a sum.
        rows = np.arange(self._batch_size)
        mask = (rows < len(images)).astype(np.float32)
        rows %= len(images)
        return PaddedImages(images if mask.all() else images[rows], mask, rows)

    def canvas(self, size: Size) -> Size:
        """Return the smallest size so far that holds images of a size without much waste, or a new one."""
        most = SLACK * size[0] * size[1]
        fitting = [one for one in self._canvases if one[0] >= size[0] and one[1] >= size[1] and one[0] * one[1] <= most]
        if not fitting:
            fitting = [rounded_up(size)]
            self._canvases += fitting
        return min(fitting, key=lambda one: one[0] * one[1])

    def targets(self, targets: Any, padded: PaddedImages) -> Any:
        """Return the targets of padded images.

        Objects have boxes [P, K, 4] and labels [P, K], which are -1 beyond an image's own, and masks [P, K, H, W] where
        there are any, each in the upper left of its place. K is a power of two, the least for the most objects in an
        image so far.
        """
        rows = padded.rows
        if isinstance(targets, np.ndarray):
            return targets[rows]
        most = max(len(target["labels"]) for target in targets)
        if most > self._objects or not self._objects:
            self._objects = max(LEAST_OBJECTS, 1 << (most - 1).bit_length() if most else 0)
        boxes = np.zeros((len(targets), self._objects, 4), np.float32)
        labels = np.full((len(targets), self._objects), -1, np.int32)
        for image, target in enumerate(targets):
            boxes[image, : len(target["labels"])] = target["boxes"]
            labels[image, : len(target["labels"])] = target["labels"]
        objects: dict[str, npt.NDArray[Any]] = {"boxes": boxes[rows], "labels": labels[rows]}
        if "masks" in targets[0]:
            objects["masks"] = _padded_masks(targets, (self._objects, *padded.images.shape[1:3]))[rows]
        return objects

    def state(self) -> Arrays:
        """Return the sizes. A resumed training needs them, because the order of a sum depends on the shape."""
        canvases = np.array(self._canvases, np.int64).reshape(-1, 2)
        return {BATCH_SIZE: np.array(self._batch_size), OBJECTS: np.array(self._objects), CANVASES: canvases}

    def load_state(self, arrays: Arrays) -> None:
        """Set what `state` returned; a classifier's run of an earlier version has no room for objects."""
        self._batch_size = int(arrays[BATCH_SIZE].item())
        self._objects = int(arrays[OBJECTS].item()) if OBJECTS in arrays else 0
        self._canvases = [(height, width) for height, width in arrays[CANVASES].tolist()] if CANVASES in arrays else []


def rounded_up(size: Size) -> Size:
    """Return a size whose sides are multiples of 32, of 64 beyond 256, of 128 beyond 512, and so on.

    Detectors keep an image's aspect, so that otherwise nearly every batch were of a size of its own.
    """
    height, width = (-(-side // step) * step for side, step in ((side, _step(side)) for side in size))
    return height, width


def _step(side: int) -> int:
    """Return an eighth of the power of two from this side on."""
    return max(LEAST_STEP, 1 << (side - 1).bit_length() >> 3)


def on_canvas(images: Pixels, canvas: Size) -> Pixels:
    """Return images [N, H, W, 3] in the upper left of black ones of a size that holds them."""
    down, right = canvas[0] - images.shape[1], canvas[1] - images.shape[2]
    return np.pad(images, ((0, 0), (0, down), (0, right), (0, 0))) if down or right else images


def _padded_masks(targets: Sequence[Mapping[str, npt.NDArray[Any]]], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the masks of N images [N, K, H, W], given K, H and W."""
    masks = np.zeros((len(targets), *shape), np.uint8)
    for place, target in zip(masks, targets, strict=True):
        count, height, width = target["masks"].shape
        place[:count, :height, :width] = target["masks"]
    return masks
