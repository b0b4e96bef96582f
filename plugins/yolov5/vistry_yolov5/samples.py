"""Images with objects as YOLOv5 trains on them: squares of one size, most of them mosaics of four images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from vistry.plugin import Batch, Pixels, Rows, Table, epoch_order, even_batches, load_pixels, offsets_from_counts
from vistry.plugin.detection import DecodedImages, DetectionDataset, DetectionSample, TileGrid, Tiling, detection_target

from vistry_yolov5.architecture import LARGEST_STRIDE
from vistry_yolov5.letterbox import fitted_size
from vistry_yolov5.recipe import MOSAIC, training_sample

# Two GiB hold some 1,700 images of 640 pixels; a mosaic reads each image four times an epoch.
CACHE_BYTES = 2 << 30
# With multi_scale: the sides of a batch, in sides of the images.
SIDES = (0.5, 1.5)


class Square(NamedTuple):
    """A square sample; `side` is the side in pixels of the batch whose first sample it is."""

    sample: DetectionSample
    side: int


class YoloDataset:
    """The images of a table and, with a grid, each tile that has objects, as squares of `image_size`.

    With `mosaic` a sample is made of itself and three others, drawn anew in each epoch. `augment` is what else is
    random, but for `multi_scale`: the size of each batch. A batch's targets are dictionaries of `boxes` [K, 4] float32
    in pixels of the square and `labels` [K] int64. Crowds are left out. Up to `cache_bytes` of images are kept in
    memory, in the size in which they are used.
    """

    def __init__(
        self,
        table: Table,
        image_size: int,
        batch_size: int,
        *,
        mosaic: bool,
        augment: bool,
        multi_scale: bool,
        grid: TileGrid | None = None,
        overlap: float = 0.0,
        cache_bytes: int = CACHE_BYTES,
    ):
        self._samples = DetectionDataset(table, _unchanged, batch_size, tiling=Tiling(grid, overlap) if grid else None)
        self._files, self._image_size, self._batch_size = table.images, image_size, batch_size
        self._mosaic, self._augment, self._multi_scale = mosaic, augment, multi_scale
        images = self._samples.images
        self._by_image = np.argsort(images, kind="stable")
        self._starts = offsets_from_counts(np.bincount(images, minlength=len(table)))
        self._cache = DecodedImages(cache_bytes, self._fitted_parts)

    def __len__(self) -> int:
        return len(self._samples)

    def name(self, row: int) -> str:
        return self._samples.name(row)

    def batches(self, seed: int, epoch: int) -> list[Rows]:
        return even_batches(epoch_order(np.arange(len(self)), seed, epoch), self._batch_size)

    def read(self, row: int, random: np.random.Generator) -> Square:
        others = random.integers(len(self), size=MOSAIC - 1).tolist() if self._mosaic else []
        sources = [self.fitted(source) for source in (row, *others)]
        sample = training_sample(sources, self._image_size, random, self._augment)
        return Square(sample, self._drawn_side(random) if self._multi_scale else self._image_size)

    def batch(self, rows: Rows, read: Sequence[Square]) -> Batch:
        side = read[0].side
        samples = [square.sample for square in read]
        if side != self._image_size:
            samples = [sample.resize(side, side) for sample in samples]
        return Batch(np.stack([sample.pixels for sample in samples]), [detection_target(one) for one in samples], rows)

    def fitted(self, row: int) -> DetectionSample:
        """Read a sample with its longer side at `image_size`, before anything random. Raises DataError."""
        image = int(self._samples.images[row])
        rows, windows, starts = self._parts(image)
        place = int(np.flatnonzero(rows == row)[0])
        sample, (width, height) = self._samples.unread(row), self._fitted_size(windows[place])
        pixels = self._cache.get(image)[starts[place] : starts[place + 1]].reshape(height, width, 3)
        boxes = sample.boxes * np.array([width / sample.width, height / sample.height] * 2)
        return DetectionSample(pixels, boxes.astype(np.float32), sample.labels, sample.crowd)

    def _drawn_side(self, random: np.random.Generator) -> int:
        """Draw a side between 0.5 and 1.5 times `image_size`: a multiple of the largest stride, at least one."""
        smallest, largest = (factor * self._image_size / LARGEST_STRIDE for factor in SIDES)
        fewest = math.ceil(smallest)
        return int(random.integers(fewest, max(fewest, math.floor(largest)) + 1)) * LARGEST_STRIDE

    def _parts(self, image: int) -> tuple[Rows, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """[R] the samples of an image, first all of it; [R, 4] their parts; [R + 1] where in the cache each begins."""
        rows = self._by_image[self._starts[image] : self._starts[image + 1]]
        windows = self._samples.windows(rows.tolist())
        return rows, windows, offsets_from_counts([3 * math.prod(self._fitted_size(window)) for window in windows])

    def _fitted_size(self, window: npt.NDArray[np.int64]) -> tuple[int, int]:
        left, top, right, bottom = window.tolist()
        return fitted_size(right - left, bottom - top, self._image_size)

    def _fitted_parts(self, image: int) -> Pixels:
        """Decode an image once, and return the pixels of all its samples one after the other: [bytes] uint8."""
        _, windows, _ = self._parts(image)
        whole = windows[0, 2:]
        # A JPEG may come smaller, as long as every part still has a pixel for each it needs.
        side_needed = math.ceil(self._image_size * whole.min() / (windows[:, 2:] - windows[:, :2]).min())
        decoded = Image.fromarray(load_pixels(self._files[image], at_least=side_needed))
        shrunk = np.array(decoded.size) / whole
        parts = []
        for window in windows:
            box = tuple(np.minimum(window * np.tile(shrunk, 2), decoded.size * 2).tolist())
            resized = decoded.resize(self._fitted_size(window), Image.Resampling.BILINEAR, box=box)
            parts.append(np.asarray(resized).reshape(-1))
        return np.concatenate(parts)


def _unchanged(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:  # noqa: ARG001
    return sample
