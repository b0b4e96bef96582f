"""What a model's default training becomes on a small data set, in closed form.

The tables of defaults are made for thousands of images. On some hundred, a batch of 78 and 15 epochs are a few dozen
updates, so the batch shrinks, the rate goes with it, and the epochs follow from a number of updates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_BATCH = 16  # the statistics of batch norm over eight images cost a network a fifth of what it gets right
BATCHES = 16  # at least so many an epoch
# Images, and how many updates a training on fewer than that takes; BiT's rule (Kolesnikov et al., 2020) with a tenth of
# its updates above the first, for a machine without an accelerator.
UPDATES = ((2_000, 500), (20_000, 2_000), (math.inf, 6_000))
EPOCHS = (8, 60)
IMBALANCED = 5  # the largest class has more than so many times the images of the smallest
SHARE_OF_TIME = 1 / 4  # that one training takes at most,
LARGEST_SHARE = 3 / 4  # and where that is less than a model's own epochs: one good training is better than three short
WARM_UP = 4  # of so many epochs one warms up, at most


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a model's own table says, and whether its task's batches may shrink: those of detectors stay."""

    batch: int
    epochs: int = EPOCHS[0]
    warm_up_epochs: int = 0
    keeps_batch: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The values of a training on a data set, and in one sentence each why."""

    training_batch_size: int
    number_of_epochs: int
    warm_up_epochs: int
    weighted_loss: int
    reasons: tuple[str, ...]


def batch_of(defaults: Defaults, images: int) -> int:
    """The batch for so many images: the largest power of two that leaves enough of them an epoch, at most its own."""
    if defaults.keeps_batch:
        return defaults.batch
    wanted = min(defaults.batch, max(images // BATCHES, LEAST_BATCH))
    return min(defaults.batch, 1 << (max(wanted, 1).bit_length() - 1))


def rate_factor(defaults: Defaults, batch: int, *, is_adaptive: bool) -> float:
    """What a model's rate is multiplied by with another batch than its own; some optimisers scale their own steps.

    The linear rule for sgd (Goyal et al., 2017), the square root for adam (Malladi et al., 2022).
    """
    factor = batch / defaults.batch
    return math.sqrt(factor) if is_adaptive else factor


def recipe(
    defaults: Defaults, images: int, class_counts: tuple[int, ...], epoch_seconds: float, time_limit: float | None
) -> Recipe:
    """Return the recipe for so many training images.

    Args:
        defaults: the model's own.
        images: how many there are to train on.
        class_counts: images of each class.
        epoch_seconds: how long an epoch takes with the batch that `batch_of` gives, evaluation included.
        time_limit: seconds of the whole search; None where there is none.
    """
    batch = batch_of(defaults, images)
    updates = next(count for most, count in UPDATES if images < most)
    epochs = min(max(round(updates * batch / images), EPOCHS[0]), EPOCHS[1])
    reasons = [f"batch {batch}: {images} training images, of which the model's own {defaults.batch} leaves few updates"]
    if batch == defaults.batch:
        reasons = [f"batch {batch}: the model's own"]
    reasons.append(f"{epochs} epochs: about {updates} updates for {images} images")
    if time_limit is not None:
        affordable, most = (int(share * time_limit / epoch_seconds) for share in (SHARE_OF_TIME, LARGEST_SHARE))
        if affordable < epochs:
            epochs = max(1, affordable, min(defaults.epochs, most))
            share = "a quarter" if epochs == affordable else "up to three quarters"
            reasons[-1] = f"{epochs} epochs of {epoch_seconds:.2g} s: one training may take {share} of the time"
    largest, smallest = max(class_counts, default=0), min(filter(None, class_counts), default=0)
    is_imbalanced = largest > IMBALANCED * smallest > 0
    if is_imbalanced:
        reasons.append(f"weighted loss: the largest class has {largest} images, the smallest {smallest}")
    return Recipe(
        training_batch_size=batch,
        number_of_epochs=epochs,
        warm_up_epochs=min(defaults.warm_up_epochs, max(1, epochs // WARM_UP)),
        weighted_loss=int(is_imbalanced),
        reasons=tuple(reasons),
    )
