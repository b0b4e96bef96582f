"""Batches padded to sizes that grow as seldom as possible, because each new shape has to be compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vistry.loading.augmentation import Pixels
from vistry.training.engines.state import Arrays

BATCH_SIZE, OBJECTS = "batch_size", "objects"
# Objects are padded to powers of two from here on, so that a data set needs few programs.
LEAST_OBJECTS = 8


class PaddedImages(NamedTuple):
    """Images [P, H, W, 3] of which some rows repeat others.

    `mask`: [P] float32, 1 for each row that counts, 0 for a repeated one. `rows`: [P] the row of the batch each is.
    """

    images: Pixels
    mask: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]


class Padding:
    """The largest batch so far, and the room for objects that its images had to have."""

    def __init__(self) -> None:
        self._batch_size = 0
        self._objects = 0

    def images(self, images: Pixels) -> PaddedImages:
        """Pad images to the largest batch so far, with copies of real rows."""
        self._batch_size = max(self._batch_size, len(images))
        # Copies give a network nothing that it isn't made for: a mask of 0 wouldn't remove a NaN from a sum.
        rows = np.arange(self._batch_size)
        mask = (rows < len(images)).astype(np.float32)
        rows %= len(images)
        return PaddedImages(images if mask.all() else images[rows], mask, rows)

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
        objects = {"boxes": boxes[rows], "labels": labels[rows]}
        if "masks" in targets[0]:
            objects["masks"] = _padded_masks(targets, (self._objects, *padded.images.shape[1:3]))[rows]
        return objects

    def state(self) -> Arrays:
        """Return the sizes. A resumed training needs them, because the order of a sum depends on the shape."""
        return {BATCH_SIZE: np.array(self._batch_size), OBJECTS: np.array(self._objects)}

    def load_state(self, arrays: Arrays) -> None:
        """Set what `state` returned; a classifier's run of an earlier version has no room for objects."""
        self._batch_size = int(arrays[BATCH_SIZE].item())
        self._objects = int(arrays[OBJECTS].item()) if OBJECTS in arrays else 0


def _padded_masks(targets: Sequence[Mapping[str, npt.NDArray[Any]]], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the masks of N images [N, K, H, W], given K, H and W."""
    masks = np.zeros((len(targets), *shape), np.uint8)
    for place, target in zip(masks, targets, strict=True):
        count, height, width = target["masks"].shape
        place[:count, :height, :width] = target["masks"]
    return masks
