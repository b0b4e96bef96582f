"""Read an image file as the square a classifier is given: random crops in training, the centre in validation.

The steps and their constants are those of docs/reference/behaviour.md, 3.2. Every random choice of an image comes from
one generator made of the seed, the epoch and the image's row, so neither the number of threads nor an interruption
changes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

from vistry.data.images.decode import load_image

# Inception's crops, as torchvision draws them by default: the share of the area, width over height.
CROP_AREA = (0.08, 1.0)
CROP_ASPECT = (3 / 4, 4 / 3)
# After so many boxes that lie outside the image the centre is taken.
CROP_TRIES = 10
FLIP_CHANCE = 0.5
JITTER_CHANCE = 0.5
JITTER = 0.4

Pixels = npt.NDArray[np.uint8]
Prepare = Callable[[str, np.random.Generator], Pixels]


@dataclass(frozen=True)
class TrainingCrop:
    """Random resized crop, horizontal flip, colour jitter: [size, size, 3] uint8."""

    size: int

    def __call__(self, path: str, random: np.random.Generator) -> Pixels:
        areas = random.uniform(*CROP_AREA, CROP_TRIES)
        aspects = np.exp(random.uniform(math.log(CROP_ASPECT[0]), math.log(CROP_ASPECT[1]), CROP_TRIES))
        # The smallest crop that may be drawn still has `size` pixels, so a JPEG may be decoded smaller than it is.
        enough = math.ceil(self.size / math.sqrt(areas[0] * CROP_ASPECT[0]))
        image = load_image(path, at_least=enough)
        box = _crop_box(image.size, areas, aspects, random=random)
        image = image.resize((self.size, self.size), Image.Resampling.BILINEAR, box=box)
        if random.random() < FLIP_CHANCE:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if random.random() < JITTER_CHANCE:
            image = _jitter(image, random)
        return np.asarray(image)


@dataclass(frozen=True)
class ValidationCrop:
    """Shorter side to `resize`, then the centre: [crop, crop, 3] uint8."""

    resize: int
    crop: int

    def __call__(self, path: str, random: np.random.Generator | None = None) -> Pixels:  # noqa: ARG002
        # All of a JPEG is decoded: whoever has the pixels, such as an exported file, makes the same crop of them.
        return self.of_image(load_image(path))

    def of_image(self, image: Image.Image) -> Pixels:
        """The crop of an upright RGB image."""
        box = _centre_box(image.size, self.resize, self.crop)
        return np.asarray(image.resize((self.crop, self.crop), Image.Resampling.BILINEAR, box=box))


def _centre_box(size: tuple[int, int], resize: int, crop: int) -> tuple[float, float, float, float]:
    """The part of the image that is the centre crop of the resized image, so that one resize does both."""
    shorter = min(size)
    width, height = (int(resize * side / shorter) for side in size)
    across, down = size[0] / width, size[1] / height
    left, top = round((width - crop) / 2), round((height - crop) / 2)
    return left * across, top * down, min(size[0], (left + crop) * across), min(size[1], (top + crop) * down)


def _crop_box(
    size: tuple[int, int],
    areas: npt.NDArray[np.float64],
    aspects: npt.NDArray[np.float64],
    random: np.random.Generator,
) -> tuple[float, float, float, float]:
    """The first drawn box that fits in the image, else its centre at the nearest allowed aspect."""
    width, height = size
    for area, aspect in zip(areas, aspects, strict=True):
        crop_width = round(math.sqrt(width * height * area * aspect))
        crop_height = round(math.sqrt(width * height * area / aspect))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left, top = float(random.integers(width - crop_width + 1)), float(random.integers(height - crop_height + 1))
            return left, top, left + crop_width, top + crop_height
    crop_width = min(width, round(height * CROP_ASPECT[1]) or 1)
    crop_height = min(height, round(width / CROP_ASPECT[0]) or 1)
    margin_x, margin_y = (width - crop_width) / 2, (height - crop_height) / 2
    return margin_x, margin_y, margin_x + crop_width, margin_y + crop_height


def _jitter(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Brightness, contrast, saturation and hue, in random order, each by up to JITTER."""
    factors = random.uniform(1 - JITTER, 1 + JITTER, 3)
    shift = random.uniform(-JITTER, JITTER)
    for step in random.permutation(4):
        if step == 0:
            image = ImageEnhance.Brightness(image).enhance(factors[0])
        elif step == 1:
            image = ImageEnhance.Contrast(image).enhance(factors[1])
        elif step == 2:
            image = ImageEnhance.Color(image).enhance(factors[2])
        else:
            image = _shift_hue(image, shift)
    return image


def _shift_hue(image: Image.Image, shift: float) -> Image.Image:
    """Turn the hue by `shift` of a full circle."""
    hue, saturation, value = image.convert("HSV").split()
    turned = hue.point([(level + round(shift * 256)) % 256 for level in range(256)])
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")
