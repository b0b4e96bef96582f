"""The training images of a detector: whole, or whole and in tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from vistry.data.images.cache import DecodedImages
from vistry.data.images.decode import Pixels
from vistry.data.masks.rle import object_mask
from vistry.data.table import Table
from vistry.loading.batches import Batch, Rows, epoch_order, stack_padded
from vistry.loading.detection.aspect_batches import aspect_batches
from vistry.loading.detection.sample import DetectionSample
from vistry.loading.detection.tiles import Tiling, tile_sample, tiles_with_objects

# The network's height and width are multiples of this, the stride of the deepest feature map of the usual backbones.
STRIDE = 32
# With tiles each image is needed several times an epoch; this much of them stays decoded.
CACHE_BYTES = 1 << 30
# The last of an image's windows, after its tiles.
WHOLE = -1


class DetectionTarget(TypedDict):
    """The K objects of an image for a loss.

    `boxes`: [K, 4] float32 in pixels of the image as the network is given it. `labels`: [K] int64. `masks`: [K, H, W]
    uint8, for segmentation.
    """

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    masks: NotRequired[npt.NDArray[np.uint8]]


Change = Callable[[DetectionSample, np.random.Generator], DetectionSample]


class DetectionDataset:
    """The images of a table and, with a tiling, each tile that has objects; `change` makes of one what is trained on.

    A batch's targets are a `DetectionTarget` each; crowds are left out.
    """

    def __init__(
        self,
        table: Table,
        change: Change,
        batch_size: int,
        *,
        with_masks: bool = False,
        tiling: Tiling | None = None,
    ):
        assert table.objects is not None
        self._table, self._objects = table, table.objects
        self._change, self._batch_size, self._with_masks = change, batch_size, with_masks
        self._tiling = tiling
        self._places = _places(table, tiling)
        self._images = DecodedImages(CACHE_BYTES if tiling else 0)

    def __len__(self) -> int:
        return len(self._places)

    def name(self, row: int) -> str:
        image, tile = map(int, self._places[row])
        return self._table.images[image] + ("" if tile == WHOLE else f" (tile {tile + 1})")

    def batches(self, seed: int, epoch: int) -> list[Rows]:
        order = epoch_order(np.arange(len(self)), seed, epoch)
        return aspect_batches(self._aspects(), order, self._batch_size)

    def read(self, row: int, random: np.random.Generator) -> DetectionSample:
        image, tile = map(int, self._places[row])
        return self._change(self._part(self._sample(image), tile), random)

    @property
    def images(self) -> npt.NDArray[np.int64]:
        """[samples] the place in the table of the image that each is, or is a tile of."""
        return self._places[:, 0]

    def unread(self, row: int) -> DetectionSample:
        """A sample with its objects, before `change`, and with black pixels: its image isn't read."""
        image, tile = map(int, self._places[row])
        return self._part(self._with_objects(image, self._black(image)), tile)

    def windows(self, rows: Sequence[int]) -> npt.NDArray[np.int64]:
        """[R, 4] the part that each of these samples of one image is: left, top, right, bottom in its pixels."""
        image = self._places[rows[0], 0]
        width, height = int(self._objects.width[image]), int(self._objects.height[image])
        windows = np.array([[0, 0, width, height]])
        if self._tiling is not None:
            windows = np.concatenate([self._tiling.tiles(width, height), windows])
        return windows[self._places[rows, 1]]

    def batch(self, rows: Rows, read: Sequence[DetectionSample]) -> Batch:
        sizes = [(sample.height, sample.width) for sample in read]
        images = stack_padded([sample.pixels for sample in read], STRIDE)
        return Batch(images, [detection_target(sample) for sample in read], rows, sizes=sizes)

    def targets(self) -> list[DetectionTarget]:
        """The targets of every image in its own size, without reading it."""
        return [detection_target(self._with_objects(image, self._black(image))) for image in range(len(self._table))]

    def _aspects(self) -> npt.NDArray[np.float64]:
        """[samples] width over height."""
        aspects: npt.NDArray[np.float64] = self._objects.width / np.maximum(self._objects.height, 1)
        return aspects[self._places[:, 0]]

    def _part(self, sample: DetectionSample, tile: int) -> DetectionSample:
        if tile == WHOLE or self._tiling is None:
            return sample
        return tile_sample(sample, self._tiling.tiles(sample.width, sample.height)[tile])

    def _black(self, image: int) -> Pixels:
        """[H, W, 3] of an image's size, in the memory of one byte."""
        size = int(self._objects.height[image]), int(self._objects.width[image])
        return np.broadcast_to(np.uint8(0), (*size, 3))

    def _sample(self, image: int) -> DetectionSample:
        return self._with_objects(image, self._images.get(self._table.images[image]))

    def _with_objects(self, image: int, pixels: Pixels) -> DetectionSample:
        height, width, _ = pixels.shape
        index = np.arange(self._table.label_starts[image], self._table.label_starts[image + 1])
        masks = None
        if self._with_masks:
            drawn = [object_mask(self._table, place, width, height=height) for place in index.tolist()]
            masks = np.stack(drawn) if drawn else np.zeros((0, height, width), dtype=bool)
        boxes = np.asarray(self._objects.boxes[index], dtype=np.float32)
        labels = self._table.labels[index].astype(np.int64)
        return DetectionSample(pixels, boxes, labels=labels, crowd=self._objects.crowd[index], masks=masks)


def _places(table: Table, tiling: Tiling | None) -> npt.NDArray[np.int64]:
    """[samples, 2]: the image of each sample, and which of its tiles, or WHOLE."""
    whole = np.stack([np.arange(len(table)), np.full(len(table), WHOLE)], axis=1)
    if tiling is None or table.objects is None:
        return whole
    places = [whole]
    for image in range(len(table)):
        boxes = table.objects.boxes[table.label_starts[image] : table.label_starts[image + 1]]
        size = int(table.objects.width[image]), int(table.objects.height[image])
        tiles = np.flatnonzero(tiles_with_objects(boxes, tiling.tiles(*size)))
        places.append(np.stack([np.full(len(tiles), image), tiles], axis=1))
    return np.concatenate(places)


def detection_target(sample: DetectionSample) -> DetectionTarget:
    """The target of a sample for a loss, without crowds."""
    objects = sample.take(~sample.crowd)
    target: DetectionTarget = {"boxes": objects.boxes, "labels": objects.labels}
    if objects.masks is not None:
        target["masks"] = np.ascontiguousarray(objects.masks).view(np.uint8)
    return target
