"""From an image with objects to what a detector sees: random in training, only resized in validation.

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
FLIP = 0.5
TRIES = 50
LEAST_AREA = 0.6
ASPECT = (0.5, 2.0)
EXPAND = (1.0, 2.0)
MEAN_COLOUR = (124, 116, 104)
MASK_PIXELS = 500_000_000


@dataclass(frozen=True)
class TrainingObjects:
    """Random crop around all objects, random border, horizontal flip, then the resize of `ValidationObjects`.

    Without `augment` only the resize.
    """

    min_size: int
    max_size: int
    augment: bool = True

    def __call__(self, sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
        sample = within_memory(sample)
        if self.augment:
            sample = _augmented(sample, random)
        return sample.resized(*resized_size(sample.width, sample.height, self.min_size, self.max_size))


@dataclass(frozen=True)
class ValidationObjects:
    """Shorter side to `min_size`, or the longer to `max_size` where it would exceed that."""

    min_size: int
    max_size: int

    def __call__(self, sample: DetectionSample, random: np.random.Generator | None = None) -> DetectionSample:  # noqa: ARG002
        sample = within_memory(sample)
        return sample.resized(*resized_size(sample.width, sample.height, self.min_size, self.max_size))


def resized_size(width: int, height: int, min_size: int, max_size: int) -> tuple[int, int]:
    """Width and height after the resize, by the rule of torchvision's GeneralizedRCNNTransform.

    Where it would leave a side without a pixel, and torchvision fails, that side has one.
    """
    scale = min(min_size / min(width, height), max_size / max(width, height))
    return max(1, math.floor(width * scale)), max(1, math.floor(height * scale))


def within_memory(sample: DetectionSample) -> DetectionSample:
    """The sample, made smaller where its masks have more than MASK_PIXELS pixels in all."""
    if sample.masks is None or sample.masks.size <= MASK_PIXELS:
        return sample
    scale = math.sqrt(MASK_PIXELS / sample.masks.size)
    return sample.resized(max(1, math.floor(sample.width * scale)), max(1, math.floor(sample.height * scale)))


def _augmented(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    if random.random() < GEOMETRY_CHANCE:
        if random.random() < CROP_CHANCE:
            sample = _cropped(sample, random)
        if random.random() < EXPAND_CHANCE:
            sample = _expanded(sample, random)
    return sample.flipped() if random.random() < FLIP else sample


def _cropped(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    """The first drawn window that holds every box, most of the area, and is not too narrow; else the whole image."""
    size = np.array([sample.width, sample.height])
    # A window with a side below LEAST_AREA of the image's can't hold that much of its area.
    sides = np.round(random.uniform(LEAST_AREA, 1, (TRIES, 2)) * size).astype(np.int64)
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
    return sample.cropped(*start[first].tolist(), *end[first].tolist())


def _expanded(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    """The image at a random place on a canvas, up to twice as wide and high, in ImageNet's mean colour."""
    ratio = random.uniform(*EXPAND)
    width, height = int(sample.width * ratio), int(sample.height * ratio)
    left, top = (int(random.integers(room + 1)) for room in (width - sample.width, height - sample.height))
    return sample.expanded(width, height, left, top, MEAN_COLOUR)
