"""Eight fixed images with labels, the same for every model: enough to tell whether a network learns at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vistry.data.objects import Objects, no_shapes, objects_in_memory
from vistry.data.table import UNASSIGNED, Table
from vistry.evaluation.detection.types import Detections, ImageDetections
from vistry.loading.batches import Batch
from vistry.plugin.types import TrainingData
from vistry.registry.tasks import task_named
from vistry.task import behaviour_of

CLASSES = ("circle", "cross", "line", "square")
IMAGES = 8


def eight_samples(task: str, side: int, variable_size: bool = False) -> Batch:
    """Return noise [8, side, side, 3] uint8 with the task's targets: two images of each of four classes.

    With `variable_size` the batch has the sizes of its images, as for a network that takes images of any size.
    """
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (IMAGES, side, side, 3), dtype=np.uint8)
    sizes = [(side, side)] * IMAGES if variable_size else None
    targets = behaviour_of(task).batch_targets(eight_rows(task, side))
    return Batch(images, targets, rows=np.arange(IMAGES), sizes=sizes)


def eight_predictions(task: str, *, right: bool) -> tuple[list[Any], Any]:
    """Return predictions of the eight samples, all of them right or all of them wrong, and the targets."""
    table = eight_rows(task, IMAGES)
    targets = behaviour_of(task).targets(table)
    labels = ((table.labels + (0 if right else 1)) % len(CLASSES)).astype(np.int64)
    if not task_named(task).has_boxes:
        return list(np.eye(len(CLASSES), dtype=np.float32)[labels] * 0.8 + 0.05), targets
    score = np.array([0.9], np.float32)
    boxes = [Detections(truth.boxes, score, labels[[row]], masks=truth.masks) for row, truth in enumerate(targets)]
    return [ImageDetections(detections, IMAGES, IMAGES) for detections in boxes], targets


def black_images(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return two images [2, side, side, 3] without any contrast."""
    return np.zeros((2, side, side, 3), dtype=np.uint8)


def varied_image(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return an image [1, side, side, 3] of coloured tiles, below them noise."""
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    tile = -(-side // 4)
    tiles = random.integers(0, 256, (2, 4, 3), dtype=np.uint8).repeat(tile, 0).repeat(tile, 1)
    image[0, : side // 2] = tiles[: side // 2, :side]
    return image


def training_data() -> TrainingData:
    """Return the facts of the eight samples that a loss may use."""
    counts = tuple(int(count) for count in eight_rows("image_classification", 1).class_counts())
    return TrainingData(CLASSES, counts, IMAGES)


def eight_rows(task: str, side: int) -> Table:
    """Return the table of the eight samples: each has a label, for detection that of a square in its middle."""
    return Table(
        root=Path(),
        format="folders",
        classes=CLASSES,
        images=[f"{index}.png" for index in range(IMAGES)],
        label_starts=np.arange(IMAGES + 1, dtype=np.int64),
        labels=np.arange(IMAGES, dtype=np.int32) % len(CLASSES),
        split=np.full(IMAGES, UNASSIGNED, dtype=np.int8),
        files=(),
        file_of=np.zeros(IMAGES, dtype=np.int32),
        lines=np.zeros(IMAGES, dtype=np.int32),
        objects=_squares(side) if task_named(task).has_boxes else None,
    )


def _squares(side: int) -> Objects:
    near, far = side / 4, side * 3 / 4
    ring = np.array([[near, near], [far, near], [far, far], [near, far]])
    each = np.arange(IMAGES + 1, dtype=np.int64)
    shapes = replace(
        no_shapes(IMAGES), ring_starts=each, point_starts=len(ring) * each, points=np.tile(ring, (IMAGES, 1))
    )
    sides = np.full(IMAGES, side)
    boxes = [[near, near, far, far]] * IMAGES
    return objects_in_memory(np.ones(IMAGES), boxes, width=sides, height=sides, shapes=shapes)
