"""What a network is shown of an image: the image itself, in the size it wants, or parts of it besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from vistry.loading.augmentation import Pixels, Prepare


class ResizeInfo(NamedTuple):
    """Height and width in pixels of what the network is given, and of the part of the image that this shows."""

    height: int
    width: int
    shown_height: int
    shown_width: int


def unresized(images: Pixels) -> list[ResizeInfo]:
    """The frames of images [N, H, W, 3] that are shown as they are."""
    count, height, width, _ = images.shape
    return [ResizeInfo(height, width, height, width)] * count


@dataclass(frozen=True)
class ImageView:
    """`pixels`: [H, W, 3] uint8, as the network is given them. `left` and `top`: where in the image the view begins."""

    pixels: Pixels
    shown_height: int
    shown_width: int
    left: int = 0
    top: int = 0

    @property
    def frame(self) -> ResizeInfo:
        """The sizes alone."""
        height, width, _ = self.pixels.shape
        return ResizeInfo(height, width, self.shown_height, self.shown_width)


class EvalTransform(Protocol):
    """How an image is shown to the network, and how what it says of each view becomes one prediction.

    `size_divisor`: the network's height and width have to be multiples of this. `variable_size`: whether views differ
    in size, so that the network is given `ImageBatch` images.
    """

    @property
    def size_divisor(self) -> int: ...

    @property
    def variable_size(self) -> bool: ...

    def views(self, image: str | Path) -> list[ImageView]:
        """The views of an image file, from one decode. Raises DataError."""

    def merged(self, predictions: Sequence[Any], views: Sequence[ImageView]) -> Any:
        """The prediction for the image from those for its views."""


@dataclass(frozen=True)
class SingleViewTransform:
    """One view, which is all there is to know of the image."""

    prepare: Prepare
    size_divisor: int = 1
    variable_size: bool = False

    def views(self, image: str | Path) -> list[ImageView]:
        pixels = self.prepare(str(image), np.random.default_rng(0))
        return [ImageView(pixels, *pixels.shape[:2])]

    def merged(self, predictions: Sequence[Any], views: Sequence[ImageView]) -> Any:  # noqa: ARG002
        return predictions[0]
