"""An image with its objects, and the geometry that moves pixels, boxes and masks together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from vistry.data.images.decode import Pixels

Boxes = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class DetectionSample:
    """An image with its K objects.

    `pixels`: [H, W, 3] uint8. `boxes`: [K, 4] float32, x1, y1, x2, y2 in pixels of `pixels`. `labels`: [K] int64.
    `crowd`: [K] bool. `masks`: [K, H, W] bool, for segmentation. Every method returns another sample, whose arrays may
    share memory with this one's.
    """

    pixels: Pixels
    boxes: Boxes
    labels: Labels
    crowd: Flags
    masks: Masks | None = None

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.pixels.shape[0])

    def take(self, index: npt.NDArray[np.int64] | Flags) -> DetectionSample:
        """The same image with these of its objects, by their indices or by a flag for each."""
        masks = None if self.masks is None else self.masks[index]
        return DetectionSample(
            self.pixels, self.boxes[index], labels=self.labels[index], crowd=self.crowd[index], masks=masks
        )

    def flip(self) -> DetectionSample:
        """Mirror the image: left and right swapped."""
        boxes = self.boxes.copy()
        boxes[:, 0], boxes[:, 2] = self.width - self.boxes[:, 2], self.width - self.boxes[:, 0]
        masks = None if self.masks is None else self.masks[:, :, ::-1]
        return replace(self, pixels=self.pixels[:, ::-1], boxes=boxes, masks=masks)

    def crop(self, left: int, top: int, right: int, bottom: int) -> DetectionSample:
        """Cut out a window, given in pixels, and clip the boxes to it.

        Objects of which no area, or no pixel of the mask, is left are dropped. Raises ValueError where the window is
        empty or reaches out of the image.
        """
        if not (0 <= left < right <= self.width and 0 <= top < bottom <= self.height):
            window = (left, top, right, bottom)
            raise ValueError(f"the window {window} is not inside the image of {self.width} x {self.height} pixels")
        size = np.asarray([right - left, bottom - top] * 2, dtype=np.float32)
        boxes = np.clip(self.boxes - np.asarray([left, top] * 2, dtype=np.float32), 0, size)
        masks = None if self.masks is None else self.masks[:, top:bottom, left:right]
        return _drop_invisible(replace(self, pixels=self.pixels[top:bottom, left:right], boxes=boxes, masks=masks))

    def pad(self, width: int, height: int, left: int, top: int, fill: Sequence[int]) -> DetectionSample:
        """Paste the image at `left`, `top` on a canvas of this size in pixels, of the colour `fill` (RGB, 0 to 255)."""
        inside = np.s_[top : top + self.height, left : left + self.width]
        pixels = np.empty((height, width, 3), dtype=np.uint8)
        pixels[:] = fill
        pixels[inside] = self.pixels
        boxes = self.boxes + np.asarray([left, top] * 2, dtype=np.float32)
        masks = None
        if self.masks is not None:
            masks = np.zeros((len(self.masks), height, width), dtype=bool)
            masks[:, *inside] = self.masks
        return replace(self, pixels=pixels, boxes=boxes, masks=masks)

    def resize(self, width: int, height: int) -> DetectionSample:
        """Resize to this size in pixels: the image bilinear with antialiasing, masks by the nearest pixel.

        Objects whose mask falls between the pixels are dropped.
        """
        pixels = np.asarray(Image.fromarray(self.pixels).resize((width, height), Image.Resampling.BILINEAR))
        boxes = (self.boxes * np.asarray([width / self.width, height / self.height] * 2)).astype(np.float32)
        masks = None
        if self.masks is not None:
            rows, columns = _nearest(self.height, height), _nearest(self.width, width)
            masks = self.masks.take(columns, axis=2).take(rows, axis=1)
        return _drop_invisible(replace(self, pixels=pixels, boxes=boxes, masks=masks))


def _nearest(old: int, new: int) -> npt.NDArray[np.int64]:
    """[new] the pixel in which the centre of each resized pixel lies."""
    return (2 * np.arange(new) + 1) * old // (2 * new)


def _drop_invisible(sample: DetectionSample) -> DetectionSample:
    """Drop the objects whose box has no area, or whose mask no pixel."""
    visible: Flags = np.all(sample.boxes[:, 2:] > sample.boxes[:, :2], axis=1)
    if sample.masks is not None:
        visible &= sample.masks.any(axis=(1, 2))
    return sample if visible.all() else sample.take(visible)
