"""The views of an image that a network is given in evaluation and prediction: all of it, and perhaps its tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from vistry.loading.augmentation import Pixels, Prepare


class ResizeInfo(NamedTuple):
    """The size of a view as the network is given it, and of the region of the image it was resized from, in pixels."""

    height: int
    width: int
    source_height: int
    source_width: int


def identity_resizes(images: Pixels) -> list[ResizeInfo]:
    """The sizes of images [N, H, W, 3] that are given to the network without a resize."""
    count, height, width, _ = images.shape
    return [ResizeInfo(height=height, width=width, source_height=height, source_width=width)] * count


@dataclass(frozen=True)
class ImageView:
    """A region of an image as the network is given it.

    `pixels`: [H, W, 3] uint8, after the resize. `source_height` and `source_width`: the region's size in pixels of the
    image. `left` and `top`: the region's upper left corner in the image.
    """

    pixels: Pixels
    source_height: int
    source_width: int
    left: int = 0
    top: int = 0

    @property
    def resize_info(self) -> ResizeInfo:
        """The sizes without the pixels, which a prediction needs to be scaled back."""
        height, width, _ = self.pixels.shape
        return ResizeInfo(height=height, width=width, source_height=self.source_height, source_width=self.source_width)


class EvalTransform(Protocol):
    """Turns an image into views for the network, and the predictions for the views into one for the image.

    `size_divisor`: the height and width of a batch have to be multiples of this. `variable_size`: whether views differ
    in size, so that the network is called with an `ImageBatch`.
    """

    @property
    def size_divisor(self) -> int: ...

    @property
    def variable_size(self) -> bool: ...

    def views(self, image: str | Path) -> list[ImageView]:
        """The views of an image file, from one decode. Raises DataError."""

    def merge(self, predictions: Sequence[Any], views: Sequence[ImageView]) -> Any:
        """Combine the predictions for all views of an image into one for the image."""


@dataclass(frozen=True)
class ClassificationTransform:
    """One view of each image, made by `prepare`, whose prediction is the image's."""

    prepare: Prepare
    size_divisor: int = 1
    variable_size: bool = False

    def views(self, image: str | Path) -> list[ImageView]:
        # Preparing for evaluation draws nothing; the generator only satisfies the signature it shares with training.
        pixels = self.prepare(str(image), np.random.default_rng(0))
        return [ImageView(pixels, *pixels.shape[:2])]

    def merge(self, predictions: Sequence[Any], views: Sequence[ImageView]) -> Any:  # noqa: ARG002
        return predictions[0]
