"""What a model's default training becomes on a small data set, in closed form.

The tables of defaults are made for thousands of images. On some hundred, a batch of 78 and 15 epochs are a few dozen
updates, so the batch shrinks, the rate goes with it, and the epochs follow from a number of updates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_BATCH = 8
BATCHES = 16  # at least so many an epoch
# Images, and how many updates a training on fewer than that takes; BiT's rule (Kolesnikov et al., 2020) with a tenth of
# its updates above the first, for a machine without an accelerator.
UPDATES = ((2_000, 500), (20_000, 2_000), (math.inf, 6_000))
EPOCHS = (8, 60)
IMBALANCED = 5  # the largest class has more than so many times the images of the smallest
SHARE_OF_TIME = 4  # one training takes at most one part in so many


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a model's own table says, and whether its task's batches may shrink: those of detectors stay."""

    batch: int
    learning_rate: float
    is_adaptive: bool
    keeps_batch: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The values of a training on a data set, and in one sentence each why."""

    training_batch_size: int
    learning_rate: float
    number_of_epochs: int
    weighted_loss: int
    reasons: tuple[str, ...]


def recipe(
    defaults: Defaults, images: int, class_counts: tuple[int, ...], step_seconds: float, time_limit: float | None
) -> Recipe:
    """Return the recipe for so many training images.

    Args:
        defaults: the model's own.
        images: how many there are to train on.
        class_counts: images of each class.
        step_seconds: how long an update takes with the model's own batch; it goes with the batch.
        time_limit: seconds of the whole search; None where there is none.
    """
    batch = defaults.batch if defaults.keeps_batch else _batch(defaults.batch, images)
    # The linear rule for sgd (Goyal et al., 2017), the square root for adam (Malladi et al., 2022).
    factor = batch / defaults.batch
    rate = defaults.learning_rate * (math.sqrt(factor) if defaults.is_adaptive else factor)
    updates = next(count for most, count in UPDATES if images < most)
    epochs = min(max(round(updates * batch / images), EPOCHS[0]), EPOCHS[1])
    reasons = [f"batch {batch}: {images} training images, of which the model's own {defaults.batch} leaves few updates"]
    if batch == defaults.batch:
        reasons = [f"batch {batch}: the model's own"]
    reasons.append(f"{epochs} epochs: about {updates} updates for {images} images")
    if time_limit is not None:
        epoch = max(1, math.ceil(images / batch)) * step_seconds * factor
        affordable = int(time_limit / SHARE_OF_TIME / epoch) if epoch else epochs
        if affordable < epochs:
            epochs = max(1, affordable)
            reasons[-1] = f"{epochs} epochs: one training may take a quarter of the time, and an epoch {epoch:.2g} s"
    largest, smallest = max(class_counts, default=0), min(filter(None, class_counts), default=0)
    is_imbalanced = largest > IMBALANCED * smallest > 0
    if is_imbalanced:
        reasons.append(f"weighted loss: the largest class has {largest} images, the smallest {smallest}")
    return Recipe(
        training_batch_size=batch,
        learning_rate=rate,
        number_of_epochs=epochs,
        weighted_loss=int(is_imbalanced),
        reasons=tuple(reasons),
    )


def _batch(most: int, images: int) -> int:
    """The largest power of two that leaves enough batches an epoch, and is no larger than the model's own."""
    wanted = min(most, max(images // BATCHES, LEAST_BATCH))
    return min(most, 1 << (max(wanted, 1).bit_length() - 1))
