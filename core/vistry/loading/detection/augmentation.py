"""Augment and resize an image with objects for the training of a detector.

The steps and their constants are those of docs/reference/behaviour.md, 3.3. As with classifiers, every random choice of
an image comes from the one generator it is given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vistry.loading.detection.sample import DetectionSample

GEOMETRY_CHANCE = 0.5
CROP_CHANCE = 0.5
EXPAND_CHANCE = 0.5
FLIP_CHANCE = 0.5
# All are drawn at once, so a seed gives the same picture whichever of them fits.
CROP_TRIES = 50
# A crop keeps this share of the image, so that it never zooms in far.
LEAST_AREA = 0.6
ASPECT = (0.5, 2.0)
EXPAND = (1.0, 2.0)
# ImageNet's mean, as the network's normalisation expects: after it the border is nearly 0.
MEAN_COLOUR = (124, 116, 104)
# Half a gigabyte of masks an image, at a byte a pixel; 100 objects in a photo of 24 megapixels have five times that.
MASK_PIXELS = 500_000_000


@dataclass(frozen=True)
class DetectionTrainTransform:
    """Random crop around all objects, random zoom out, horizontal flip, then the resize of `resized_size`.

    Without `augment` only the resize.
    """

    min_size: int
    max_size: int
    augment: bool = True

    def __call__(self, sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
        sample = limit_mask_memory(sample)
        if self.augment:
            sample = _augment(sample, random)
        return sample.resize(*resized_size(sample.width, sample.height, self.min_size, max_size=self.max_size))


def resized_size(width: int, height: int, min_size: int, max_size: int) -> tuple[int, int]:
    """Width and height that bring the shorter side to `min_size`, or the longer to `max_size` if it would exceed that.

    The rule is that of torchvision's GeneralizedRCNNTransform, except that a side keeps at least one pixel; torchvision
    fails there.
    """
    scale = min(min_size / min(width, height), max_size / max(width, height))
    return max(1, math.floor(width * scale)), max(1, math.floor(height * scale))


def limit_mask_memory(sample: DetectionSample) -> DetectionSample:
    """Shrink a sample whose masks have more than MASK_PIXELS pixels in all."""
    if sample.masks is None or sample.masks.size <= MASK_PIXELS:
        return sample
    scale = math.sqrt(MASK_PIXELS / sample.masks.size)
    return sample.resize(max(1, math.floor(sample.width * scale)), max(1, math.floor(sample.height * scale)))


def _augment(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    if random.random() < GEOMETRY_CHANCE:
        if random.random() < CROP_CHANCE:
            sample = _random_crop(sample, random)
        if random.random() < EXPAND_CHANCE:
            sample = _random_zoom_out(sample, random)
    return sample.flip() if random.random() < FLIP_CHANCE else sample


def _random_crop(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    """Crop to the first drawn window that holds all boxes and most of the area and isn't too narrow, if one does."""
    size = np.array([sample.width, sample.height])
    # A window with a side below LEAST_AREA of the image's can't hold that much of its area.
    sides = np.round(random.uniform(LEAST_AREA, 1, (CROP_TRIES, 2)) * size).astype(np.int64)
    start = random.integers(size - sides + 1)
    end = start + sides
    aspects = sides[:, 0] / sides[:, 1]
    fits = (sides.prod(axis=1) >= LEAST_AREA * size.prod()) & (ASPECT[0] <= aspects) & (aspects <= ASPECT[1])
    if len(sample.boxes):
        fits &= (start <= sample.boxes[:, :2].min(axis=0)).all(axis=1)
        fits &= (end >= sample.boxes[:, 2:].max(axis=0)).all(axis=1)
    if not fits.any():
        return sample
    first = fits.argmax()
    return sample.crop(*start[first].tolist(), *end[first].tolist())


def _random_zoom_out(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    """Paste the image at a random place on a canvas of MEAN_COLOUR, up to twice as wide and high."""
    ratio = random.uniform(*EXPAND)
    width, height = int(sample.width * ratio), int(sample.height * ratio)
    left, top = (int(random.integers(room + 1)) for room in (width - sample.width, height - sample.height))
    return sample.pad(width, height, left, top, MEAN_COLOUR)
