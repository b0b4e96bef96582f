"""The augmentations that each family was published with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from vistry.plugin.detection import DetectionSample

from vistry_detr.photometric import distort

FLIP_CHANCE = 0.5
ZOOM_OUT_CHANCE, ZOOM_OUT = 0.5, (1.0, 4.0)
# Windows after Liu et al., SSD, 2016, section 2.2: one that overlaps an object by at least a share drawn from these.
CROP_CHANCE, CROP_OVERLAPS, CROP_TRIES = 0.8, (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0), 40
CROP_SIDES, CROP_ASPECT = (0.3, 1.0), (0.5, 2.0)
# RF-DETR's crop: the shorter side becomes one of these, then a window of such sides is cut, all in pixels.
CUT_CHANCE, CUT_FROM, CUT_SIDES = 0.5, (400, 500, 600), (384, 600)

Change = Callable[[DetectionSample, np.random.Generator], DetectionSample]
Overlaps = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How training images are changed, and in which part of a training.

    `change` is what is random beside a flip. It is left out in the first `plain_start` and the last `plain_end` of the
    epochs, and up to `mosaics_until` four images are put into each with a chance of `mosaic`, and two with one of
    `mixup` laid over each other; all are shares.
    """

    change: Change
    plain_start: float = 0.0
    plain_end: float = 0.0
    mosaics_until: float = 0.0
    mosaic: float = 0.0
    mixup: float = 0.0


def distorted_and_cropped(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    """Change colours, zoom out and crop at random, as D-FINE and DEIMv2 do."""
    coloured = DetectionSample(
        distort(sample.pixels, random), sample.boxes, labels=sample.labels, crowd=sample.crowd, masks=sample.masks
    )
    return overlap_crop(zoom_out(coloured, random), random)


def zoom_out(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    """Paste an image on a black canvas of up to four times its width and height, with a chance of a half."""
    if random.random() >= ZOOM_OUT_CHANCE:
        return sample
    ratio = random.uniform(*ZOOM_OUT)
    width, height = int(sample.width * ratio), int(sample.height * ratio)
    left, top = (int(random.integers(room + 1)) for room in (width - sample.width, height - sample.height))
    return sample.pad(width, height, left, top=top, fill=(0, 0, 0))


def overlap_crop(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    """Cut a window that overlaps an object by a random share, with the objects whose centres lie in it."""
    if random.random() >= CROP_CHANCE or not len(sample.boxes):
        return sample
    least = CROP_OVERLAPS[random.integers(len(CROP_OVERLAPS))]
    if least == 1.0:
        return sample
    # All are drawn at once, so a seed gives the same picture whichever of them fits.
    size = np.array([sample.width, sample.height])
    sides = np.maximum((random.uniform(*CROP_SIDES, (CROP_TRIES, 2)) * size).astype(np.int64), 1)
    starts = random.integers(size - sides + 1)
    aspects = sides[:, 0] / sides[:, 1]
    fits = (CROP_ASPECT[0] <= aspects) & (aspects <= CROP_ASPECT[1])
    for start, end in zip(starts[fits], (starts + sides)[fits], strict=True):
        kept = _centred_in(sample.boxes, start, end)
        if kept.any() and _overlaps(sample.boxes[kept], start, end).max() >= least:
            return sample.take(kept).crop(*start.tolist(), *end.tolist())
    return sample


def cut_or_whole(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:
    """Cut a window of 384 to 600 pixels out of an image of 400 to 600, or leave the image, as RF-DETR does."""
    shorter = CUT_FROM[random.integers(len(CUT_FROM))]
    sides, place = random.integers(CUT_SIDES[0], CUT_SIDES[1] + 1, 2), random.random(2)
    if random.random() >= CUT_CHANCE:
        return sample
    scale = shorter / min(sample.width, sample.height)
    resized = sample.resize(max(1, round(sample.width * scale)), max(1, round(sample.height * scale)))
    size = np.array([resized.width, resized.height])
    sides = np.minimum(sides, size)
    start = np.floor(place * (size - sides + 1)).astype(np.int64)
    return resized.crop(*start.tolist(), *(start + sides).tolist())


def mosaic(samples: Sequence[DetectionSample], side: int, random: np.random.Generator) -> DetectionSample:
    """Put four images into the quarters of a square of `side` pixels, then scale, shift and cut that at random."""
    half = side // 2
    tiles = [sample.resize(half, half) for sample in samples]
    rows = [np.concatenate([tiles[row].pixels, tiles[row + 1].pixels], axis=1) for row in (0, 2)]
    places = [np.array([x, y, x, y], np.float32) * half for y in (0, 1) for x in (0, 1)]
    boxes = np.concatenate([tile.boxes + place for tile, place in zip(tiles, places, strict=True)])
    whole = DetectionSample(
        np.concatenate(rows),
        boxes,
        labels=np.concatenate([tile.labels for tile in tiles]),
        crowd=np.concatenate([tile.crowd for tile in tiles]),
    )
    scale, shift = random.uniform(0.5, 1.5), random.uniform(-0.1, 0.1, 2)
    moved = whole.resize(max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
    return _placed(moved, side, (shift * side).astype(np.int64))


def _placed(sample: DetectionSample, side: int, shift: npt.NDArray[np.int64]) -> DetectionSample:
    """Place an image in the middle of a black square, shifted, and cut what reaches out of it."""
    size = np.array([sample.width, sample.height])
    start = (side - size) // 2 + shift
    cut = np.maximum(-start, 0), np.minimum(size, side - start)
    inside = sample.crop(*cut[0].tolist(), *cut[1].tolist())
    left, top = np.maximum(start, 0).tolist()
    return inside.pad(side, side, left, top=top, fill=(0, 0, 0))


def _centred_in(
    boxes: npt.NDArray[np.float32], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.asarray(((centres > start) & (centres < end)).all(axis=1))


def _overlaps(boxes: npt.NDArray[np.float32], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]) -> Overlaps:
    """[K] the intersection over union of each box with a window."""
    sides = np.minimum(boxes[:, 2:], end) - np.maximum(boxes[:, :2], start)
    shared = sides.clip(0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    overlaps: Overlaps = shared / (areas + (end - start).prod() - shared)
    return overlaps
