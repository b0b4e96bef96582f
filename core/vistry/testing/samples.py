"""Eight fixed images with labels, the same for every model: enough to see whether a network learns at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from vistry.data.objects import Objects, no_shapes, objects_in_memory
from vistry.data.table import UNASSIGNED, Table
from vistry.loading.batches import Batch
from vistry.plugin.types import TrainingData
from vistry.registry.tasks import task_named
from vistry.task import behaviour_of

CLASSES = ("circle", "cross", "line", "square")
IMAGES = 8


def eight_samples(task: str, side: int, differ: bool = False) -> Batch:
    """Noise [8, side, side, 3] uint8, with two images of each of four classes and the task's targets.

    With `variable_size` their sizes are stated, as for a network whose images may differ in size.
    """
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (IMAGES, side, side, 3), dtype=np.uint8)
    sizes = [(side, side)] * IMAGES if differ else None
    return Batch(images, behaviour_of(task).batch_targets(eight_rows(task, side)), np.arange(IMAGES), sizes)


def black_images(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """[2, side, side, 3]: images with nothing to find in them."""
    return np.zeros((2, side, side, 3), dtype=np.uint8)


def training_data() -> TrainingData:
    """What a loss may ask of the eight samples."""
    counts = tuple(int(count) for count in eight_rows("image_classification", 1).class_counts())
    return TrainingData(CLASSES, counts, IMAGES)


def eight_rows(task: str, side: int) -> Table:
    """The table of the eight samples: a label each; for objects that of a square in the middle, as a box and a mask."""
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
    return objects_in_memory(np.ones(IMAGES), [[near, near, far, far]] * IMAGES, sides, sides, shapes)
