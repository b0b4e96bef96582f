"""Random images with objects and detections, for tests that compare two evaluators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pycocotools import mask as coco_mask
from vistry.evaluation.detection.types import Boxes, Detections, GroundTruth, Rle

SIDE = 160


@dataclass(frozen=True)
class Scene:
    """N images: what is there, what was found, and the number of classes."""

    truth: list[GroundTruth]
    found: list[Detections]
    classes: int


def make_scene(seed: int, images: int = 6, classes: int = 3, *, scores: int = 5, masks: bool = False) -> Scene:
    """Objects of all sizes, some crowds, and detections near them, doubled, shifted, of another class or nowhere.

    Scores are one of `scores` values, so that many are equal. Some images have no object, some no detection.
    """
    random = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(images):
        boxes = random_boxes(random, int(random.integers(0, 6)))
        labels = random.integers(0, classes, len(boxes))
        crowd = random.random(len(boxes)) < 0.2
        shapes = [shape(box, random) for box in boxes] if masks else None
        areas = coco_mask.area(shapes) if shapes else np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        truth.append(GroundTruth(boxes, labels, crowd, np.asarray(areas, np.float32), shapes))
        found.append(detections(random, boxes, labels, classes, scores, masks))
    return Scene(truth, found, classes)


def random_boxes(random: np.random.Generator, count: int) -> Boxes:
    """[count, 4] x1, y1, x2, y2 inside SIDE, in quarters of a pixel, so that equal overlaps happen."""
    size = random.choice([8.0, 24.0, 40.0, 140.0], (count, 2)) * random.choice([0.75, 1.0], (count, 2))
    corner = np.floor(random.random((count, 2)) * (SIDE - size) * 4) / 4
    return np.hstack([corner, corner + size]).astype(np.float32)


def detections(
    random: np.random.Generator, boxes: Boxes, labels: npt.NDArray[Any], classes: int, scores: int, masks: bool
) -> Detections:
    copies = random.integers(0, 3, len(boxes))
    near = np.repeat(boxes, copies, axis=0) + random.integers(-6, 7, (int(copies.sum()), 4)) / 2
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
    near = np.clip(near, 0, SIDE - 1)
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
    anywhere = random_boxes(random, int(random.integers(0, 4)))
    every = np.concatenate([near, anywhere]).astype(np.float32)
    own = np.concatenate([np.repeat(labels, copies), random.integers(0, classes, len(anywhere))])
    changed = np.where(random.random(len(own)) < 0.2, random.integers(0, classes, len(own)), own).astype(np.int64)
    values = (random.integers(1, scores + 1, len(own)) / (scores + 1)).astype(np.float32)
    return Detections(every, values, changed, [shape(box, random) for box in every] if masks else None)


def shape(box: npt.NDArray[Any], random: np.random.Generator) -> Rle:
    """An ellipse or a rectangle in the box, as COCO encodes it."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    x1, y1, x2, y2 = box
    inside = (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
    if random.random() < 0.5:
        inside &= ((2 * x - x1 - x2) / (x2 - x1)) ** 2 + ((2 * y - y1 - y2) / (y2 - y1)) ** 2 <= 1
    encoded: Rle = coco_mask.encode(np.asfortranarray(inside.astype(np.uint8)))
    return encoded


def make_image(
    objects: list[tuple[float, ...]], found: list[tuple[float, ...]], crowd: tuple[int, ...] = ()
) -> tuple[list[GroundTruth], list[Detections]]:
    """One image from rows (x1, y1, x2, y2, label) of objects and (x1, y1, x2, y2, label, score) of detections."""
    there = np.array(objects, np.float32).reshape(-1, 5)
    seen = np.array(found, np.float32).reshape(-1, 6)
    flags = np.isin(np.arange(len(there)), crowd)
    areas = np.prod(there[:, 2:4] - there[:, :2], axis=1)
    truth = GroundTruth(there[:, :4], there[:, 4].astype(np.int64), flags, areas)
    return [truth], [Detections(seen[:, :4], seen[:, 5], seen[:, 4].astype(np.int64))]


@pytest.fixture(scope="session")
def scene() -> Callable[..., Scene]:
    """`make_scene`."""
    return make_scene


@pytest.fixture(scope="session")
def one_image() -> Callable[..., Any]:
    """`make_image`."""
    return make_image
