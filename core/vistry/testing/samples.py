"""Eight fixed images with labels, the same for every model: enough to see whether a network learns at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vistry.data.batches import Batch
from vistry.data.table import UNASSIGNED, Table
from vistry.task import behaviour_of
from vistry.task.behaviour import TrainingData

CLASSES = ("circle", "cross", "line", "square")
IMAGES = 8


def eight_samples(task: str, side: int) -> Batch:
    """Noise [8, side, side, 3] uint8, with two images of each of four classes and the task's targets."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (IMAGES, side, side, 3), dtype=np.uint8)
    return Batch(images, behaviour_of(task).targets(_table()), np.arange(IMAGES))


def black_images(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """[2, side, side, 3]: images with nothing to find in them."""
    return np.zeros((2, side, side, 3), dtype=np.uint8)


def training_data() -> TrainingData:
    """What a loss may ask of the eight samples."""
    counts = tuple(int(count) for count in _table().class_counts())
    return TrainingData(CLASSES, counts, IMAGES)


def _table() -> Table:
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
    )
